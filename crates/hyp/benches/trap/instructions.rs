//! Instructions for each call, counted by callgrind.

use std::error::Error;

use crate::callgrind;
use crate::workload::{KEYS, KINDS, PLACEMENTS, Workload};

/// How this program tells itself to make calls instead of measuring.
pub(crate) const FLAG: &str = "--make-calls";

/// Runs as the counted program: a kind, a placement, a number of passes.
pub(crate) fn run(arguments: &[String]) {
    let [name, placement, passes] = arguments else { panic!("{FLAG} KIND PLACEMENT PASSES") };
    let kind = KINDS.into_iter().find(|kind| kind.name == name).expect("a kind's name");
    let passes: u32 = passes.parse().expect("a number of passes");
    let placement = PLACEMENTS.into_iter().find(|known| known.name == placement).expect("a placement's name");
    let workload = Workload::new(kind, placement);
    workload.with_vcpu(|vcpu| (0..passes).for_each(|_| workload.pass(vcpu)));
}

/// Counts and prints, or says why not.
pub(crate) fn print_table() {
    if !callgrind::is_there() {
        return;
    }
    println!("instructions for each call, the loop and the loading of registers included");
    for kind in KINDS {
        print!("{:<20}", kind.name);
        for placement in PLACEMENTS {
            match instructions(kind.name, placement.name) {
                Ok(count) => print!("{count:>11.1}        "),
                Err(error) => print!("  {error}"),
            }
        }
        println!();
    }
}

/// What a second pass adds, for each call.
fn instructions(name: &str, placement: &str) -> Result<f64, Box<dyn Error>> {
    let [one, two] = ["1", "2"].map(|passes| callgrind::total(&[FLAG, name, placement, passes]));
    let [one, two] = [one?, two?];
    let added = u32::try_from(two.saturating_sub(one))?;
    Ok(f64::from(added) / f64::from(u32::try_from(KEYS)?))
}

//! Instructions for each lookup, counted by callgrind.

use std::error::Error;

use rangemap::RangeInclusiveMap;
use switchboard_filter::{Action, Lookup};

use crate::callgrind;
use crate::{
    structures::{SortedArray, Structure, Tree},
    times::independent,
    workload::{KEYS, SIZES, Workload},
};

/// How this program tells itself to look up instead of measuring.
pub(crate) const FLAG: &str = "--look-up";

/// Builds a structure of so many ranges and goes over the keys so many times.
type Passes = fn(usize, usize);

/// The structures by name.
const STRUCTURES: [(&str, Passes); 4] = [
    (Lookup::NAME, passes::<Lookup>),
    (SortedArray::NAME, passes::<SortedArray>),
    (Tree::NAME, passes::<Tree>),
    (RangeInclusiveMap::<u32, Action>::NAME, passes::<RangeInclusiveMap<u32, Action>>),
];

/// Runs as the counted program: a structure, a number of ranges, a number of passes over the keys.
pub(crate) fn run(arguments: &[String]) {
    let [name, ranges, count] = arguments else { panic!("{FLAG} STRUCTURE RANGES PASSES") };
    let (_, passes) = STRUCTURES.iter().find(|(known, _)| known == name).expect("a structure's name");
    passes(ranges.parse().expect("a number of ranges"), count.parse().expect("a number of passes"));
}

fn passes<S: Structure>(ranges: usize, count: usize) {
    let structure = S::of(&Workload::Random.filter(ranges));
    let keys = Workload::Random.keys(ranges);
    (0..count).for_each(|_| independent(&structure, &keys));
}

/// Counts and prints, or says why not.
pub(crate) fn print_table() {
    if !callgrind::is_there() {
        return;
    }
    println!("instructions for each lookup, the loop around it included: ranges anywhere, random keys");
    for (name, _) in STRUCTURES {
        print!("  {name:<14}");
        for ranges in SIZES {
            match instructions(name, ranges) {
                Ok(count) => print!("{count:>9.1}       "),
                Err(error) => print!("  {error}"),
            }
        }
        println!();
    }
}

/// What a second pass over the keys adds, for each key.
fn instructions(name: &str, ranges: usize) -> Result<f64, Box<dyn Error>> {
    let ranges = ranges.to_string();
    let [one, two] = ["1", "2"].map(|passes| callgrind::total(&[FLAG, name, &ranges, passes]));
    let [one, two] = [one?, two?];
    let added = u32::try_from(two.saturating_sub(one))?;
    Ok(f64::from(added) / f64::from(u32::try_from(KEYS)?))
}

//! Instructions for each call, counted by callgrind.

use std::{env, error::Error, fs, process::Command};

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
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        println!("no instruction counts: valgrind: {error}");
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
    let [one, two] = [total(name, placement, 1)?, total(name, placement, 2)?];
    let added = u32::try_from(two.saturating_sub(one))?;
    Ok(f64::from(added) / f64::from(u32::try_from(KEYS)?))
}

/// All instructions of one run of this program.
fn total(name: &str, placement: &str, passes: u32) -> Result<u64, Box<dyn Error>> {
    let report = env::temp_dir().join(format!("switchboard-trap-{}.callgrind", std::process::id()));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", report.display()))
        .arg(env::current_exe()?)
        .args([FLAG, name, placement, &passes.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(format!("valgrind: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = fs::read_to_string(&report)?;
    fs::remove_file(&report)?;
    let line = text.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    Ok(line.ok_or("callgrind's report has no total")?.trim().parse()?)
}

//! Instructions for each lookup, counted by callgrind.

use std::{env, error::Error, fs, process::Command};

use rangemap::RangeInclusiveMap;
use switchboard_filter::{Action, Lookup};

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
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        println!("no instruction counts: valgrind: {error}");
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
    let [one, two] = [total(name, ranges, 1)?, total(name, ranges, 2)?];
    let added = u32::try_from(two.saturating_sub(one))?;
    Ok(f64::from(added) / f64::from(u32::try_from(KEYS)?))
}

/// All instructions of one run of this program.
fn total(name: &str, ranges: usize, count: usize) -> Result<u64, Box<dyn Error>> {
    let report = env::temp_dir().join(format!("switchboard-lookup-{}.callgrind", std::process::id()));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", report.display()))
        .arg(env::current_exe()?)
        .args([FLAG, name, &ranges.to_string(), &count.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(format!("valgrind: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = fs::read_to_string(&report)?;
    fs::remove_file(&report)?;
    let line = text.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    Ok(line.ok_or("callgrind's report has no total")?.trim().parse()?)
}

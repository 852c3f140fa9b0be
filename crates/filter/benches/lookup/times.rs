//! Time for each lookup, in nanoseconds.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use rangemap::RangeInclusiveMap;
use switchboard_filter::{Action, Lookup};

use crate::{
    structures::{SortedArray, Structure, Tree},
    workload::{KEYS, SIZES, Workload},
};

/// How long one measurement takes at the least.
const MEASUREMENT: Duration = Duration::from_millis(2);

/// Whether the next key waits for the result of the lookup before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chain {
    /// It does not: what is measured is throughput.
    Independent,
    /// It does: what is measured is latency.
    Dependent,
}

/// One number of the table: a structure, a workload, a size.
struct Cell {
    run: Box<dyn Fn()>,
    passes: u32,
    nanoseconds: Vec<f64>,
}

impl Cell {
    fn new<S: Structure + 'static>(workload: Workload, chain: Chain, ranges: usize) -> Self {
        let structure = S::of(&workload.filter(ranges));
        let keys = workload.keys(ranges);
        let run: Box<dyn Fn()> = match chain {
            Chain::Independent => Box::new(move || independent(&structure, &keys)),
            Chain::Dependent => Box::new(move || dependent(&structure, &keys, workload.spread())),
        };
        let mut cell = Self { run, passes: 1, nanoseconds: Vec::new() };
        while cell.time() < MEASUREMENT {
            cell.passes *= 2;
        }
        cell
    }

    fn time(&self) -> Duration {
        let start = Instant::now();
        (0..self.passes).for_each(|_| (self.run)());
        start.elapsed()
    }

    fn measure(&mut self) {
        let keys = f64::from(u32::try_from(KEYS).expect("few keys"));
        self.nanoseconds.push(self.time().as_secs_f64() * 1e9 / f64::from(self.passes) / keys);
    }

    fn median(&mut self) -> f64 {
        self.nanoseconds.sort_by(f64::total_cmp);
        self.nanoseconds[self.nanoseconds.len() / 2]
    }
}

/// Looks every key up. Out of line, so that the code measured is the same wherever it is called from.
#[inline(never)]
pub(crate) fn independent<S: Structure>(structure: &S, keys: &[u32]) {
    let structure = black_box(structure);
    let sum: u32 = keys.iter().map(|&key| u32::from(structure.find(key).to_uapi())).sum();
    black_box(sum);
}

/// Looks every key up, changed by the result before it: by so much that where to look is not known earlier.
#[inline(never)]
fn dependent<S: Structure>(structure: &S, keys: &[u32], spread: u32) {
    let (structure, spread) = black_box((structure, spread));
    black_box(
        keys.iter()
            .fold(0, |before, &key| spread.wrapping_mul(u32::from(structure.find(key ^ before).to_uapi()))),
    );
}

/// One workload: four structures at four sizes.
struct Group {
    title: String,
    rows: [(&'static str, [Cell; SIZES.len()]); 4],
}

fn group(workload: Workload, chain: Chain) -> Group {
    fn row<S: Structure + 'static>(workload: Workload, chain: Chain) -> (&'static str, [Cell; SIZES.len()]) {
        (S::NAME, SIZES.map(|ranges| Cell::new::<S>(workload, chain, ranges)))
    }
    let how = match chain {
        Chain::Independent => "throughput",
        Chain::Dependent => "latency of a dependent chain",
    };
    Group {
        title: format!("{}: {how}", workload.name()),
        rows: [
            row::<Lookup>(workload, chain),
            row::<SortedArray>(workload, chain),
            row::<Tree>(workload, chain),
            row::<RangeInclusiveMap<u32, Action>>(workload, chain),
        ],
    }
}

/// Measures everything, `rounds` times in turn, and prints the medians and their ratio to the lookup's.
pub(crate) fn print_table(rounds: usize) {
    let mut groups: Vec<Group> = Workload::ALL
        .into_iter()
        .map(|workload| group(workload, Chain::Independent))
        .chain([Workload::Random, Workload::OnePage].map(|workload| group(workload, Chain::Dependent)))
        .collect();
    for _ in 0..rounds {
        for (_, cells) in groups.iter_mut().flat_map(|group| &mut group.rows) {
            cells.iter_mut().for_each(Cell::measure);
        }
    }
    println!("ns for each lookup, median of {rounds} rounds (ratio to Lookup)");
    println!("{:<16}{}", "ranges", SIZES.map(|size| format!("{size:>16}")).concat());
    for Group { title, mut rows } in groups {
        println!("{title}");
        let base = rows[0].1.each_mut().map(Cell::median);
        for (name, cells) in &mut rows {
            print!("  {name:<14}");
            for (cell, base) in cells.iter_mut().zip(base) {
                let nanoseconds = cell.median();
                print!("{nanoseconds:>8.2} ({:>4.1})", nanoseconds / base);
            }
            println!();
        }
    }
}

/// What a filter costs before the first lookup: memory and the time to compile it.
pub(crate) fn print_compilation() {
    println!("compiled form: bytes, and microseconds to compile");
    for workload in Workload::ALL.into_iter().filter(|&workload| workload != Workload::Skewed) {
        let cost = |ranges| {
            let filter = workload.filter(ranges);
            let start = Instant::now();
            let lookup = black_box(filter.compile());
            let microseconds = start.elapsed().as_secs_f64() * 1e6;
            format!("{:>9} {microseconds:>6.0}", lookup.memory())
        };
        println!("  {:<46}{}", workload.name(), SIZES.map(cost).join(""));
    }
}

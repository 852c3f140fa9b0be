//! What a call costs: `cargo bench -p switchboard-hyp`.
//!
//! Prints nanoseconds and millions of calls a second on one core and, if valgrind is there, instructions. Each call
//! includes loading x0 to x17, as an embedder does; the first row is that alone. The kinds are measured in turn, and of
//! each the median is printed.

#[path = "../../../../benches/callgrind.rs"]
mod callgrind;
mod instructions;
mod workload;

use std::{
    env,
    time::{Duration, Instant},
};

use workload::{KEYS, KINDS, Kind, PLACEMENTS, Placement, Workload};

/// How often everything is measured.
const ROUNDS: usize = 15;

/// How long one measurement takes at the least.
const MEASUREMENT: Duration = Duration::from_millis(2);

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().position(|argument| argument == instructions::FLAG) {
        Some(at) => instructions::run(&arguments[at + 1..]),
        // `cargo bench` says so; under `cargo test --benches`, once is enough to see that it works.
        None if arguments.iter().any(|argument| argument == "--bench") => {
            print_times(ROUNDS);
            instructions::print_table();
        }
        None => print_times(1),
    }
}

/// A kind of call with a filter.
struct Cell {
    workload: Workload,
    passes: u32,
    nanoseconds: Vec<f64>,
}

impl Cell {
    fn new(kind: Kind, placement: Placement) -> Self {
        let workload = Workload::new(kind, placement);
        let mut cell = Self { workload, passes: 1, nanoseconds: Vec::new() };
        while cell.time() < MEASUREMENT {
            cell.passes *= 2;
        }
        cell
    }

    fn time(&self) -> Duration {
        self.workload.with_vcpu(|vcpu| {
            let start = Instant::now();
            (0..self.passes).for_each(|_| self.workload.pass(vcpu));
            start.elapsed()
        })
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

fn print_times(rounds: usize) {
    let mut rows = KINDS.map(|kind| PLACEMENTS.map(|placement| Cell::new(kind, placement)));
    for _ in 0..rounds {
        rows.iter_mut().flatten().for_each(Cell::measure);
    }
    println!("ns for each call (millions a second), median of {rounds} rounds");
    println!("{:<20}{}", "", PLACEMENTS.map(|placement| format!("{:>19}", placement.name)).concat());
    for (kind, cells) in KINDS.iter().zip(&mut rows) {
        print!("{:<20}", kind.name);
        for cell in cells {
            let nanoseconds = cell.median();
            print!("{nanoseconds:>11.2} ({:>5.1})", 1e3 / nanoseconds);
        }
        println!();
    }
}

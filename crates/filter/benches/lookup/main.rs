//! What a lookup costs, beside three other structures: `cargo bench -p switchboard-filter`.
//!
//! Prints times and, if valgrind is there, instructions. What matters on a machine that does other work too are the
//! ratios within one run: the structures are measured in turn, and of each the median is printed.

#[path = "../../../../benches/callgrind.rs"]
mod callgrind;
mod instructions;
#[path = "../../tests/placements/mod.rs"]
mod placements;
mod structures;
mod times;
mod workload;

use std::env;

/// How often everything is measured.
const ROUNDS: usize = 15;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().position(|argument| argument == instructions::FLAG) {
        Some(at) => instructions::run(&arguments[at + 1..]),
        // `cargo bench` says so; under `cargo test --benches`, once is enough to see that it works.
        None if arguments.iter().any(|argument| argument == "--bench") => {
            times::print_table(ROUNDS);
            times::print_compilation();
            instructions::print_table();
        }
        None => times::print_table(1),
    }
}

//! `bench`: `calls` times the cheapest call, for a count of ioctls or of instructions from outside.

use crate::{
    console::println,
    cpu,
    machine::Machine,
    psci,
    smccc::{Conduit, NOT_SUPPORTED},
    tap::Report,
};

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let calls = machine.args.number("calls", 10_000);
    let start = cpu::ticks();
    let mut last = 0;
    for _ in 0..calls {
        last = conduit.call3(psci::PSCI_VERSION, [0; 3]);
    }
    let ticks = cpu::ticks() - start;
    report.check(last != NOT_SUPPORTED, format_args!("PSCI_VERSION is NOT_SUPPORTED"));
    println!("# bench calls={calls} psci_version_ticks={ticks}");
}

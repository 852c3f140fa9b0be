//! `stride`: function IDs from all 2^32, `stride` apart (a prime, so that no alignment hides anything).
//!
//! Every call must come back, with a result that the ID's owner could have given.

use super::ids;
use crate::{console::println, machine::Machine, random::Random, smccc::Conduit, tap::Report};

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let stride = machine.args.number("stride", 4093);
    let mut random = Random::new(machine.args.number("seed", 1234));
    let Some(step) = usize::try_from(stride).ok().filter(|&step| step != 0) else {
        report.check(false, format_args!("stride={stride} is no stride"));
        return;
    };
    let mut calls = 0_u64;
    for id in (0..=u32::MAX).step_by(step).filter(|&id| !ids::is_power(id)) {
        ids::sweep(conduit, id, &mut random, report);
        calls += 1;
    }
    println!("# stride: {calls} calls");
}

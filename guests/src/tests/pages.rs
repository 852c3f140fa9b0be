//! `pages`: every ID of the pages where specifications put their functions, in both widths.
//!
//! And the IDs that `stride` leaves out because a careless firmware would end this CPU: they must not pass for the
//! functions they resemble.

use core::ops::RangeInclusive;

use super::{denied, ids};
use crate::{
    console::println,
    machine::Machine,
    random::Random,
    sdei::Client,
    smccc::{Conduit, NOT_SUPPORTED, Registers},
    tap::Report,
};

/// SMC32 of owner 4: PSCI 00-1f, SDEI 20-3f, MM and TRNG 40-5f, FF-A 60-ef, and on to the RMM's; of owner 5, the
/// hypervisor services; of owner 6, the vendor's hypervisor, and its general queries.
const PAGES: [RangeInclusive<u32>; 4] = [
    0x8400_0000..=0x8400_01ff,
    0x8500_0000..=0x8500_003f,
    0x8600_0000..=0x8600_007f,
    0x8600_ff00..=0x8600_ff03,
];

const SMC64: u32 = 1 << 30;

/// SMCCC, section 2.5: the hint (bit 16), and bits that must be zero.
const HINTS: [u32; 4] = [1 << 16, 1 << 17, 1 << 23, 0xff << 16];

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let mut random = Random::new(machine.args.number("seed", 1234));
    let mut calls = 0_u64;
    for id in PAGES.into_iter().flatten().flat_map(|id| [id, id | SMC64]).filter(|&id| !ids::is_power(id)) {
        ids::sweep(conduit, id, &mut random, report);
        calls += 1;
    }
    for number in ids::POWER {
        for id in
            HINTS.into_iter().flat_map(|hint| [0x8400_0000, 0xc400_0000].map(|page| page | hint | number))
        {
            let got = conduit.call(Registers::random(u64::from(id), &mut random));
            let refused = !got.undefined && got.registers.0[0] == NOT_SUPPORTED;
            report.check(refused, format_args!("{id:#x}: {got}"));
            calls += 1;
        }
    }
    denied::run(machine, conduit, report);
    // SDEI_PE_UNMASK was among them; nothing is registered, but a test of events may follow.
    let _ = Client::new(conduit).mask();
    println!("# pages: {calls} calls");
}

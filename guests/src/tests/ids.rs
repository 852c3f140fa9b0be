//! Which function IDs a sweep may call with random arguments, and what it may expect of each.

use super::denied::KVM_PSCI_0_1;
use crate::{
    random::Random,
    services::HV_HYPERCALL,
    smccc::{Conduit, NOT_SUPPORTED, Registers},
    tap::Report,
};

/// SMCCC, section 2.5: fast call; SMC64; owner in `[29:24]`; hint in bit 16, must be zero in `[23:17]`.
const FAST: u32 = 1 << 31;
const SMC64: u32 = 1 << 30;
const HINT_AND_MBZ: u32 = 0x00ff_0000;

/// Functions of PSCI that end, park or start a CPU, or are reserved for it: CPU_SUSPEND, CPU_OFF, CPU_ON, MIGRATE,
/// SYSTEM_OFF, SYSTEM_RESET, CPU_FREEZE, CPU_DEFAULT_SUSPEND, SYSTEM_SUSPEND, SYSTEM_RESET2, SYSTEM_OFF2.
pub const POWER: [u32; 11] = [0x1, 0x2, 0x3, 0x5, 0x8, 0x9, 0xb, 0xc, 0xe, 0x12, 0x15];

/// Would it end, park or start a CPU, if implemented? Whatever its width, its hint and the bits that must be zero.
pub fn is_power(id: u32) -> bool {
    let standard = id & !(SMC64 | HINT_AND_MBZ) & 0xffff_0000 == 0x8400_0000;
    KVM_PSCI_0_1.contains(&id) || standard && POWER.contains(&(id & 0xffff))
}

/// What a function that some specification defines may return in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Results {
    /// Nobody defines it: NOT_SUPPORTED.
    None,
    /// x0 to x3: SMCCC 1.0 and 1.1.
    X0ToX3,
    /// x0 to x17: SMCCC 1.2 (section 2.7).
    X0ToX17,
}

/// (owner, first, last, results), for fast calls of either width. A firmware need not implement them.
const DEFINED: [(u32, u32, u32, Results); 15] = [
    (0, 0x0000, 0xffff, Results::X0ToX17), // Arm Architecture; SOC_ID has a name of 136 bytes (DEN0028, 7.4)
    (2, 0x0000, 0x0001, Results::X0ToX3),  // what the tests let other processes serve
    (2, 0x3d06, 0x3d06, Results::X0ToX3),  // the watchdog
    (2, 0xff00, 0xff03, Results::X0ToX3),
    (4, 0x0000, 0x0015, Results::X0ToX3),  // PSCI (DEN0022)
    (4, 0x0020, 0x0033, Results::X0ToX17), // SDEI (DEN0054)
    (4, 0x0040, 0x004f, Results::X0ToX3),  // MM (DEN0060)
    (4, 0x0050, 0x0053, Results::X0ToX3),  // TRNG (DEN0098)
    (4, 0x0060, 0x0097, Results::X0ToX17), // FF-A (DEN0077)
    (4, 0x0110, 0x0134, Results::X0ToX3),  // DRTM (DEN0113), PCI (DEN0115)
    (4, 0xff00, 0xff03, Results::X0ToX3),  // general queries
    (5, 0x0020, 0x0021, Results::X0ToX3),  // paravirtualized time (DEN0057)
    (5, 0xff00, 0xff03, Results::X0ToX3),
    (6, 0x0000, 0x0041, Results::X0ToX3), // KVM's, and Hyper-V's 1
    (6, 0xff00, 0xff03, Results::X0ToX3),
];

fn results(id: u32) -> Results {
    // A yielding call, and the only one that somebody defines.
    if id == HV_HYPERCALL {
        return Results::X0ToX17;
    }
    let (owner, number) = (id >> 24 & 0x3f, id & 0xffff);
    if id & FAST == 0 || id & HINT_AND_MBZ != 0 {
        return Results::None;
    }
    let row = DEFINED.iter().find(|row| row.0 == owner && (row.1..=row.2).contains(&number));
    row.map_or(Results::None, |row| row.3)
}

/// May the function return in x4 to x17, if there is one?
pub fn returns_beyond_x3(id: u32) -> bool {
    results(id) == Results::X0ToX17
}

/// Calls an ID with a dirty upper half of x0 and random x1 to x17, and checks what any firmware must return.
pub fn sweep(conduit: Conduit, id: u32, random: &mut Random, report: &mut Report) {
    let before = Registers::random(random.dirty(id), random);
    let after = conduit.call(before);
    if !report.check(!after.undefined, format_args!("{id:#010x}: {after}")) {
        return;
    }
    let (sent, got) = (before.0, after.registers.0);
    let results = results(id);
    if got[0] == NOT_SUPPORTED {
        let kept = (1..4).all(|n| got[n] == sent[n] || got[n] == 0);
        report.check(kept, format_args!("{id:#010x} is NOT_SUPPORTED and changes registers: {after}"));
    } else {
        report.check(results != Results::None, format_args!("{id:#010x} is unassigned: {after}"));
        report.check(got[0] != sent[0], format_args!("{id:#010x}: nobody answered"));
        let narrowed = u64::from(u32::MAX);
        report.check(got[0] != narrowed, format_args!("{id:#010x}: NOT_SUPPORTED is not sign-extended"));
    }
    if results != Results::X0ToX17 || got[0] == NOT_SUPPORTED {
        let kept = sent[4..] == got[4..];
        report.check(kept, format_args!("{id:#010x} changes a register of x4 to x17"));
    }
}

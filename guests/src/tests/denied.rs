//! `denied`: KVM's private PSCI 0.1 is closed.
//!
//! These IDs are none of any specification; KVM answers them in the kernel unless it is told not to, and a guest
//! could start and stop CPUs behind its monitor.

use crate::{
    machine::Machine,
    random::Random,
    smccc::{Conduit, NOT_SUPPORTED, Registers},
    tap::Report,
};

/// Linux, `arch/arm64/include/uapi/asm/kvm.h`: `KVM_PSCI_FN_CPU_SUSPEND`, `_CPU_OFF`, `_CPU_ON`, `_MIGRATE`.
pub const KVM_PSCI_0_1: core::ops::RangeInclusive<u32> = 0x95c1_ba5e..=0x95c1_ba61;

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let mut random = Random::new(machine.args.number("seed", 1234));
    for id in KVM_PSCI_0_1 {
        for x0 in [u64::from(id), random.dirty(id)] {
            let got = conduit.call(Registers::random(x0, &mut random));
            let refused = !got.undefined && got.registers.0[0] == NOT_SUPPORTED;
            report.check(refused, format_args!("{x0:#x}: {got}"));
        }
    }
}

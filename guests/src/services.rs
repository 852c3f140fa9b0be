//! Services beside PSCI: their function IDs and status codes, and a caller that looks at every register.

use crate::{
    random::Random,
    smccc::{Conduit, EACH_ONCE, NOT_SUPPORTED, Registers},
    tap::Report,
};

/// Arm DEN0098. The lowest bits of what `RND` returns are in x3.
pub const TRNG_VERSION: u32 = 0x8400_0050;
pub const TRNG_FEATURES: u32 = 0x8400_0051;
pub const TRNG_GET_UUID: u32 = 0x8400_0052;
pub const TRNG_RND_32: u32 = 0x8400_0053;
pub const TRNG_RND_64: u32 = 0xc400_0053;
pub const TRNG_VERSION_1_0: u64 = 0x1_0000;
pub const TRNG_NO_ENTROPY: u64 = status(3);

/// Linux, Documentation/virt/kvm/arm/hypercalls.rst and ptp_kvm.rst.
pub const KVM_UID: u32 = 0x8600_ff01;
pub const KVM_FEATURES: u32 = 0x8600_0000;
pub const KVM_PTP: u32 = 0x8600_0001;
pub const KVM_IMPL_VER: u32 = 0xc600_0040;
pub const KVM_IMPL_CPUS: u32 = 0xc600_0041;
/// In the first word of `KVM_FEATURES`, and in the third.
pub const KVM_HAS_PTP: u64 = 1 << 1;
pub const KVM_HAS_IMPL_VER: u64 = 1 << 0;
pub const KVM_HAS_IMPL_CPUS: u64 = 1 << 1;

/// Arm DEN0057.
pub const PV_TIME_FEATURES: u32 = 0xc500_0020;
pub const PV_TIME_ST: u32 = 0xc500_0021;

/// Linux, drivers/watchdog/arm_smc_wdt.c; what it does is in w1.
pub const WATCHDOG: u32 = 0x8200_3d06;
pub const WATCHDOG_INIT: u64 = 0;
pub const WATCHDOG_SET_TIMEOUT: u64 = 1;
pub const WATCHDOG_ENABLE: u64 = 2;
pub const WATCHDOG_PET: u64 = 3;
pub const WATCHDOG_GET_TIMELEFT: u64 = 4;
pub const WATCHDOG_INVALID: u64 = status(2);

/// The general queries of an owner (DEN0028, section 6.2): UID and revision.
pub const GENERAL_QUERIES: [u32; 6] =
    [0x8200_ff01, 0x8200_ff03, 0x8400_ff01, 0x8400_ff03, 0x8500_ff01, 0x8500_ff03];
pub const STANDARD_UID: u32 = 0x8400_ff01;

/// The services of other processes that the tests bring: the sum of x1 and x2 in x0, and x1 to x4 again.
pub const EXTERNAL_SUM: u32 = 0xc200_0000;
pub const EXTERNAL_ECHO: u32 = 0xc200_0001;

/// Hyper-V's hypercall, as it is for guests on Arm: a yielding call, whose kind is in x1 (Linux,
/// arch/arm64/include/asm/mshyperv.h).
pub const HV_HYPERCALL: u32 = 0x4600_0001;

pub const SUCCESS: u64 = 0;
/// SMCCC, section 7.1.
pub const INVALID_PARAMETER: u64 = status(3);

const fn status(code: u64) -> u64 {
    code.wrapping_neg()
}

/// Calls services with random numbers in the registers that are not arguments, and with a dirty upper half of x0.
pub struct Caller<'run> {
    pub conduit: Conduit,
    pub report: &'run mut Report,
    pub random: Random,
}

impl Caller<'_> {
    /// Calls, and checks that x4 to x17 are kept and that no instruction around the call is lost: x0 to x3.
    pub fn call(&mut self, function: u32, arguments: &[u64]) -> [u64; 4] {
        let before = self.registers(function, arguments);
        self.checked(function, before)
    }

    /// What a call of this function with these arguments sends.
    pub fn registers(&mut self, function: u32, arguments: &[u64]) -> Registers {
        let mut registers = Registers::random(self.random.dirty(function), &mut self.random);
        registers.0[1..=arguments.len()].copy_from_slice(arguments);
        registers
    }

    /// As `call`, of registers that the caller knows.
    pub fn checked(&mut self, function: u32, before: Registers) -> [u64; 4] {
        let after = self.conduit.call(before);
        if after.undefined {
            // As if nobody answered.
            return [NOT_SUPPORTED, 0, 0, 0];
        }
        let got = after.registers.0;
        let kept = before.0[4..] == got[4..];
        self.report.check(kept, format_args!("{function:#x} changes a register of x4 to x17"));
        let executed = after.executed;
        self.report.equal(format_args!("instructions around {function:#x}"), executed, EACH_ONCE);
        let narrowed = u64::from(u32::MAX);
        let extended = got[0] != narrowed;
        self.report.check(extended, format_args!("{function:#x}: NOT_SUPPORTED is not sign-extended"));
        [got[0], got[1], got[2], got[3]]
    }

    /// As `call`; `None`, and a failure, if nobody answers.
    pub fn answered(&mut self, what: &str, function: u32, arguments: &[u64]) -> Option<[u64; 4]> {
        let got = self.call(function, arguments);
        let name = self.conduit.name();
        let is_answered = got[0] != NOT_SUPPORTED;
        self.report.check(is_answered, format_args!("{what} is NOT_SUPPORTED over {name}"));
        is_answered.then_some(got)
    }
}

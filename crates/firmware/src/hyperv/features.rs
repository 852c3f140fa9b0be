//! What the guest is told that there is: exactly what is implemented.

use switchboard_smccc::hyperv::{FEATURE_GUEST_CRASH_REGS, privilege};

/// A register's value of 128 bits, the lower half first.
pub(super) type Value = [u64; 2];

/// Whether the host lends a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Lent,
    None,
}

/// `HvRegisterHypervisorVersion`: no build of Hyper-V, so nothing can be concluded from it. OpenVMM says the same.
pub(super) const VERSION: Value = [0, 0];

/// `HvRegisterPrivilegesAndFeaturesInfo`.
///
/// What Linux must not find there: the bits by which it takes itself for a root partition or an isolated one, and those of
/// what is not here (`AccessPartitionId`, `EnableExtendedHypercalls`, the synthetic interrupt controller and its timers).
pub(super) const fn privileges_and_features(clock: Clock) -> Value {
    let time = match clock {
        Clock::Lent => privilege::ACCESS_PARTITION_REFERENCE_COUNTER,
        Clock::None => 0,
    };
    let privileges = time
        | privilege::ACCESS_HYPERCALL_REGS
        | privilege::ACCESS_VP_INDEX
        | privilege::ACCESS_VP_REGISTERS
        | privilege::FAST_HYPERCALL_OUTPUT;
    [privileges, FEATURE_GUEST_CRASH_REGS]
}

/// `HvRegisterFeaturesInfo`: nothing is recommended. Bits 63 to 32 are after how many failures to take a spinlock the guest
/// is to tell the hypervisor: never.
pub(super) const FEATURES: Value = [0xffff_ffff_0000_0000, 0];

/// `HvRegisterImplementationLimitsInfo`: how many CPUs there can be. Zero means that nothing is said, of all else.
pub(super) fn implementation_limits(cpus: usize) -> Value {
    [u64::from(u32::try_from(cpus).unwrap_or(u32::MAX)), 0]
}

//! What KVM answers itself when a call is handled.

use switchboard_filter::{Filter, Range};
use switchboard_smccc::{
    Conduit, FunctionId, kvm,
    psci::{self, Version},
    pv_time, smccc, trng,
};

use crate::{
    range::{IdSet, single},
    registers::FirmwareRegisters,
};

/// The Arm Architecture Calls, which nobody can filter.
pub(crate) fn reserved() -> IdSet {
    IdSet::of(Filter::RESERVED)
}

/// What KVM answers, or a later KVM may. A policy that denies one of these must say so to KVM; all other calls KVM denies
/// without being told. Wider than what it answers today: whole blocks, and what has been set aside beside them.
pub(crate) fn may_answer() -> IdSet {
    let block = |base, count| Range::literal(FunctionId(base), count);
    IdSet::of(Filter::RESERVED.into_iter().chain([
        Range::literal(psci::FIRST_32, psci::FUNCTION_COUNT),
        Range::literal(psci::FIRST_64, psci::FUNCTION_COUNT),
        Range::literal(kvm::PSCI_0_1_FIRST, kvm::PSCI_0_1_COUNT),
        block(0x8400_0050, 0x10),
        block(0xc400_0050, 0x10),
        block(0xc500_0020, 0x20),
        block(0x8600_0000, 0x80),
        block(0xc600_0000, 0x80),
        block(0x8600_ff00, 0x100),
    ]))
}

/// What KVM of Linux 7.2 answers, otherwise than by NOT_SUPPORTED, with these registers.
pub(crate) fn answers(registers: &FirmwareRegisters, conduit: Conduit) -> IdSet {
    let mut ids = vec![smccc::SMCCC_VERSION, smccc::SMCCC_ARCH_FEATURES];
    if conduit == Conduit::Hvc {
        // By its exception vector; over SMC nobody answers.
        ids.extend([smccc::ARCH_WORKAROUND_1, smccc::ARCH_WORKAROUND_2, smccc::ARCH_WORKAROUND_3]);
    }
    ids.extend(psci_functions(registers.psci_version.unwrap_or(Version::V1_3)));
    if registers.has_trng() {
        ids.extend([trng::VERSION, trng::FEATURES, trng::GET_UUID, trng::RND_32, trng::RND_64]);
    }
    if registers.has_pv_time() {
        ids.extend([pv_time::FEATURES, pv_time::STOLEN_TIME]);
    }
    if registers.has_kvm_features() {
        ids.extend([kvm::FEATURES, kvm::CALL_UID]);
    }
    if registers.has_ptp() {
        ids.push(kvm::PTP);
    }
    IdSet::of(ids.into_iter().map(single))
}

/// `SYSTEM_SUSPEND` is among them, though the monitor must enable it.
fn psci_functions(version: Version) -> impl Iterator<Item = FunctionId> {
    let since = |wanted: Version, functions: &'static [FunctionId]| {
        functions.iter().copied().filter(move |_| version >= wanted)
    };
    since(
        Version::V0_2,
        &[
            psci::PSCI_VERSION,
            psci::CPU_SUSPEND_32,
            psci::CPU_SUSPEND_64,
            psci::CPU_OFF,
            psci::CPU_ON_32,
            psci::CPU_ON_64,
            psci::AFFINITY_INFO_32,
            psci::AFFINITY_INFO_64,
            psci::MIGRATE_INFO_TYPE,
            psci::SYSTEM_OFF,
            psci::SYSTEM_RESET,
        ],
    )
    .chain(since(Version::V1_0, &[psci::PSCI_FEATURES, psci::SYSTEM_SUSPEND_32, psci::SYSTEM_SUSPEND_64]))
    .chain(since(Version::V1_1, &[psci::SYSTEM_RESET2_32, psci::SYSTEM_RESET2_64]))
    .chain(since(Version::V1_3, &[psci::SYSTEM_OFF2_32, psci::SYSTEM_OFF2_64]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_kvm_answers_it_may_answer() {
        let answered = answers(&FirmwareRegisters::everything(None), Conduit::Hvc);
        assert!(answered.without(&may_answer()).is_empty());
    }
}

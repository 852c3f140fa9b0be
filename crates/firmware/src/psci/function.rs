//! The functions that are implemented: the one list behind both `PSCI_FEATURES` and the answers.

use switchboard_smccc::{FunctionId, psci};

/// A function of PSCI that [`Psci`](super::Psci) implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Version,
    CpuSuspend,
    CpuOff,
    CpuOn,
    AffinityInfo,
    MigrateInfoType,
    SystemOff,
    SystemReset,
    Features,
}

impl Function {
    /// The implemented function with this ID, in exactly the widths that the specification gives it.
    pub(super) const fn from_id(id: FunctionId) -> Option<Self> {
        Some(match id {
            psci::PSCI_VERSION => Self::Version,
            psci::CPU_SUSPEND_32 | psci::CPU_SUSPEND_64 => Self::CpuSuspend,
            psci::CPU_OFF => Self::CpuOff,
            psci::CPU_ON_32 | psci::CPU_ON_64 => Self::CpuOn,
            psci::AFFINITY_INFO_32 | psci::AFFINITY_INFO_64 => Self::AffinityInfo,
            psci::MIGRATE_INFO_TYPE => Self::MigrateInfoType,
            psci::SYSTEM_OFF => Self::SystemOff,
            psci::SYSTEM_RESET => Self::SystemReset,
            psci::PSCI_FEATURES => Self::Features,
            _ => return None,
        })
    }
}

//! The functions that are implemented, and since which version: the one list behind both `PSCI_FEATURES` and the answers.

use switchboard_smccc::{
    FunctionId,
    psci::{self, Version},
};

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
    CpuFreeze,
    CpuDefaultSuspend,
    NodeHwState,
    SystemSuspend,
    SetSuspendMode,
    StatResidency,
    StatCount,
    SystemReset2,
    MemProtect,
    MemProtectCheckRange,
    SystemOff2,
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
            psci::CPU_FREEZE => Self::CpuFreeze,
            psci::CPU_DEFAULT_SUSPEND_32 | psci::CPU_DEFAULT_SUSPEND_64 => Self::CpuDefaultSuspend,
            psci::NODE_HW_STATE_32 | psci::NODE_HW_STATE_64 => Self::NodeHwState,
            psci::SYSTEM_SUSPEND_32 | psci::SYSTEM_SUSPEND_64 => Self::SystemSuspend,
            psci::PSCI_SET_SUSPEND_MODE => Self::SetSuspendMode,
            psci::PSCI_STAT_RESIDENCY_32 | psci::PSCI_STAT_RESIDENCY_64 => Self::StatResidency,
            psci::PSCI_STAT_COUNT_32 | psci::PSCI_STAT_COUNT_64 => Self::StatCount,
            psci::SYSTEM_RESET2_32 | psci::SYSTEM_RESET2_64 => Self::SystemReset2,
            psci::MEM_PROTECT => Self::MemProtect,
            psci::MEM_PROTECT_CHECK_RANGE_32 | psci::MEM_PROTECT_CHECK_RANGE_64 => Self::MemProtectCheckRange,
            psci::SYSTEM_OFF2_32 | psci::SYSTEM_OFF2_64 => Self::SystemOff2,
            _ => return None,
        })
    }

    /// The version of PSCI that brought it.
    pub(super) const fn since(self) -> Version {
        match self {
            Self::Version
            | Self::CpuSuspend
            | Self::CpuOff
            | Self::CpuOn
            | Self::AffinityInfo
            | Self::MigrateInfoType
            | Self::SystemOff
            | Self::SystemReset => Version::V0_2,
            Self::Features
            | Self::CpuFreeze
            | Self::CpuDefaultSuspend
            | Self::NodeHwState
            | Self::SystemSuspend
            | Self::SetSuspendMode
            | Self::StatResidency
            | Self::StatCount => Version::V1_0,
            Self::SystemReset2 | Self::MemProtect | Self::MemProtectCheckRange => Version::V1_1,
            Self::SystemOff2 => Version::V1_3,
        }
    }
}

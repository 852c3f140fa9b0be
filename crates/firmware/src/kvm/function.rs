//! The functions that are implemented: the one list behind the features, the answers and the support table.

use switchboard_smccc::{FunctionId, kvm};

/// A function that [`KvmVendor`](super::KvmVendor) implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    CallUid,
    Features,
    Ptp,
    DiscoverImplVer,
    DiscoverImplCpus,
}

impl Function {
    /// All of them that have a bit in the features.
    pub(super) const FEATURES: [Self; 4] =
        [Self::Features, Self::Ptp, Self::DiscoverImplVer, Self::DiscoverImplCpus];

    /// The implemented function with this ID.
    pub(super) const fn from_id(id: FunctionId) -> Option<Self> {
        Some(match id {
            kvm::CALL_UID => Self::CallUid,
            kvm::FEATURES => Self::Features,
            kvm::PTP => Self::Ptp,
            kvm::DISCOVER_IMPL_VER => Self::DiscoverImplVer,
            kvm::DISCOVER_IMPL_CPUS => Self::DiscoverImplCpus,
            _ => return None,
        })
    }

    /// Its ID.
    pub(super) const fn id(self) -> FunctionId {
        match self {
            Self::CallUid => kvm::CALL_UID,
            Self::Features => kvm::FEATURES,
            Self::Ptp => kvm::PTP,
            Self::DiscoverImplVer => kvm::DISCOVER_IMPL_VER,
            Self::DiscoverImplCpus => kvm::DISCOVER_IMPL_CPUS,
        }
    }

    /// Where its bit is in what `KVM_FEATURES` returns: the words x0 to x3, of which it sets one.
    pub(super) const fn feature(self) -> [u64; 4] {
        match self {
            Self::CallUid => [0; 4],
            Self::Features => [kvm::FEATURE_FEATURES, 0, 0, 0],
            Self::Ptp => [kvm::FEATURE_PTP, 0, 0, 0],
            Self::DiscoverImplVer => [0, 0, kvm::FEATURE_DISCOVER_IMPL_VER, 0],
            Self::DiscoverImplCpus => [0, 0, kvm::FEATURE_DISCOVER_IMPL_CPUS, 0],
        }
    }
}

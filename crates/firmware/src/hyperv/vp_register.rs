//! The registers that are implemented: the one list behind what is read, what is written and the support table.

use switchboard_smccc::hyperv::{CRASH_PARAMETERS, RegisterName};

/// A register that [`HyperV`](super::HyperV) implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VpRegister {
    HypervisorVersion,
    PrivilegesAndFeaturesInfo,
    FeaturesInfo,
    ImplementationLimitsInfo,
    /// P0 to P4, by number.
    GuestCrashP(usize),
    GuestCrashCtl,
    GuestOsId,
    VpIndex,
    TimeRefCount,
}

impl VpRegister {
    /// One of each kind, in the order of their names.
    pub(super) const KINDS: [Self; 9] = [
        Self::HypervisorVersion,
        Self::PrivilegesAndFeaturesInfo,
        Self::FeaturesInfo,
        Self::ImplementationLimitsInfo,
        Self::GuestCrashP(0),
        Self::GuestCrashCtl,
        Self::GuestOsId,
        Self::VpIndex,
        Self::TimeRefCount,
    ];

    /// The implemented register with this name.
    pub(super) fn from_name(name: RegisterName) -> Option<Self> {
        Some(match name {
            RegisterName::HYPERVISOR_VERSION => Self::HypervisorVersion,
            RegisterName::PRIVILEGES_AND_FEATURES_INFO => Self::PrivilegesAndFeaturesInfo,
            RegisterName::FEATURES_INFO => Self::FeaturesInfo,
            RegisterName::IMPLEMENTATION_LIMITS_INFO => Self::ImplementationLimitsInfo,
            RegisterName::GUEST_CRASH_CTL => Self::GuestCrashCtl,
            RegisterName::GUEST_OS_ID => Self::GuestOsId,
            RegisterName::VP_INDEX => Self::VpIndex,
            RegisterName::TIME_REF_COUNT => Self::TimeRefCount,
            RegisterName(name) => {
                let number = name.checked_sub(RegisterName::GUEST_CRASH_P0.0);
                let number = number.filter(|&number| number < CRASH_PARAMETERS)?;
                Self::GuestCrashP(usize::try_from(number).ok()?)
            }
        })
    }
}

//! The Power State Coordination Interface (PSCI, Arm DEN0022), issue F: version 1.3.

use core::fmt;

use crate::FunctionId;

/// `PSCI_VERSION` (section 5.1.1).
pub const PSCI_VERSION: FunctionId = FunctionId(0x8400_0000);
/// `CPU_SUSPEND` (5.1.2), SMC32.
pub const CPU_SUSPEND_32: FunctionId = FunctionId(0x8400_0001);
/// `CPU_SUSPEND` (5.1.2), SMC64.
pub const CPU_SUSPEND_64: FunctionId = FunctionId(0xc400_0001);
/// `CPU_OFF` (5.1.3).
pub const CPU_OFF: FunctionId = FunctionId(0x8400_0002);
/// `CPU_ON` (5.1.4), SMC32.
pub const CPU_ON_32: FunctionId = FunctionId(0x8400_0003);
/// `CPU_ON` (5.1.4), SMC64.
pub const CPU_ON_64: FunctionId = FunctionId(0xc400_0003);
/// `AFFINITY_INFO` (5.1.5), SMC32.
pub const AFFINITY_INFO_32: FunctionId = FunctionId(0x8400_0004);
/// `AFFINITY_INFO` (5.1.5), SMC64.
pub const AFFINITY_INFO_64: FunctionId = FunctionId(0xc400_0004);
/// `MIGRATE_INFO_TYPE` (5.1.7).
pub const MIGRATE_INFO_TYPE: FunctionId = FunctionId(0x8400_0006);
/// `SYSTEM_OFF` (5.1.9).
pub const SYSTEM_OFF: FunctionId = FunctionId(0x8400_0008);
/// `SYSTEM_RESET` (5.1.11).
pub const SYSTEM_RESET: FunctionId = FunctionId(0x8400_0009);
/// `PSCI_FEATURES` (5.1.15).
pub const PSCI_FEATURES: FunctionId = FunctionId(0x8400_000a);
/// `CPU_FREEZE`.
pub const CPU_FREEZE: FunctionId = FunctionId(0x8400_000b);
/// `CPU_DEFAULT_SUSPEND`, SMC32.
pub const CPU_DEFAULT_SUSPEND_32: FunctionId = FunctionId(0x8400_000c);
/// `CPU_DEFAULT_SUSPEND`, SMC64.
pub const CPU_DEFAULT_SUSPEND_64: FunctionId = FunctionId(0xc400_000c);
/// `NODE_HW_STATE`, SMC32.
pub const NODE_HW_STATE_32: FunctionId = FunctionId(0x8400_000d);
/// `NODE_HW_STATE`, SMC64.
pub const NODE_HW_STATE_64: FunctionId = FunctionId(0xc400_000d);
/// `SYSTEM_SUSPEND`, SMC32.
pub const SYSTEM_SUSPEND_32: FunctionId = FunctionId(0x8400_000e);
/// `SYSTEM_SUSPEND`, SMC64.
pub const SYSTEM_SUSPEND_64: FunctionId = FunctionId(0xc400_000e);
/// `PSCI_SET_SUSPEND_MODE`.
pub const PSCI_SET_SUSPEND_MODE: FunctionId = FunctionId(0x8400_000f);
/// `PSCI_STAT_RESIDENCY`, SMC32.
pub const PSCI_STAT_RESIDENCY_32: FunctionId = FunctionId(0x8400_0010);
/// `PSCI_STAT_RESIDENCY`, SMC64.
pub const PSCI_STAT_RESIDENCY_64: FunctionId = FunctionId(0xc400_0010);
/// `PSCI_STAT_COUNT`, SMC32.
pub const PSCI_STAT_COUNT_32: FunctionId = FunctionId(0x8400_0011);
/// `PSCI_STAT_COUNT`, SMC64.
pub const PSCI_STAT_COUNT_64: FunctionId = FunctionId(0xc400_0011);
/// `SYSTEM_RESET2`, SMC32.
pub const SYSTEM_RESET2_32: FunctionId = FunctionId(0x8400_0012);
/// `SYSTEM_RESET2`, SMC64.
pub const SYSTEM_RESET2_64: FunctionId = FunctionId(0xc400_0012);
/// `MEM_PROTECT`.
pub const MEM_PROTECT: FunctionId = FunctionId(0x8400_0013);
/// `MEM_PROTECT_CHECK_RANGE`, SMC32.
pub const MEM_PROTECT_CHECK_RANGE_32: FunctionId = FunctionId(0x8400_0014);
/// `MEM_PROTECT_CHECK_RANGE`, SMC64.
pub const MEM_PROTECT_CHECK_RANGE_64: FunctionId = FunctionId(0xc400_0014);
/// `SYSTEM_OFF2`, SMC32.
pub const SYSTEM_OFF2_32: FunctionId = FunctionId(0x8400_0015);
/// `SYSTEM_OFF2`, SMC64.
pub const SYSTEM_OFF2_64: FunctionId = FunctionId(0xc400_0015);

/// How many function numbers PSCI has set aside in each width: 0x00 to 0x1f.
pub const FUNCTION_COUNT: u32 = 0x20;
/// The first SMC32 function ID of PSCI.
pub const FIRST_32: FunctionId = FunctionId(0x8400_0000);
/// The first SMC64 function ID of PSCI.
pub const FIRST_64: FunctionId = FunctionId(0xc400_0000);

/// A status code (section 5.2.2). 32 bits, signed; x0 carries it sign-extended ([`Status::to_x0`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub i32);

impl Status {
    /// It is done.
    pub const SUCCESS: Self = Self(0);
    /// Nobody implements this function.
    pub const NOT_SUPPORTED: Self = Self(-1);
    /// An argument makes no sense.
    pub const INVALID_PARAMETERS: Self = Self(-2);
    /// Not allowed (by policy, or in the present state).
    pub const DENIED: Self = Self(-3);
    /// The CPU is on already.
    pub const ALREADY_ON: Self = Self(-4);
    /// A `CPU_ON` for that CPU is under way.
    pub const ON_PENDING: Self = Self(-5);
    /// The implementation failed.
    pub const INTERNAL_FAILURE: Self = Self(-6);
    /// The Trusted OS is not there.
    pub const NOT_PRESENT: Self = Self(-7);
    /// The CPU cannot be used.
    pub const DISABLED: Self = Self(-8);
    /// The entry point is no address that code can run from.
    pub const INVALID_ADDRESS: Self = Self(-9);

    /// The value for x0, sign-extended to 64 bits as KVM does for either width.
    #[must_use]
    pub const fn to_x0(self) -> u64 {
        i64::cast_unsigned(sign_extend(self.0))
    }

    /// Is it an error code?
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 < 0
    }
}

/// `i64::from` is not usable in a constant function yet.
const fn sign_extend(value: i32) -> i64 {
    value as i64
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::SUCCESS => "SUCCESS",
            Self::NOT_SUPPORTED => "NOT_SUPPORTED",
            Self::INVALID_PARAMETERS => "INVALID_PARAMETERS",
            Self::DENIED => "DENIED",
            Self::ALREADY_ON => "ALREADY_ON",
            Self::ON_PENDING => "ON_PENDING",
            Self::INTERNAL_FAILURE => "INTERNAL_FAILURE",
            Self::NOT_PRESENT => "NOT_PRESENT",
            Self::DISABLED => "DISABLED",
            Self::INVALID_ADDRESS => "INVALID_ADDRESS",
            Self(value) => return write!(f, "{value}"),
        };
        f.write_str(name)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({}, {self})", self.0)
    }
}

/// A version of PSCI (section 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Bits `[30:16]`.
    pub major: u16,
    /// Bits `[15:0]`.
    pub minor: u16,
}

impl Version {
    /// PSCI 0.2, the first with fixed function IDs.
    pub const V0_2: Self = Self { major: 0, minor: 2 };
    /// PSCI 1.0.
    pub const V1_0: Self = Self { major: 1, minor: 0 };
    /// PSCI 1.1.
    pub const V1_1: Self = Self { major: 1, minor: 1 };
    /// PSCI 1.2.
    pub const V1_2: Self = Self { major: 1, minor: 2 };
    /// PSCI 1.3.
    pub const V1_3: Self = Self { major: 1, minor: 3 };

    /// The value that `PSCI_VERSION` returns.
    #[must_use]
    pub fn to_x0(self) -> u64 {
        u64::from(self.major) << 16 | u64::from(self.minor)
    }

    /// The version in a value of that form, as KVM's `KVM_REG_ARM_PSCI_VERSION` holds it.
    #[must_use]
    pub const fn from_value(value: u64) -> Self {
        let [b0, b1, b2, b3, ..] = value.to_le_bytes();
        Self { major: u16::from_le_bytes([b2, b3]), minor: u16::from_le_bytes([b0, b1]) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What `AFFINITY_INFO` says of an affinity instance (section 5.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AffinityState {
    /// At least one CPU in it is on.
    On,
    /// All CPUs in it are off.
    Off,
    /// None is on, and one is about to be.
    OnPending,
}

impl AffinityState {
    /// The value that `AFFINITY_INFO` returns.
    #[must_use]
    pub const fn to_x0(self) -> u64 {
        match self {
            Self::On => 0,
            Self::Off => 1,
            Self::OnPending => 2,
        }
    }
}

/// What `NODE_HW_STATE` says of a power domain node (section 5.1.18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HardwareState {
    /// `HW_ON`.
    On,
    /// `HW_OFF`.
    Off,
    /// `HW_STANDBY`.
    Standby,
}

impl HardwareState {
    /// The value that `NODE_HW_STATE` returns.
    #[must_use]
    pub const fn to_x0(self) -> u64 {
        match self {
            Self::On => 0,
            Self::Off => 1,
            Self::Standby => 2,
        }
    }
}

/// The first reset type of `SYSTEM_RESET2` that is a vendor's (section 5.1.13).
pub const FIRST_VENDOR_RESET: u32 = 0x8000_0000;
/// The reset type `SYSTEM_WARM_RESET` of `SYSTEM_RESET2`.
pub const WARM_RESET: u32 = 0;
/// `HIBERNATE_OFF` of `SYSTEM_OFF2` (section 5.1.10), both as a type and in the flags of `PSCI_FEATURES`.
pub const HIBERNATE_OFF: u32 = 1;
/// The flag of `CPU_SUSPEND` in `PSCI_FEATURES` that says that there is an OS-initiated mode (section 5.1.15).
pub const FEATURE_OS_INITIATED: u64 = 1;

/// `MIGRATE_INFO_TYPE`: there is no Trusted OS, or it needs no migration (section 5.1.7).
pub const MIGRATE_TYPE_NONE: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_sign_extended_to_64_bits() {
        assert_eq!(Status::SUCCESS.to_x0(), 0);
        assert_eq!(Status::NOT_SUPPORTED.to_x0(), 0xffff_ffff_ffff_ffff);
        assert_eq!(Status::INVALID_ADDRESS.to_x0(), 0xffff_ffff_ffff_fff7);
    }

    #[test]
    fn version_1_3_is_0x10003() {
        assert_eq!(Version::V1_3.to_x0(), 0x1_0003);
        assert_eq!(Version::from_value(0x1_0003), Version::V1_3);
        assert_eq!(Version::from_value(0x2), Version { major: 0, minor: 2 });
    }
}

//! The version that a guest sees.

use core::{fmt, str::FromStr};

use switchboard_smccc::psci::{Status, Version};

/// A version of PSCI that can be presented to a guest. Functions that a later one brought are NOT_SUPPORTED, and so are
/// its status codes not used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PsciVersion {
    /// 0.2: no `PSCI_FEATURES`, and so no way for a guest to find SMCCC 1.1.
    V0_2,
    /// 1.0.
    V1_0,
    /// 1.1: `SYSTEM_RESET2`, `MEM_PROTECT`.
    V1_1,
    /// 1.2: `CPU_ON` may be DENIED.
    V1_2,
    /// 1.3: `SYSTEM_OFF2`.
    #[default]
    V1_3,
}

impl PsciVersion {
    /// The version with this number, if it is one of them.
    #[must_use]
    pub fn of_number(number: Version) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
    }

    /// All of them, the oldest first.
    pub const ALL: [Self; 5] = [Self::V0_2, Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> Version {
        match self {
            Self::V0_2 => Version::V0_2,
            Self::V1_0 => Version::V1_0,
            Self::V1_1 => Version::V1_1,
            Self::V1_2 => Version::V1_2,
            Self::V1_3 => Version::V1_3,
        }
    }

    /// What `CPU_ON` returns for a CPU that the guest may not have. DENIED came with 1.2 (DEN0022, issue E); before, the
    /// code for what is not possible for physical reasons comes nearest.
    pub(super) fn no_such_cpu_now(self) -> Status {
        if self >= Self::V1_2 { Status::DENIED } else { Status::INTERNAL_FAILURE }
    }

    /// For an entry point outside memory. INVALID_ADDRESS came with 1.0.
    pub(super) fn bad_entry(self) -> Status {
        if self >= Self::V1_0 { Status::INVALID_ADDRESS } else { Status::INVALID_PARAMETERS }
    }
}

impl fmt::Display for PsciVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

/// There is no such version to present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVersion;

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are 0.2, 1.0, 1.1, 1.2 and 1.3")
    }
}

impl core::error::Error for UnknownVersion {}

impl FromStr for PsciVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        match text {
            "0.2" => Ok(Self::V0_2),
            "1.0" => Ok(Self::V1_0),
            "1.1" => Ok(Self::V1_1),
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            _ => Err(UnknownVersion),
        }
    }
}

//! Which kernel's KVM.

use core::{fmt, str::FromStr};

use switchboard_filter::EmptyRangeRule;
use switchboard_smccc::psci::Version;

/// A version of Linux. What differs between kernels is asked of it, and decided nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KvmVersion {
    /// 7 in 7.2.13.
    pub major: u16,
    /// 2 in 7.2.13.
    pub minor: u16,
    /// 13 in 7.2.13.
    pub patch: u16,
}

impl KvmVersion {
    /// The long-term kernel 6.12, as of its first release.
    pub const V6_12: Self = Self::new(6, 12, 0);
    /// 7.2.13.
    pub const V7_2: Self = Self::new(7, 2, 13);

    /// A version by its numbers.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    const fn is_at_least(self, major: u16, minor: u16) -> bool {
        self.major > major || self.major == major && self.minor >= minor
    }

    /// The PSCI version that KVM presents to a guest whose vCPUs have the PSCI 0.2 feature: 1.3 from Linux 6.13
    /// on (8be82d536a9f), 1.1 before.
    #[must_use]
    pub const fn latest_psci(self) -> Version {
        Version { major: 1, minor: if self.is_at_least(6, 13) { 3 } else { 1 } }
    }

    /// Is there `KVM_REG_ARM_VENDOR_HYP_BMAP_2`? From Linux 6.15 on (57e5cc9b8a39).
    #[must_use]
    pub const fn has_vendor_bitmap_2(self) -> bool {
        self.is_at_least(6, 15)
    }

    /// What the kernel makes of an empty range at function ID 0: EINVAL from Linux 7.3 on (64dc6f1db7e6) and in the
    /// stable kernels that took the correction over, of which 7.2.9 is one. A distribution may have it earlier: then
    /// say so in [`VmConfig`](crate::VmConfig).
    #[must_use]
    pub const fn empty_range_rule(self) -> EmptyRangeRule {
        let stable = self.major == 7 && self.minor == 2 && self.patch >= 9;
        if stable || self.is_at_least(7, 3) { EmptyRangeRule::Invalid } else { EmptyRangeRule::WrapsAtZero }
    }
}

/// Text that begins with no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoVersion;

impl FromStr for KvmVersion {
    type Err = NoVersion;

    /// The first numbers of a kernel release such as `6.12.48+deb13-cloud-arm64`. A missing patch level is 0.
    fn from_str(release: &str) -> Result<Self, NoVersion> {
        let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
        let mut numbers = release[..end].split('.').map(str::parse);
        let mut next = || numbers.next().transpose().map_err(|_| NoVersion);
        let (major, minor, patch) = (next()?, next()?, next()?);
        Ok(Self::new(major.ok_or(NoVersion)?, minor.ok_or(NoVersion)?, patch.unwrap_or(0)))
    }
}

impl fmt::Display for KvmVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for NoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this does not begin with the version of a kernel, such as 6.12.48")
    }
}

impl core::error::Error for NoVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_its_version() {
        assert_eq!("6.12.48+deb13-cloud-arm64".parse(), Ok(KvmVersion::new(6, 12, 48)));
        assert_eq!("7.2-rc1".parse(), Ok(KvmVersion::new(7, 2, 0)));
        assert_eq!("linux".parse::<KvmVersion>(), Err(NoVersion));
        assert_eq!("7".parse::<KvmVersion>(), Err(NoVersion));
    }

    #[test]
    fn psci_1_3_came_with_6_13_and_the_second_vendor_bitmap_with_6_15() {
        assert_eq!(KvmVersion::V6_12.latest_psci(), Version { major: 1, minor: 1 });
        assert_eq!(KvmVersion::new(6, 13, 0).latest_psci(), Version { major: 1, minor: 3 });
        assert!(!KvmVersion::new(6, 14, 9).has_vendor_bitmap_2());
        assert!(KvmVersion::V7_2.has_vendor_bitmap_2());
    }

    #[test]
    fn an_empty_range_at_0_is_invalid_from_7_2_9_on() {
        assert_eq!(KvmVersion::new(7, 2, 8).empty_range_rule(), EmptyRangeRule::WrapsAtZero);
        assert_eq!(KvmVersion::new(7, 2, 9).empty_range_rule(), EmptyRangeRule::Invalid);
        assert_eq!(KvmVersion::new(7, 3, 0).empty_range_rule(), EmptyRangeRule::Invalid);
    }
}

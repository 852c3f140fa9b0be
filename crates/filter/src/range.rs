//! A run of function IDs.

use core::fmt;

use switchboard_smccc::FunctionId;

use crate::errno::EINVAL;

/// A non-empty, inclusive run of function IDs, as KVM stores it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range {
    first: FunctionId,
    last: FunctionId,
}

/// Why a base and a count are no range. KVM answers EINVAL to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeError {
    /// The count is zero.
    Empty,
    /// It would go on past 0xffffffff. Ending exactly there is allowed.
    Wraps,
}

impl Range {
    /// All 2^32 function IDs. No filter takes it: the reserved ranges are in it.
    pub const ALL: Self = Self::between(FunctionId(0), FunctionId(u32::MAX));

    /// `count` function IDs from `base` on: the form of `struct kvm_smccc_filter`.
    ///
    /// # Errors
    ///
    /// [`RangeError`] if that is empty or goes past the last function ID.
    pub const fn new(base: FunctionId, count: u32) -> Result<Self, RangeError> {
        let Some(more) = count.checked_sub(1) else { return Err(RangeError::Empty) };
        match base.0.checked_add(more) {
            Some(last) => Ok(Self { first: base, last: FunctionId(last) }),
            None => Err(RangeError::Wraps),
        }
    }

    /// A range written down in a program.
    ///
    /// # Panics
    ///
    /// If it is empty or wraps. Meant for constants, where that ends the compilation.
    #[must_use]
    pub const fn literal(base: FunctionId, count: u32) -> Self {
        match Self::new(base, count) {
            Ok(range) => range,
            Err(_) => panic!("not a range of function IDs"),
        }
    }

    /// Both ends are in it, and the caller has seen to their order.
    pub(crate) const fn between(first: FunctionId, last: FunctionId) -> Self {
        debug_assert!(first.0 <= last.0);
        Self { first, last }
    }

    /// The first function ID in it.
    #[must_use]
    pub const fn first(self) -> FunctionId {
        self.first
    }

    /// The last function ID in it.
    #[must_use]
    pub const fn last(self) -> FunctionId {
        self.last
    }

    /// How many function IDs it holds: at least 1, at most 2^32.
    #[must_use]
    pub fn count(self) -> u64 {
        u64::from(self.last.0 - self.first.0) + 1
    }

    /// Is `id` in it? The raw ID counts: KVM masks no hint bit.
    #[must_use]
    pub const fn contains(self, id: FunctionId) -> bool {
        self.first.0 <= id.0 && id.0 <= self.last.0
    }

    /// Do the two share a function ID?
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.first.0 <= other.last.0 && other.first.0 <= self.last.0
    }
}

impl RangeError {
    /// What KVM's ioctl fails with: EINVAL.
    #[must_use]
    pub const fn errno(&self) -> i32 {
        match self {
            Self::Empty | Self::Wraps => EINVAL,
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the range holds no function ID",
            Self::Wraps => "the range goes on past function ID 0xffffffff",
        })
    }
}

impl core::error::Error for RangeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corner_values_are_taken_and_refused_as_kvm_does() {
        let range = |base, count| Range::new(FunctionId(base), count).map(Range::last);
        assert_eq!(range(0xffff_ffff, 1), Ok(FunctionId(0xffff_ffff)));
        assert_eq!(range(0xffff_ffff, 2), Err(RangeError::Wraps));
        assert_eq!(range(0xffff_ffff, 0xffff_ffff), Err(RangeError::Wraps));
        assert_eq!(range(5, 0), Err(RangeError::Empty));
        assert_eq!(range(0, 0), Err(RangeError::Empty));
        assert_eq!(range(0xc001_0000, 0x3fff_0000), Ok(FunctionId(0xffff_ffff)));
        assert_eq!(range(0xffff_fff0, 0x10), Ok(FunctionId(0xffff_ffff)));
        assert_eq!((RangeError::Empty.errno(), RangeError::Wraps.errno()), (22, 22));
    }

    #[test]
    fn a_shared_end_overlaps_and_a_neighbour_does_not() {
        let psci = Range::literal(FunctionId(0x8400_0000), 0x20);
        assert!(psci.overlaps(Range::literal(FunctionId(0x8400_001f), 1)));
        assert!(!psci.overlaps(Range::literal(FunctionId(0x8400_0020), 1)));
        assert!(psci.contains(FunctionId(0x8400_001f)));
        assert!(!psci.contains(FunctionId(0x8401_0003)), "the hint bit makes it another ID");
    }
}

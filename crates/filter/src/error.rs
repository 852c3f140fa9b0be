//! Why KVM refuses a request, and the errno it refuses it with.

use core::fmt;

use crate::{
    Range, RangeError,
    errno::{EBUSY, EEXIST, EINVAL},
};

/// Why a range cannot be added to a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertError {
    /// A vCPU has run. KVM: EBUSY, for an overlapping range too.
    Frozen {
        /// The range that was to be added.
        range: Range,
    },
    /// It shares a function ID with a range that is there. KVM: EEXIST.
    Overlap {
        /// The range that was to be added.
        range: Range,
        /// The first range, by function ID, that is in the way.
        existing: Range,
    },
    /// It shares a function ID with the Arm Architecture Calls, which KVM keeps to itself. KVM: EEXIST.
    Reserved {
        /// The range that was to be added.
        range: Range,
        /// The reserved range that is in the way.
        reserved: Range,
    },
}

/// Why KVM refuses a `struct kvm_smccc_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// A byte of the padding is not zero. KVM: EINVAL.
    Padding {
        /// Which of the 15 bytes, from 0 on: the first that is not zero.
        index: usize,
        /// Its value.
        value: u8,
    },
    /// Base and count are no range. KVM: EINVAL.
    Range {
        /// `base`.
        base: u32,
        /// `nr_functions`.
        nr_functions: u32,
        /// What is wrong with them.
        reason: RangeError,
    },
    /// There is no such action. KVM: EINVAL.
    Action {
        /// The value: 3 to 255.
        value: u8,
    },
    /// It is well-formed, and the filter does not take it. KVM: EBUSY or EEXIST.
    Insert(InsertError),
}

impl InsertError {
    /// What KVM's ioctl fails with: EBUSY or EEXIST.
    #[must_use]
    pub const fn errno(&self) -> i32 {
        match self {
            Self::Frozen { .. } => EBUSY,
            Self::Overlap { .. } | Self::Reserved { .. } => EEXIST,
        }
    }
}

impl RequestError {
    /// What KVM's ioctl fails with: EINVAL, EBUSY or EEXIST.
    #[must_use]
    pub const fn errno(&self) -> i32 {
        match self {
            Self::Padding { .. } | Self::Action { .. } => EINVAL,
            Self::Range { reason, .. } => reason.errno(),
            Self::Insert(reason) => reason.errno(),
        }
    }
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frozen { range } => {
                write!(f, "the range {range} comes too late: a vCPU has run, and the filter is frozen")
            }
            Self::Overlap { range, existing } => write!(f, "the range {range} overlaps {existing}"),
            Self::Reserved { range, reserved } => {
                write!(
                    f,
                    "the range {range} overlaps {reserved}, the Arm Architecture Calls, which KVM reserves"
                )
            }
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Padding { index, value } => {
                write!(f, "padding byte {index} is {value:#04x}; all 15 must be zero")
            }
            Self::Range { base, nr_functions, reason } => {
                write!(f, "base {base:#010x}, nr_functions {nr_functions:#x}: {reason}")
            }
            Self::Action { value } => {
                write!(f, "there is no action {value}; 0 is handle, 1 deny, 2 forward")
            }
            Self::Insert(reason) => reason.fmt(f),
        }
    }
}

impl core::error::Error for InsertError {}

impl core::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Range { .. } | Self::Padding { .. } | Self::Action { .. } => None,
            Self::Insert(reason) => Some(reason),
        }
    }
}

//! What can go wrong between us and KVM.

use std::{io, path::PathBuf};

use switchboard_filter::Rule;
use thiserror::Error;

/// `/dev/kvm` cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no such file, or it may not be opened.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It opens, and does not answer as KVM does.
    #[error("{} is not KVM (KVM_GET_API_VERSION says {answer}, not 12)", path.display())]
    NotKvm {
        /// Which file.
        path: PathBuf,
        /// What it said; -1 where the ioctl failed.
        answer: i32,
    },
    /// It is KVM, for another architecture's guests.
    #[error("{} runs {architecture} guests, not arm64", path.display())]
    OtherArchitecture {
        /// Which file.
        path: PathBuf,
        /// The host's architecture.
        architecture: &'static str,
    },
}

/// KVM refused.
#[derive(Debug, Error)]
pub enum Error {
    /// An ioctl failed.
    #[error("{operation} failed")]
    Ioctl {
        /// The ioctl, and what it was for.
        operation: &'static str,
        /// Why.
        source: io::Error,
    },
    /// This kernel has no `KVM_ARM_VM_SMCCC_FILTER`.
    #[error("this host's KVM cannot filter SMCCC calls (KVM_ARM_VM_SMCCC_FILTER, Linux 6.4 and later)")]
    NoFilter,
    /// A range of the plan was refused.
    #[error("KVM refused the filter range {} ({})", rule.range, rule.action)]
    FilterRange {
        /// What was to be installed.
        rule: Rule,
        /// Why.
        source: io::Error,
    },
    /// The vCPU left the guest for a reason that this crate does not know.
    #[error("the vCPU left the guest for a reason that is not handled: {0}")]
    UnknownExit(String),
}

impl Error {
    #[cfg(target_arch = "aarch64")]
    pub(crate) fn ioctl(operation: &'static str) -> impl FnOnce(vmm_sys_util::errno::Error) -> Self {
        move |error| Self::Ioctl { operation, source: error.into() }
    }

    /// The error number, where an ioctl gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Ioctl { source, .. } | Self::FilterRange { source, .. } => source.raw_os_error(),
            Self::NoFilter | Self::UnknownExit(_) => None,
        }
    }
}

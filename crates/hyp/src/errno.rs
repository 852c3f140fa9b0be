//! Error numbers.

use core::fmt;

/// The error number with which a system call of KVM's fails (Linux, `include/uapi/asm-generic/errno-base.h`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// The operation is not permitted: a vCPU that is not finalized.
    pub const EPERM: Self = Self(1);
    /// There is no such register.
    pub const ENOENT: Self = Self(2);
    /// A signal came.
    pub const EINTR: Self = Self(4);
    /// There is no such attribute.
    pub const ENXIO: Self = Self(6);
    /// The vCPU has not been initialised.
    pub const ENOEXEC: Self = Self(8);
    /// There is not enough memory.
    pub const ENOMEM: Self = Self(12);
    /// An address that cannot be read or written.
    pub const EFAULT: Self = Self(14);
    /// Too late: a vCPU has run.
    pub const EBUSY: Self = Self(16);
    /// It is there already.
    pub const EEXIST: Self = Self(17);
    /// An argument makes no sense.
    pub const EINVAL: Self = Self(22);

    /// The name in C's headers, for those above.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::EPERM => "EPERM",
            Self::ENOENT => "ENOENT",
            Self::EINTR => "EINTR",
            Self::ENXIO => "ENXIO",
            Self::ENOEXEC => "ENOEXEC",
            Self::ENOMEM => "ENOMEM",
            Self::EFAULT => "EFAULT",
            Self::EBUSY => "EBUSY",
            Self::EEXIST => "EEXIST",
            Self::EINVAL => "EINVAL",
            _ => return None,
        })
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Errno {}

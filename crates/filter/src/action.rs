//! What happens to a call.

use core::fmt;

/// What the hypervisor half does with a call whose function ID is in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Treat it as if there were no filter: KVM's own service answers it, or nobody.
    Handle,
    /// Answer NOT_SUPPORTED at once; x1 to x3 become zero.
    Deny,
    /// Leave the guest with `KVM_EXIT_HYPERCALL`, registers untouched.
    Forward,
}

impl Action {
    /// The value in `struct kvm_smccc_filter` (`enum kvm_smccc_filter_action`).
    #[must_use]
    pub const fn to_uapi(self) -> u8 {
        match self {
            Self::Handle => 0,
            Self::Deny => 1,
            Self::Forward => 2,
        }
    }

    /// The action a byte of `struct kvm_smccc_filter` means; `None` where KVM says EINVAL.
    #[must_use]
    pub const fn from_uapi(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Handle),
            1 => Some(Self::Deny),
            2 => Some(Self::Forward),
            _ => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Handle => "handle",
            Self::Deny => "deny",
            Self::Forward => "forward",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_are_those_of_the_uapi_header() {
        for (value, action) in [(0, Action::Handle), (1, Action::Deny), (2, Action::Forward)] {
            assert_eq!(Action::from_uapi(value), Some(action));
            assert_eq!(action.to_uapi(), value);
        }
        assert_eq!(Action::from_uapi(3), None);
        assert_eq!(Action::from_uapi(255), None);
    }
}

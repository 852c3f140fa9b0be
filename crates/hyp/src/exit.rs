//! What `KVM_RUN` returns with.

use core::fmt;

use switchboard_smccc::FunctionId;

/// Why the vCPU leaves for userspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// `KVM_EXIT_HYPERCALL` (3): a forwarded call.
    Hypercall(Hypercall),
    /// `KVM_EXIT_SYSTEM_EVENT` (24): KVM's own PSCI was asked for something that concerns the whole machine, or a
    /// suspended vCPU has an interrupt.
    SystemEvent(SystemEvent),
}

/// A forwarded call, as `struct kvm_run` describes it: the arguments are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hypercall {
    /// The function ID: the low half of x0.
    pub function_id: FunctionId,
    /// How it came.
    pub flags: HypercallFlags,
}

/// The flags of a hypercall exit. To be tested bit by bit: more may come.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct HypercallFlags(pub u64);

impl HypercallFlags {
    /// `KVM_HYPERCALL_EXIT_SMC`: the conduit is SMC.
    pub const SMC: Self = Self(1);
    /// `KVM_HYPERCALL_EXIT_16BIT`: the instruction is 16 bits long.
    pub const SIXTEEN_BIT: Self = Self(2);

    /// Are all of `flags` set?
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    pub(crate) const fn union(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }
}

impl fmt::Debug for HypercallFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HypercallFlags({:#x})", self.0)
    }
}

impl Hypercall {
    /// The 72 bytes at offset 32 of `struct kvm_run`: `nr`, six arguments and the result, all of which are zero on
    /// arm64, and the flags.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 72] {
        let mut bytes = [0; 72];
        bytes[..8].copy_from_slice(&u64::from(self.function_id.0).to_le_bytes());
        bytes[64..].copy_from_slice(&self.flags.0.to_le_bytes());
        bytes
    }
}

/// A system event: its type and, where it has data, the one word of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemEvent {
    /// `KVM_SYSTEM_EVENT_SHUTDOWN` (1). Data 1 (`PSCI_OFF2`) after `SYSTEM_OFF2`, else 0.
    Shutdown {
        /// Word 0 of the data.
        flags: u64,
    },
    /// `KVM_SYSTEM_EVENT_RESET` (2). Data 1 (`PSCI_RESET2`) after `SYSTEM_RESET2`, else 0.
    Reset {
        /// Word 0 of the data.
        flags: u64,
    },
    /// `KVM_SYSTEM_EVENT_WAKEUP` (4): a suspended vCPU could take an interrupt. No data.
    WakeUp,
    /// `KVM_SYSTEM_EVENT_SUSPEND` (5): `SYSTEM_SUSPEND`. No data; the registers hold its arguments.
    Suspend,
}

impl SystemEvent {
    /// `type` in `struct kvm_run`.
    #[must_use]
    pub const fn kind(self) -> u32 {
        match self {
            Self::Shutdown { .. } => 1,
            Self::Reset { .. } => 2,
            Self::WakeUp => 4,
            Self::Suspend => 5,
        }
    }

    /// `data` in `struct kvm_run`: `ndata` words, 1 or 0 of them.
    #[must_use]
    pub const fn data(self) -> Option<u64> {
        match self {
            Self::Shutdown { flags } | Self::Reset { flags } => Some(flags),
            Self::WakeUp | Self::Suspend => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_holds_no_argument_and_no_result() {
        let exit = Hypercall { function_id: FunctionId(0xc400_0003), flags: HypercallFlags::SMC };
        let bytes = exit.to_bytes();
        assert_eq!(bytes[..8], [0x03, 0, 0, 0xc4, 0, 0, 0, 0]);
        assert_eq!(bytes[8..64], [0; 56]);
        assert_eq!(bytes[64..], [1, 0, 0, 0, 0, 0, 0, 0]);
    }
}

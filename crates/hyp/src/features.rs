//! What a vCPU is initialised with.

use crate::{Errno, pstate::ExecutionState};

/// The argument of `KVM_ARM_VCPU_INIT`: word 0 of the feature bits. The target is the preferred one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Init {
    /// The features.
    pub features: VcpuFeatures,
}

/// The feature bits of a vCPU (Linux, `arch/arm64/include/uapi/asm/kvm.h`, `KVM_ARM_VCPU_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VcpuFeatures(pub u32);

impl VcpuFeatures {
    /// Bit 0: it starts stopped. Not a property of the vCPU but of this initialisation.
    pub const POWER_OFF: Self = Self(1);
    /// Bit 1: EL1 is in AArch32 state.
    pub const EL1_32BIT: Self = Self(1 << 1);
    /// Bit 2: KVM's PSCI is 0.2 or later. Without it, KVM's private 0.1.
    pub const PSCI_0_2: Self = Self(1 << 2);
    /// Bit 7: it has an EL2.
    pub const HAS_EL2: Self = Self(1 << 7);

    /// The bits that a kernel with nested virtualisation knows: 0 to 8.
    const KNOWN: u32 = 0x1ff;

    /// Is every bit of `features` set?
    #[must_use]
    pub const fn contains(self, features: Self) -> bool {
        self.0 & features.0 == features.0
    }

    /// The bits of both.
    #[must_use]
    pub const fn union(self, features: Self) -> Self {
        Self(self.0 | features.0)
    }

    /// The execution state of EL1.
    pub(crate) const fn el1(self) -> ExecutionState {
        if self.contains(Self::EL1_32BIT) { ExecutionState::AArch32 } else { ExecutionState::AArch64 }
    }

    pub(crate) const fn without(self, features: Self) -> Self {
        Self(self.0 & !features.0)
    }

    /// Unknown bits are ENOENT; an AArch32 EL1 under an EL2 is EINVAL.
    pub(crate) const fn check(self) -> Result<(), Errno> {
        if self.0 & !Self::KNOWN != 0 {
            return Err(Errno::ENOENT);
        }
        if self.contains(Self::EL1_32BIT.union(Self::HAS_EL2)) {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}

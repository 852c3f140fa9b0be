//! The IDs by which `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` know a register (Linux,
//! `Documentation/virt/kvm/api.rst`, section 4.68).

use core::fmt;

use crate::Register;

/// The ID of a register of 64 bits, or what somebody takes for one: an open set.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RegisterId(pub u64);

/// `KVM_REG_ARM64 | KVM_REG_SIZE_U64`.
const ARM64_U64: u64 = 0x6030_0000_0000_0000;
/// `KVM_REG_ARM_CORE`; the rest is an offset into `struct kvm_regs` in units of 32 bits.
const CORE: u64 = ARM64_U64 | 0x0010_0000;
/// `KVM_REG_ARM64_SYSREG`; the rest is the register's encoding, op0 to op2.
const SYSTEM: u64 = ARM64_U64 | 0x0013_0000;
/// `KVM_REG_ARM_FW`.
const FIRMWARE: u64 = ARM64_U64 | 0x0014_0000;
/// `KVM_REG_ARM_FW_FEAT_BMAP`.
const FIRMWARE_BITMAP: u64 = ARM64_U64 | 0x0016_0000;

impl RegisterId {
    /// PC.
    pub const PC: Self = Self(CORE | 0x40);
    /// PSTATE.
    pub const PSTATE: Self = Self(CORE | 0x42);
    /// `ELR_EL1`.
    pub const ELR_EL1: Self = Self(CORE | 0x46);
    /// `SPSR_EL1`.
    pub const SPSR_EL1: Self = Self(CORE | 0x48);
    /// `MPIDR_EL1`.
    pub const MPIDR_EL1: Self = Self(SYSTEM | 3 << 14 | 5);
    /// `SCTLR_EL1`.
    pub const SCTLR_EL1: Self = Self(SYSTEM | 3 << 14 | 1 << 7);
    /// `KVM_REG_ARM_PSCI_VERSION`: major version in bits `[31:16]`, minor in `[15:0]`.
    pub const PSCI_VERSION: Self = Self(FIRMWARE);
    /// `KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1`.
    pub const WORKAROUND_1: Self = Self(FIRMWARE | 1);
    /// `KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2`.
    pub const WORKAROUND_2: Self = Self(FIRMWARE | 2);
    /// `KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3`.
    pub const WORKAROUND_3: Self = Self(FIRMWARE | 3);
    /// `KVM_REG_ARM_STD_BMAP`: bit 0, TRNG.
    pub const STANDARD_BITMAP: Self = Self(FIRMWARE_BITMAP);
    /// `KVM_REG_ARM_STD_HYP_BMAP`: bit 0, paravirtualized time.
    pub const STANDARD_HYPERVISOR_BITMAP: Self = Self(FIRMWARE_BITMAP | 1);
    /// `KVM_REG_ARM_VENDOR_HYP_BMAP`: bit 0, UID and features; bit 1, PTP.
    pub const VENDOR_HYPERVISOR_BITMAP: Self = Self(FIRMWARE_BITMAP | 2);
    /// `KVM_REG_ARM_VENDOR_HYP_BMAP_2`: bits 0 and 1, discovery of the implementation.
    pub const VENDOR_HYPERVISOR_BITMAP_2: Self = Self(FIRMWARE_BITMAP | 3);

    /// The ID of x0: those of x1 to x30 follow in steps of two, since a core register's ID counts 32 bits.
    pub const X0: Self = Self(CORE);

    /// x0 to x30; `None` above.
    #[must_use]
    pub fn general(number: u8) -> Option<Self> {
        (number <= 30).then(|| Self(CORE | (2 * u64::from(number))))
    }

    /// The register of a call.
    #[must_use]
    pub fn of(register: Register) -> Self {
        Self(CORE | (2 * u64::from(register.number())))
    }
}

impl fmt::Debug for RegisterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisterId({:#018x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_kernel() {
        assert_eq!(RegisterId::general(3), Some(RegisterId(0x6030_0000_0010_0006)));
        assert_eq!(RegisterId::general(31), None);
        assert_eq!(RegisterId::of(Register::X3), RegisterId(0x6030_0000_0010_0006));
        assert_eq!(RegisterId::PC.0, 0x6030_0000_0010_0040);
        assert_eq!(RegisterId::PSTATE.0, 0x6030_0000_0010_0042);
        assert_eq!(RegisterId::ELR_EL1.0, 0x6030_0000_0010_0046);
        assert_eq!(RegisterId::SPSR_EL1.0, 0x6030_0000_0010_0048);
        assert_eq!(RegisterId::MPIDR_EL1.0, 0x6030_0000_0013_c005);
        assert_eq!(RegisterId::SCTLR_EL1.0, 0x6030_0000_0013_c080);
        assert_eq!(RegisterId::PSCI_VERSION.0, 0x6030_0000_0014_0000);
        assert_eq!(RegisterId::WORKAROUND_3.0, 0x6030_0000_0014_0003);
        assert_eq!(RegisterId::VENDOR_HYPERVISOR_BITMAP_2.0, 0x6030_0000_0016_0003);
    }
}

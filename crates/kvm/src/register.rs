//! The IDs by which `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` know a register (Linux,
//! `Documentation/virt/kvm/api.rst`, section 4.68).

#![cfg_attr(not(target_arch = "aarch64"), allow(dead_code))]

use switchboard_smccc::Register;

/// A 64-bit register of a vCPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RegisterId(pub(crate) u64);

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
    pub(crate) const PC: Self = Self(CORE | 0x40);
    pub(crate) const PSTATE: Self = Self(CORE | 0x42);
    pub(crate) const MPIDR_EL1: Self = Self::system(3, 0, 0, 0, 5);
    pub(crate) const SCTLR_EL1: Self = Self::system(3, 0, 1, 0, 0);
    pub(crate) const PSCI_VERSION: Self = Self(FIRMWARE);
    pub(crate) const STANDARD_BITMAP: Self = Self(FIRMWARE_BITMAP);
    pub(crate) const STANDARD_HYPERVISOR_BITMAP: Self = Self(FIRMWARE_BITMAP | 1);
    pub(crate) const VENDOR_HYPERVISOR_BITMAP: Self = Self(FIRMWARE_BITMAP | 2);
    pub(crate) const VENDOR_HYPERVISOR_BITMAP_2: Self = Self(FIRMWARE_BITMAP | 3);

    /// x0 to x17.
    pub(crate) fn general(register: Register) -> Self {
        Self(CORE | (2 * u64::from(register.number())))
    }

    const fn system(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> Self {
        Self(SYSTEM | op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_kernel() {
        assert_eq!(RegisterId::general(Register::X0).0, 0x6030_0000_0010_0000);
        assert_eq!(RegisterId::general(Register::X3).0, 0x6030_0000_0010_0006);
        assert_eq!(RegisterId::PC.0, 0x6030_0000_0010_0040);
        assert_eq!(RegisterId::PSTATE.0, 0x6030_0000_0010_0042);
        assert_eq!(RegisterId::MPIDR_EL1.0, 0x6030_0000_0013_c005);
        assert_eq!(RegisterId::SCTLR_EL1.0, 0x6030_0000_0013_c080);
        assert_eq!(RegisterId::PSCI_VERSION.0, 0x6030_0000_0014_0000);
        assert_eq!(RegisterId::VENDOR_HYPERVISOR_BITMAP_2.0, 0x6030_0000_0016_0003);
    }
}

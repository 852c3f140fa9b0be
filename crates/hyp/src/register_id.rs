//! The IDs by which `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` know a register (Linux,
//! `Documentation/virt/kvm/api.rst`, section 4.68).

use core::fmt;

use crate::Errno;

/// The ID of a register. An open set: a VM answers ENOENT or EINVAL to those it does not have.
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

    /// x0 to x30; `None` above.
    #[must_use]
    pub fn general(number: u8) -> Option<Self> {
        (number <= 30).then(|| Self(CORE | (2 * u64::from(number))))
    }

    /// The architecture bits are those of arm64, whatever the size.
    pub(crate) const fn is_arm64(self) -> bool {
        self.0 >> 32 & 0xff0f_ffff == 0x6000_0000
    }

    /// The number of the general register, if it is one. Half of one is EINVAL.
    pub(crate) fn as_general(self) -> Result<Option<usize>, Errno> {
        let Some(offset) = self.0.checked_sub(CORE).filter(|offset| *offset <= 61) else { return Ok(None) };
        if offset % 2 == 1 {
            return Err(Errno::EINVAL);
        }
        Ok(usize::try_from(offset / 2).ok())
    }

    /// A pseudo-register of the firmware, whatever its number and size.
    pub(crate) const fn is_firmware(self) -> bool {
        matches!(self.0 & 0x0fff_0000, 0x0014_0000 | 0x0016_0000)
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
        assert_eq!(RegisterId::PC.0, 0x6030_0000_0010_0040);
        assert_eq!(RegisterId::PSTATE.0, 0x6030_0000_0010_0042);
        assert_eq!(RegisterId::MPIDR_EL1.0, 0x6030_0000_0013_c005);
        assert_eq!(RegisterId::SCTLR_EL1.0, 0x6030_0000_0013_c080);
        assert_eq!(RegisterId::WORKAROUND_3.0, 0x6030_0000_0014_0003);
        assert_eq!(RegisterId::VENDOR_HYPERVISOR_BITMAP_2.0, 0x6030_0000_0016_0003);
    }

    #[test]
    fn a_general_register_has_an_even_offset() {
        assert_eq!(RegisterId(0x6030_0000_0010_0006).as_general(), Ok(Some(3)));
        assert_eq!(RegisterId(0x6030_0000_0010_003c).as_general(), Ok(Some(30)));
        assert_eq!(RegisterId(0x6030_0000_0010_0007).as_general(), Err(Errno::EINVAL));
        assert_eq!(RegisterId::PC.as_general(), Ok(None));
    }
}

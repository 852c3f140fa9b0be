//! Hyper-V's hypercalls, as an arm64 guest makes them by the calling convention.
//!
//! They are in Microsoft's Hypervisor Top-Level Functional Specification (TLFS); what is arm64's own is in Linux
//! (`arch/arm64/hyperv/hv_core.c`, `include/hyperv/hvgdk_mini.h`) and OpenVMM (`vm/hv1`), which know more than it says.
//! There is one function, [`HYPERCALL`], whose first argument is a control word ([`Control`]). All values are
//! little-endian, whatever the guest is.

mod control;
mod guest_os_id;

pub use control::{CallCode, Control, HypercallResult, Status};
pub use guest_os_id::{GuestOsId, Vendor};

use crate::{FunctionId, uuid::Uuid};

/// The one function: a yielding call of the vendor's hypervisor services, over HVC.
pub const HYPERCALL: FunctionId = FunctionId(0x4600_0001);
/// Call UID of the vendor-specific hypervisor services (DEN0028, section 6.2): it says that they are Hyper-V's.
pub const CALL_UID: FunctionId = FunctionId(0x8600_ff01);
/// What the UID is (OpenVMM, `VENDOR_HYP_UID_MS_HYPERVISOR`; Linux since 6.16).
pub const UUID: Uuid =
    Uuid([0x58, 0xba, 0x32, 0x4d, 0x64, 0x47, 0x24, 0xcd, 0x75, 0x6c, 0xef, 0x8e, 0x24, 0x70, 0x59, 0x16]);

/// The size of a page, in bytes, whatever the guest's pages are: no list of a hypercall spans two.
pub const PAGE_SIZE: u64 = 4096;
/// What the address of a list in memory is a multiple of.
pub const ALIGNMENT: u64 = 8;
/// How many registers carry the lists of a fast hypercall: x2 to x17.
pub const FAST_REGISTERS: u8 = 16;

/// `HV_PARTITION_ID_SELF`: the guest that calls.
pub const PARTITION_ID_SELF: u64 = u64::MAX;
/// `HV_VP_INDEX_SELF`: the CPU that calls.
pub const VP_INDEX_SELF: u32 = 0xffff_fffe;

/// A register of a virtual processor, by name (TLFS, `HV_REGISTER_NAME`). An open set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RegisterName(pub u32);

impl RegisterName {
    /// Which build of the hypervisor it is: 128 bits, as CPUID 0x40000002.
    pub const HYPERVISOR_VERSION: Self = Self(0x100);
    /// What the guest may use: 128 bits, as CPUID 0x40000003.
    pub const PRIVILEGES_AND_FEATURES_INFO: Self = Self(0x200);
    /// What the guest is recommended to use: 128 bits, as CPUID 0x40000004.
    pub const FEATURES_INFO: Self = Self(0x201);
    /// How many of what there can be: 128 bits, as CPUID 0x40000005.
    pub const IMPLEMENTATION_LIMITS_INFO: Self = Self(0x202);
    /// The first of five numbers that say what a guest has crashed of; the others follow it.
    pub const GUEST_CRASH_P0: Self = Self(0x210);
    /// Says that the guest has crashed; read, what it can say.
    pub const GUEST_CRASH_CTL: Self = Self(0x215);
    /// For how long the CPU has run.
    pub const VP_RUNTIME: Self = Self(0x9_0000);
    /// What the guest says it is: [`GuestOsId`].
    pub const GUEST_OS_ID: Self = Self(0x9_0002);
    /// The number of the CPU.
    pub const VP_INDEX: Self = Self(0x9_0003);
    /// The time since the guest's life began, in units of 100 ns.
    pub const TIME_REF_COUNT: Self = Self(0x9_0004);
    /// Where the guest wants a page with the same time.
    pub const REFERENCE_TSC: Self = Self(0x9_0017);
}

/// How many crash parameters there are: P0 to P4.
pub const CRASH_PARAMETERS: u32 = 5;

/// Bits 31 to 0 and 63 to 32 of [`RegisterName::PRIVILEGES_AND_FEATURES_INFO`] (TLFS, `HV_PARTITION_PRIVILEGE_MASK`).
pub mod privilege {
    /// `AccessPartitionReferenceCounter`: [`TIME_REF_COUNT`](super::RegisterName::TIME_REF_COUNT).
    pub const ACCESS_PARTITION_REFERENCE_COUNTER: u64 = 1 << 1;
    /// `AccessHypercallMsrs`: [`GUEST_OS_ID`](super::RegisterName::GUEST_OS_ID), and hypercalls.
    pub const ACCESS_HYPERCALL_REGS: u64 = 1 << 5;
    /// `AccessVpIndex`: [`VP_INDEX`](super::RegisterName::VP_INDEX).
    pub const ACCESS_VP_INDEX: u64 = 1 << 6;
    /// `AccessVpRegisters`: the hypercalls that read and write registers.
    pub const ACCESS_VP_REGISTERS: u64 = 1 << 49;
    /// `FastHypercallOutput`: results of fast hypercalls in registers.
    pub const FAST_HYPERCALL_OUTPUT: u64 = 1 << 51;
}

/// The bit of the crash registers in bits 95 to 64 of [`RegisterName::PRIVILEGES_AND_FEATURES_INFO`], as Linux reads it on
/// arm64 (on x86 it is another one, and in another word).
pub const FEATURE_GUEST_CRASH_REGS: u64 = 1 << 8;

/// Bits of [`RegisterName::GUEST_CRASH_CTL`] (TLFS, "Partition Crash Enlightenment").
pub mod crash {
    /// `CrashNotify`: P0 to P4 are to be taken note of.
    pub const NOTIFY: u64 = 1 << 63;
    /// `CrashMessage`: P3 is the address of a message, and P4 its length in bytes.
    pub const NOTIFY_MSG: u64 = 1 << 62;
    /// `NoCrashDump`, and `PreOSId` in three bits: they tell more of the crash.
    pub const DETAILS: u64 = 0xf << 58;
    /// The longest message, in bytes: a page.
    pub const MAX_MESSAGE: u64 = super::PAGE_SIZE;
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn the_uuid_is_the_four_words_that_linux_compares() {
        assert_eq!(UUID.to_string(), "58ba324d-6447-24cd-756c-ef8e24705916");
        assert_eq!(UUID.words(), [0x4d32_ba58, 0xcd24_4764, 0x8eef_6c75, 0x1659_7024]);
    }

    #[test]
    fn the_uid_is_asked_for_where_kvms_is() {
        assert_eq!(CALL_UID, crate::kvm::CALL_UID);
        assert_ne!(UUID, crate::kvm::UUID);
    }
}

//! Device attributes of a VM: the filter's way in.

use switchboard_filter::Request;
use switchboard_smccc::Conduit;

use crate::vm::NamespaceRule;
use crate::{Errno, Vm};

/// An attribute by group and number. KVM looks at no flags here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceAttribute {
    /// The group.
    pub group: u32,
    /// The number within the group.
    pub attribute: u64,
}

/// `KVM_ARM_VM_SMCCC_CTRL`, a group of the VM.
pub const SMCCC_CTRL: u32 = 0;
/// `KVM_ARM_VM_SMCCC_FILTER`: a range for both conduits. Not there with [`NamespaceRule::Two`].
pub const SMCCC_FILTER: u64 = 0;
/// A range for HVC alone. KVM has no such attribute: there is one only with [`NamespaceRule::Two`].
pub const SMCCC_FILTER_HVC: u64 = 1;
/// A range for SMC alone. As [`SMCCC_FILTER_HVC`].
pub const SMCCC_FILTER_SMC: u64 = 2;
/// `KVM_ARM_VCPU_PVTIME_CTRL`, a group of the vCPU.
pub const PVTIME_CTRL: u32 = 2;
/// `KVM_ARM_VCPU_PVTIME_IPA`: where the vCPU's record of stolen time is.
pub const PVTIME_IPA: u64 = 0;

impl DeviceAttribute {
    /// `KVM_ARM_VM_SMCCC_FILTER`.
    pub const SMCCC_FILTER: Self = Self { group: SMCCC_CTRL, attribute: SMCCC_FILTER };
}

impl Vm {
    /// `KVM_HAS_DEVICE_ATTR` on the VM.
    ///
    /// # Errors
    ///
    /// ENXIO for a group or an attribute there is not.
    pub fn has_attribute(&self, attribute: DeviceAttribute) -> Result<(), Errno> {
        self.conduit(attribute).map(|_| ())
    }

    /// `KVM_SET_DEVICE_ATTR` on the VM: `value` is what can be read at the address that userspace gave.
    ///
    /// # Errors
    ///
    /// In this order: ENXIO for an unknown attribute, EFAULT if there are fewer than 24 bytes, EINVAL for a request that
    /// is no range or names no action, EBUSY once a vCPU has run, EEXIST if a range is there that overlaps.
    pub fn set_attribute(&self, attribute: DeviceAttribute, value: &[u8]) -> Result<(), Errno> {
        let conduit = self.conduit(attribute)?;
        let request = Request::from_bytes(value.first_chunk().ok_or(Errno::EFAULT)?);
        self.request(conduit, &request).map_err(|error| Errno(error.errno()))
    }

    /// `KVM_GET_DEVICE_ATTR` on the VM.
    ///
    /// # Errors
    ///
    /// Always EINVAL: KVM implements no attribute of a VM that can be read.
    pub fn get_attribute(&self, _: DeviceAttribute) -> Result<core::convert::Infallible, Errno> {
        Err(Errno::EINVAL)
    }

    /// Whose calls an attribute is about. Where there is one filter, either conduit leads to it.
    fn conduit(&self, attribute: DeviceAttribute) -> Result<Conduit, Errno> {
        match (attribute.group, attribute.attribute, self.namespaces()) {
            (SMCCC_CTRL, SMCCC_FILTER, NamespaceRule::One)
            | (SMCCC_CTRL, SMCCC_FILTER_HVC, NamespaceRule::Two) => Ok(Conduit::Hvc),
            (SMCCC_CTRL, SMCCC_FILTER_SMC, NamespaceRule::Two) => Ok(Conduit::Smc),
            _ => Err(Errno::ENXIO),
        }
    }
}

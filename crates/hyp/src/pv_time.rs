//! KVM's paravirtualized time (DEN0057).

use switchboard_smccc::{FunctionId, Ipa};

use crate::attributes::{DeviceAttribute, PVTIME_CTRL, PVTIME_IPA};
use crate::{Errno, Host, Vcpu, smccc, trap::Next};

pub(crate) use switchboard_smccc::pv_time::{FEATURES, STOLEN_TIME};

pub(crate) fn handle(vcpu: &mut Vcpu<'_>, id: FunctionId, host: &impl Host) -> Next {
    let result = match (id, vcpu.stolen_time) {
        (FEATURES, Some(_)) => features(FunctionId::from_x0(vcpu.x[1])),
        (STOLEN_TIME, Some(address)) => {
            host.initialise_stolen_time(address);
            address.0
        }
        _ => smccc::NOT_SUPPORTED,
    };
    vcpu.complete([result, 0, 0, 0])
}

/// Of a vCPU that has an address.
const fn features(function: FunctionId) -> u64 {
    match function {
        FEATURES | STOLEN_TIME => 0,
        _ => smccc::NOT_SUPPORTED,
    }
}

impl Vcpu<'_> {
    /// `KVM_HAS_DEVICE_ATTR` on the vCPU.
    ///
    /// # Errors
    ///
    /// ENXIO for an attribute that is not `KVM_ARM_VCPU_PVTIME_IPA`, the only one modelled.
    pub fn has_attribute(&self, attribute: DeviceAttribute) -> Result<(), Errno> {
        match attribute {
            DeviceAttribute { group: PVTIME_CTRL, attribute: PVTIME_IPA } => Ok(()),
            _ => Err(Errno::ENXIO),
        }
    }

    /// `KVM_SET_DEVICE_ATTR` on the vCPU: `value` is what can be read at the address that userspace gave.
    ///
    /// # Errors
    ///
    /// ENXIO for an unknown attribute, EFAULT if there are fewer than eight bytes, EINVAL for an address that is not
    /// aligned to 64 bytes or no memory, EEXIST if there is one already.
    pub fn set_attribute(
        &mut self,
        attribute: DeviceAttribute,
        value: &[u8],
        host: &impl Host,
    ) -> Result<(), Errno> {
        self.has_attribute(attribute)?;
        let bytes = value.first_chunk().ok_or(Errno::EFAULT)?;
        let address = Ipa(u64::from_le_bytes(*bytes));
        if !address.0.is_multiple_of(64) {
            return Err(Errno::EINVAL);
        }
        if self.stolen_time.is_some() {
            return Err(Errno::EEXIST);
        }
        if !host.is_memory(address) {
            return Err(Errno::EINVAL);
        }
        self.stolen_time = Some(address);
        Ok(())
    }

    /// `KVM_GET_DEVICE_ATTR` on the vCPU: the address of its record of stolen time, all ones if there is none.
    ///
    /// # Errors
    ///
    /// ENXIO for an unknown attribute.
    pub fn get_attribute(&self, attribute: DeviceAttribute) -> Result<u64, Errno> {
        self.has_attribute(attribute)?;
        Ok(self.stolen_time.map_or(u64::MAX, |address| address.0))
    }
}

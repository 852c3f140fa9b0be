//! KVM's own services: which of them a guest sees.

use switchboard_smccc::RegisterId;

use crate::{Error, Vcpu};

/// A service in the kernel that a firmware bitmap register exposes or hides (Linux,
/// `Documentation/virt/kvm/arm/fw-pseudo-registers.rst`). The registers say nothing about calls that are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KernelService {
    /// The True Random Number Generator.
    Trng,
    /// Paravirtualized time. `SMCCC_ARCH_FEATURES`, which nobody but KVM answers, tells a guest of it by this bit alone.
    PvTime,
    /// KVM's UID and features.
    VendorFeatures,
    /// KVM's precision time protocol.
    Ptp,
}

/// Does a guest see a service?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exposure {
    /// Yes.
    Exposed,
    /// No: its functions are NOT_SUPPORTED.
    Hidden,
}

impl KernelService {
    /// The register and the bit in it.
    const fn bit(self) -> (RegisterId, u64) {
        match self {
            Self::Trng => (RegisterId::STANDARD_BITMAP, 1),
            Self::PvTime => (RegisterId::STANDARD_HYPERVISOR_BITMAP, 1),
            Self::VendorFeatures => (RegisterId::VENDOR_HYPERVISOR_BITMAP, 1),
            Self::Ptp => (RegisterId::VENDOR_HYPERVISOR_BITMAP, 1 << 1),
        }
    }
}

impl Vcpu {
    /// Exposes one of KVM's own services to the guest, or hides it. It is the machine's, though it is set by a vCPU. Nothing
    /// may have run.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses: a kernel before 6.0 has no such registers.
    pub fn expose(&mut self, service: KernelService, exposure: Exposure) -> Result<(), Error> {
        let (register, bit) = service.bit();
        let present = self.get(register)?;
        let wanted = match exposure {
            Exposure::Exposed => present | bit,
            Exposure::Hidden => present & !bit,
        };
        if wanted == present {
            return Ok(());
        }
        self.set(register, wanted)
    }

    /// Sets firmware registers to what a plan says. They are the machine's, though they are set by a vCPU. Nothing may have
    /// run.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM has no such register, or not that bit of it.
    pub fn set_firmware_registers(
        &mut self,
        mut values: impl Iterator<Item = (RegisterId, u64)>,
    ) -> Result<(), Error> {
        values.try_for_each(|(register, value)| self.set(register, value))
    }
}

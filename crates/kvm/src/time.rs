//! A guest's counters, and the time that was stolen from it.

use kvm_bindings::{
    KVM_ARM_VCPU_PVTIME_CTRL, KVM_ARM_VCPU_PVTIME_IPA, kvm_arm_counter_offset, kvm_device_attr,
};
use kvm_ioctls::Cap;
use switchboard_smccc::Ipa;
use vmm_sys_util::{errno, ioctl::ioctl_with_ref};

use crate::{Error, Vcpu, Vm, gic};

mod number {
    #![allow(missing_docs, reason = "the macro makes a public function")]
    vmm_sys_util::ioctl_iow_nr!(KVM_ARM_SET_COUNTER_OFFSET, 0xae, 0xb5, kvm_bindings::kvm_arm_counter_offset);
}

/// What the counters of a guest lag behind the host's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CounterOffsets {
    /// `CNTVCT_EL0` of the guest is the host's counter less this.
    pub virtual_counter: u64,
    /// `CNTPCT_EL0` of the guest is the host's counter less this.
    pub physical_counter: u64,
}

/// The host's counter, now. It never goes back, on whatever CPU.
#[must_use]
pub fn host_counter() -> u64 {
    let value: u64;
    // To a process the virtual counter is the host's own: Linux keeps its offset at 0. The barrier keeps the processor from
    // reading it ahead of time.
    // SAFETY: reads a register that Linux lets every process read.
    #[allow(unsafe_code, reason = "there is no other way to the counter")]
    unsafe {
        std::arch::asm!("isb", "mrs {value}, cntvct_el0", value = out(reg) value, options(nomem, nostack));
    }
    value
}

impl Vm {
    /// Lets both counters of the guest begin at zero, now. Every vCPU must exist, and nothing may have run.
    ///
    /// A kernel before 6.4 cannot: then they are what KVM made of them, and nothing is known of them (`None`).
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn start_counters(&self) -> Result<Option<CounterOffsets>, Error> {
        if !self.fd.check_extension(Cap::CounterOffset) {
            return Ok(None);
        }
        let counter_offset = host_counter();
        let argument = kvm_arm_counter_offset { counter_offset, reserved: 0 };
        // SAFETY: the kernel reads the argument, and nothing else.
        #[allow(unsafe_code, reason = "kvm-ioctls has no such call")]
        let result = unsafe { ioctl_with_ref(&self.fd, number::KVM_ARM_SET_COUNTER_OFFSET(), &argument) };
        if result < 0 {
            return Err(Error::ioctl("KVM_ARM_SET_COUNTER_OFFSET")(errno::Error::last()));
        }
        Ok(Some(CounterOffsets { virtual_counter: counter_offset, physical_counter: counter_offset }))
    }
}

impl Vcpu {
    /// Says where KVM keeps the record of the time that is stolen from it: 64 bytes, at a multiple of 64, in memory that the
    /// guest has. False if this kernel does not count it. Nothing may have run.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses, e.g. because there is no memory.
    pub fn set_stolen_time_record(&mut self, address: Ipa) -> Result<bool, Error> {
        let attribute = kvm_device_attr {
            group: KVM_ARM_VCPU_PVTIME_CTRL,
            attr: u64::from(KVM_ARM_VCPU_PVTIME_IPA),
            addr: gic::address_of(&address.0),
            flags: 0,
        };
        if self.fd.has_device_attr(&attribute).is_err() {
            return Ok(false);
        }
        self.fd.set_device_attr(&attribute).map_err(Error::ioctl("setting the address of stolen time"))?;
        Ok(true)
    }
}

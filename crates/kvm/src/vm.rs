//! A virtual machine.

use std::os::fd::AsRawFd;

use kvm_bindings::{
    KVM_ARM_VM_SMCCC_CTRL, KVM_ARM_VM_SMCCC_FILTER, kvm_device_attr, kvm_smccc_filter,
    kvm_userspace_memory_region,
};
use kvm_ioctls::VmFd;
use switchboard_filter::{Filter, Rule};
use switchboard_smccc::Ipa;

use crate::{Error, GicSupport, Kicker, Kvm, Vcpu, VcpuFeatures, gic};

/// A virtual machine.
pub struct Vm {
    pub(crate) fd: VmFd,
}

/// A shared peripheral interrupt, by interrupt ID: 32 to 1019.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spi(pub u32);

/// The level of an interrupt line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Not asserted.
    Low,
    /// Asserted.
    High,
}

/// The smallest guest-physical address space that KVM makes.
pub(crate) const MINIMUM_IPA_BITS: u32 = 32;
/// `KVM_ARM_IRQ_TYPE_SPI`, in place.
const IRQ_TYPE_SPI: u32 = 1 << 24;

impl Vm {
    /// A machine whose guest-physical addresses have at least `ipa_bits` bits.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses, e.g. because the host's CPU has fewer.
    pub fn create(kvm: &Kvm, ipa_bits: u32) -> Result<Self, Error> {
        create(&kvm.fd, ipa_bits.max(MINIMUM_IPA_BITS)).map(|fd| Self { fd })
    }

    /// Installs a filter: every range of it, or the error names the one that KVM refused. One without ranges needs
    /// nothing of KVM.
    ///
    /// # Errors
    ///
    /// [`Error::NoFilter`] on a kernel without it, [`Error::FilterRange`] if a range is refused.
    pub fn install(&self, filter: &Filter) -> Result<(), Error> {
        if filter.rules().next().is_some() && !has_filter(&self.fd) {
            return Err(Error::NoFilter);
        }
        filter.rules().try_for_each(|rule| self.install_rule(rule))
    }

    fn install_rule(&self, rule: Rule) -> Result<(), Error> {
        let first = rule.range.first().0;
        let argument = kvm_smccc_filter {
            base: first,
            // A range of the filter never holds all 2^32 IDs: the reserved ranges are not in it.
            nr_functions: rule.range.last().0 - first + 1,
            action: rule.action.to_uapi(),
            pad: [0; 15],
        };
        let attribute = filter_attribute(gic::address_of(&argument));
        self.fd.set_device_attr(&attribute).map_err(|error| Error::FilterRange { rule, source: error.into() })
    }

    /// Which interrupt controllers KVM emulates for it.
    #[must_use]
    pub fn gic_support(&self) -> GicSupport {
        gic::support(&self.fd)
    }

    /// Creates and INITs the vCPUs 0 to `count - 1`, all of them, before anything runs: KVM makes its map from
    /// MPIDR to vCPU at the first run, and one that was not INITed by then is in it with the wrong MPIDR.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn create_vcpus(&self, count: u16, features: VcpuFeatures) -> Result<Vec<Vcpu>, Error> {
        let mut init = kvm_bindings::kvm_vcpu_init::default();
        self.fd.get_preferred_target(&mut init).map_err(Error::ioctl("KVM_ARM_PREFERRED_TARGET"))?;
        features.apply(&mut init);
        (0..count)
            .map(|id| {
                let fd = self.fd.create_vcpu(u64::from(id)).map_err(Error::ioctl("KVM_CREATE_VCPU"))?;
                Vcpu::new(fd, init, features)
            })
            .collect()
    }

    /// Gives the guest memory.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    ///
    /// # Safety
    ///
    /// `host_address` must be the start of a mapping of `size` bytes that stays there, and that nothing takes to
    /// be unchanging, as long as this machine exists.
    #[allow(unsafe_code, reason = "the guest writes to the memory it is given")]
    pub unsafe fn add_memory(
        &self,
        slot: u32,
        address: Ipa,
        size: u64,
        host_address: u64,
    ) -> Result<(), Error> {
        let region = kvm_userspace_memory_region {
            slot,
            flags: 0,
            guest_phys_addr: address.0,
            memory_size: size,
            userspace_addr: host_address,
        };
        // SAFETY: the caller vouches for the mapping.
        unsafe { self.fd.set_user_memory_region(region) }.map_err(Error::ioctl("KVM_SET_USER_MEMORY_REGION"))
    }

    /// What gets a vCPU out of the guest. It costs a descriptor and a mapping, so it is made when there is a thread to be
    /// kicked.
    ///
    /// # Errors
    ///
    /// [`Error`] if there is no descriptor left.
    pub fn kicker(&self, vcpu: &Vcpu) -> Result<Kicker, Error> {
        self.second_descriptor(&vcpu.fd).map(Kicker::new)
    }

    /// Drives a shared peripheral interrupt.
    ///
    /// # Errors
    ///
    /// [`Error`] if there is no such interrupt.
    pub fn set_interrupt(&self, interrupt: Spi, level: Level) -> Result<(), Error> {
        self.fd
            .set_irq_line(IRQ_TYPE_SPI | interrupt.0, level == Level::High)
            .map_err(Error::ioctl("KVM_IRQ_LINE"))
    }

    /// A second descriptor of a vCPU, with a mapping of its own.
    fn second_descriptor(&self, vcpu: &kvm_ioctls::VcpuFd) -> Result<kvm_ioctls::VcpuFd, Error> {
        // SAFETY: duplicates a descriptor that is open.
        #[allow(unsafe_code, reason = "dup has no safe form for a type that is no owned descriptor")]
        let duplicate = unsafe { libc::fcntl(vcpu.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 0) };
        if duplicate < 0 {
            let source = std::io::Error::last_os_error();
            return Err(Error::Ioctl { operation: "duplicating a vCPU's descriptor", source });
        }
        // SAFETY: the descriptor is a vCPU's and is nobody else's.
        #[allow(unsafe_code, reason = "takes the descriptor over")]
        let second = unsafe { self.fd.create_vcpu_from_rawfd(duplicate) };
        second.map_err(Error::ioctl("mapping a vCPU's shared page"))
    }
}

pub(crate) fn create(kvm: &kvm_ioctls::Kvm, ipa_bits: u32) -> Result<VmFd, Error> {
    kvm.create_vm_with_ipa_size(ipa_bits).map_err(Error::ioctl("KVM_CREATE_VM"))
}

/// Has this kernel the filter? There is no capability for it: asking for the attribute is the way. Kernels
/// before 6.4 say EINVAL, later ones without it ENXIO.
pub(crate) fn has_filter(vm: &VmFd) -> bool {
    vm.has_device_attr(&filter_attribute(0)).is_ok()
}

fn filter_attribute(address: u64) -> kvm_device_attr {
    kvm_device_attr {
        group: KVM_ARM_VM_SMCCC_CTRL,
        attr: u64::from(KVM_ARM_VM_SMCCC_FILTER),
        addr: address,
        flags: 0,
    }
}

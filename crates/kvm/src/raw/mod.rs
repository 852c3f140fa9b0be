//! KVM's calls one by one, with the error number of each, whatever the argument: for comparing KVM with a model of it.
//!
//! A monitor has no use for this: [`Vm`](crate::Vm) and [`Vcpu`](crate::Vcpu) make no call that KVM refuses. Nothing
//! here lets a program do more to its own memory than the kernel allows any argument of a system call to do.

mod alarm;
mod cache;
mod run;

use std::{os::fd::AsRawFd, sync::atomic::AtomicU64};

use kvm_bindings::{
    KVM_CAP_ARM_EL1_32BIT, KVM_CAP_ARM_SYSTEM_SUSPEND, KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_USE_SW_BP,
    kvm_device_attr, kvm_enable_cap, kvm_guest_debug, kvm_mp_state, kvm_userspace_memory_region,
    kvm_vcpu_init,
};
use kvm_ioctls::{VcpuFd, VmFd};
use switchboard_smccc::Ipa;
use vmm_sys_util::{errno, ioctl::ioctl_with_ref};

use crate::Kvm;

pub use alarm::{Alarm, voluntary_switches};
pub use cache::{synchronise_data, synchronise_instructions};
pub use run::lost_thread_pointers;
use run::run_keeping_thread_pointer;

mod number {
    #![allow(missing_docs, reason = "the macro makes a public function")]
    vmm_sys_util::ioctl_iow_nr!(KVM_GET_DEVICE_ATTR, 0xae, 0xe2, kvm_bindings::kvm_device_attr);
}

/// What a call returns: its error number.
pub type Result<T> = core::result::Result<T, Errno>;

/// An error number of Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub i32);

impl From<errno::Error> for Errno {
    fn from(error: errno::Error) -> Self {
        Self(error.errno())
    }
}

/// A VM.
pub struct RawVm {
    fd: VmFd,
}

/// One of its vCPUs.
pub struct RawVcpu {
    fd: VcpuFd,
}

/// Can EL1 of a vCPU be in AArch32 state on this host? `KVM_CAP_ARM_EL1_32BIT`.
#[must_use]
pub fn has_aarch32(kvm: &Kvm) -> bool {
    kvm.fd.check_extension_raw(KVM_CAP_ARM_EL1_32BIT.into()) > 0
}

/// The size of a page of this kernel, in bytes.
#[must_use]
pub fn page_size() -> u64 {
    // SAFETY: has no preconditions.
    #[allow(unsafe_code, reason = "sysconf")]
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(0)
}

/// What an attribute's address points to.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'bytes> {
    /// These bytes, and what is behind them.
    Bytes(&'bytes [u8]),
    /// Nothing that can be read.
    Unmapped,
}

impl Payload<'_> {
    fn address(self) -> u64 {
        match self {
            Self::Bytes(bytes) => address_of(bytes),
            Self::Unmapped => 0,
        }
    }
}

/// What `KVM_RUN` left in the page that the vCPU shares with KVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunPage {
    /// `exit_reason`.
    pub reason: u32,
    /// The first 72 bytes of the union behind it: all of `hypercall`.
    pub exit: [u8; 72],
}

impl RawVm {
    /// `KVM_CREATE_VM`, with the smallest address space, 32 bits: taking a VM down costs KVM by its size.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn create(kvm: &Kvm) -> Result<Self> {
        Ok(Self { fd: kvm.fd.create_vm_with_ipa_size(crate::vm::MINIMUM_IPA_BITS)? })
    }

    /// `KVM_HAS_DEVICE_ATTR`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn has_attribute(&self, group: u32, attr: u64) -> Result<()> {
        Ok(self.fd.has_device_attr(&kvm_device_attr { group, attr, addr: 0, flags: 0 })?)
    }

    /// `KVM_SET_DEVICE_ATTR`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn set_attribute(&self, group: u32, attr: u64, payload: Payload<'_>) -> Result<()> {
        Ok(self.fd.set_device_attr(&kvm_device_attr { group, attr, addr: payload.address(), flags: 0 })?)
    }

    /// `KVM_GET_DEVICE_ATTR`. What it reads is thrown away.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn get_attribute(&self, group: u32, attr: u64) -> Result<()> {
        let mut value = [0_u8; 64];
        let addr =
            u64::try_from((&raw mut value).expose_provenance()).expect("addresses of arm64 have 64 bits");
        let attribute = kvm_device_attr { group, attr, addr, flags: 0 };
        // SAFETY: the kernel writes at most to `value`, which is larger than any attribute.
        #[allow(unsafe_code, reason = "kvm-ioctls has no such call for a VM")]
        let result = unsafe { ioctl_with_ref(&self.fd, number::KVM_GET_DEVICE_ATTR(), &attribute) };
        if result < 0 { Err(errno::Error::last().into()) } else { Ok(()) }
    }

    /// `KVM_ENABLE_CAP` of `KVM_CAP_ARM_SYSTEM_SUSPEND`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn enable_system_suspend(&self) -> Result<()> {
        let capability = kvm_enable_cap { cap: KVM_CAP_ARM_SYSTEM_SUSPEND, ..Default::default() };
        Ok(self.fd.enable_cap(&capability)?)
    }

    /// `KVM_CREATE_VCPU`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn create_vcpu(&self, id: u32) -> Result<RawVcpu> {
        Ok(RawVcpu { fd: self.fd.create_vcpu(u64::from(id))? })
    }

    /// `KVM_IRQ_LINE` for a vCPU's IRQ, on a VM whose interrupt controller is in userspace.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn set_interrupt_line(&self, vcpu_id: u8, level: crate::Level) -> Result<()> {
        Ok(self.fd.set_irq_line(u32::from(vcpu_id) << 16, level == crate::Level::High)?)
    }

    /// The target for [`RawVcpu::init`].
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn preferred_target(&self) -> Result<u32> {
        let mut init = kvm_vcpu_init::default();
        self.fd.get_preferred_target(&mut init)?;
        Ok(init.target)
    }

    /// Gives the guest memory, which must begin and end at a page's end. It is never given back, so it may be changed
    /// by a guest at any time.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn add_memory(&self, address: Ipa, memory: &'static [AtomicU64]) -> Result<()> {
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: address.0,
            memory_size: u64::try_from(size_of_val(memory)).expect("sizes of arm64 have 64 bits"),
            userspace_addr: address_of(memory),
        };
        // SAFETY: the memory exists as long as the process, and atomics may change at any time.
        #[allow(unsafe_code, reason = "the guest writes to the memory it is given")]
        let result = unsafe { self.fd.set_user_memory_region(region) };
        Ok(result?)
    }
}

impl RawVcpu {
    /// `KVM_ARM_VCPU_INIT`, with the first word of the features.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn init(&self, target: u32, features: u32) -> Result<()> {
        let mut init = kvm_vcpu_init { target, ..Default::default() };
        init.features[0] = features;
        Ok(self.fd.vcpu_init(&init)?)
    }

    /// `KVM_GET_ONE_REG` of 64 bits.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn get_register(&self, id: u64) -> Result<u64> {
        let mut bytes = [0; 8];
        self.fd.get_one_reg(id, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// `KVM_SET_ONE_REG` of 64 bits.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn set_register(&self, id: u64, value: u64) -> Result<()> {
        self.fd.set_one_reg(id, &value.to_le_bytes())?;
        Ok(())
    }

    /// `KVM_GET_MP_STATE`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn mp_state(&self) -> Result<u32> {
        Ok(self.fd.get_mp_state()?.mp_state)
    }

    /// `KVM_SET_MP_STATE`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn set_mp_state(&self, mp_state: u32) -> Result<()> {
        Ok(self.fd.set_mp_state(kvm_mp_state { mp_state })?)
    }

    /// `KVM_HAS_DEVICE_ATTR`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn has_attribute(&self, group: u32, attr: u64) -> Result<()> {
        Ok(self.fd.has_device_attr(&kvm_device_attr { group, attr, addr: 0, flags: 0 })?)
    }

    /// `KVM_SET_DEVICE_ATTR`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn set_attribute(&self, group: u32, attr: u64, payload: Payload<'_>) -> Result<()> {
        Ok(self.fd.set_device_attr(&kvm_device_attr { group, attr, addr: payload.address(), flags: 0 })?)
    }

    /// Lets a breakpoint instruction of the guest end `KVM_RUN`, with `KVM_EXIT_DEBUG` and PC at the instruction.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn leave_at_breakpoints(&self) -> Result<()> {
        let control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
        Ok(self.fd.set_guest_debug(&kvm_guest_debug { control, ..Default::default() })?)
    }

    /// `KVM_RUN`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn run(&mut self) -> Result<RunPage> {
        match run_keeping_thread_pointer(self.fd.as_raw_fd()) {
            0 => Ok(self.page()),
            error => Err(Errno(error)),
        }
    }

    /// `KVM_RUN` with `immediate_exit`.
    ///
    /// # Errors
    ///
    /// That of the call.
    pub fn run_immediately(&mut self) -> Result<RunPage> {
        self.fd.set_kvm_immediate_exit(1);
        let result = self.run();
        self.fd.set_kvm_immediate_exit(0);
        result
    }

    fn page(&mut self) -> RunPage {
        let run = self.fd.get_kvm_run();
        // SAFETY: every member of the union is plain data, and its padding is as large as any of them.
        #[allow(unsafe_code, reason = "a union")]
        let bytes = unsafe { &run.__bindgen_anon_1.padding };
        let mut exit = [0; 72];
        exit.copy_from_slice(&bytes[..72]);
        RunPage { reason: run.exit_reason, exit }
    }
}

fn address_of<T>(values: &[T]) -> u64 {
    u64::try_from(values.as_ptr().expose_provenance()).expect("addresses of arm64 have 64 bits")
}

//! KVM's calls one by one, with the error number of each, whatever the argument: for comparing KVM with a model of it.
//!
//! A monitor has no use for this: [`Vm`](crate::Vm) and [`Vcpu`](crate::Vcpu) make no call that KVM refuses. Nothing
//! here lets a program do more to its own memory than the kernel allows any argument of a system call to do.

use std::{
    os::fd::AsRawFd,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use kvm_bindings::{
    KVM_CAP_ARM_EL1_32BIT, KVM_CAP_ARM_SYSTEM_SUSPEND, KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_USE_SW_BP,
    kvm_device_attr, kvm_enable_cap, kvm_guest_debug, kvm_mp_state, kvm_userspace_memory_region,
    kvm_vcpu_init,
};
use kvm_ioctls::{VcpuFd, VmFd};
use switchboard_smccc::Ipa;
use vmm_sys_util::{errno, ioctl::ioctl_with_ref};

use crate::Kvm;

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

/// How often `KVM_RUN` has come back with another thread pointer than it was called with.
static LOST_THREAD_POINTERS: AtomicU64 = AtomicU64::new(0);

/// How often `KVM_RUN` has come back with another thread pointer than it was called with, and it was put right.
#[must_use]
pub fn lost_thread_pointers() -> u64 {
    LOST_THREAD_POINTERS.load(Ordering::Relaxed)
}

/// `KVM_RUN`: 0 or the error number.
///
/// On emulated hosts KVM has been seen to come back, once in some ten thousand runs, with `TPIDR_EL0` as it is after a
/// vCPU's reset (`0x1de7ec7edbadc0de`). A program is lost with the next thread-local variable that it touches, and the
/// C library's `errno` is one. So the call is made without the C library, and the register is put right.
fn run_keeping_thread_pointer(vcpu: i32) -> i32 {
    const SYS_IOCTL: u64 = 29;
    const KVM_RUN: u64 = 0xae80;
    let result: i64;
    let before: u64;
    let after: u64;
    // SAFETY: the call writes to nothing but the page that the vCPU shares with KVM, which is only read by copy, and to
    // the guest's memory, which is made of atomics; the thread pointer is what it was.
    #[allow(unsafe_code, reason = "the thread pointer")]
    unsafe {
        core::arch::asm!(
            "mrs {before}, tpidr_el0",
            "svc #0",
            "mrs {after}, tpidr_el0",
            "msr tpidr_el0, {before}",
            before = out(reg) before,
            after = out(reg) after,
            inlateout("x0") i64::from(vcpu) => result,
            in("x1") KVM_RUN,
            in("x2") 0_u64,
            in("x8") SYS_IOCTL,
            options(nostack),
        );
    }
    if before != after {
        LOST_THREAD_POINTERS.fetch_add(1, Ordering::Relaxed);
    }
    i32::try_from(-result).unwrap_or(0).max(0)
}

fn address_of<T>(values: &[T]) -> u64 {
    u64::try_from(values.as_ptr().expose_provenance()).expect("addresses of arm64 have 64 bits")
}

/// Signals that come again and again, and do nothing but end `KVM_RUN`. They come to the thread that made this.
#[derive(Debug)]
pub struct Alarm {
    timer: libc::timer_t,
}

impl Alarm {
    /// Takes `SIGALRM` over.
    ///
    /// # Panics
    ///
    /// If the process has no more timers.
    #[must_use]
    pub fn new() -> Self {
        crate::kick::handle_with_nothing(libc::SIGALRM);
        crate::kick::unblock(libc::SIGALRM);
        // SAFETY: all zeroes is a valid `sigevent`.
        #[allow(unsafe_code, reason = "sigevent")]
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGALRM;
        // SAFETY: has no preconditions.
        #[allow(unsafe_code, reason = "gettid has no safe form here")]
        let thread = unsafe { libc::gettid() };
        event.sigev_notify_thread_id = thread;
        let mut timer = std::ptr::null_mut();
        // SAFETY: both are valid, and the signal has a handler.
        #[allow(unsafe_code, reason = "timer_create")]
        let result = unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) };
        assert_eq!(result, 0, "a process has more timers than it makes alarms");
        Self { timer }
    }

    /// Lets the signal come after this time, and every time it has passed again; never, if it is zero.
    pub fn set(&self, every: Duration) {
        let time = libc::timespec {
            tv_sec: every.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: every.subsec_nanos().into(),
        };
        let timer = libc::itimerspec { it_interval: time, it_value: time };
        // SAFETY: the timer exists as long as this, and the times are valid.
        #[allow(unsafe_code, reason = "timer_settime")]
        let result = unsafe { libc::timer_settime(self.timer, 0, &raw const timer, std::ptr::null_mut()) };
        assert_eq!(result, 0, "a timer of valid times can be set");
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // SAFETY: the timer is this one's.
        #[allow(unsafe_code, reason = "timer_delete")]
        let _ = unsafe { libc::timer_delete(self.timer) };
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}

/// The smallest line of any cache, in words of 64 bits.
fn smallest_lines() -> Lines {
    let ctr: u64;
    // SAFETY: reads a register that userspace may read.
    #[allow(unsafe_code, reason = "CTR_EL0")]
    unsafe {
        core::arch::asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack, preserves_flags));
    }
    // In words of 32 bits, as a power of two (Arm ARM, D24.2.34).
    let words = |field: u64| 1 << (field & 0xf).saturating_sub(1);
    Lines { instructions: words(ctr), data: words(ctr >> 16) }
}

/// Sizes in words of 64 bits.
struct Lines {
    instructions: usize,
    data: usize,
}

/// Makes what was written visible to a guest that has its caches off, and what such a guest wrote visible here.
pub fn synchronise_data(memory: &[AtomicU64]) {
    for word in memory.iter().step_by(smallest_lines().data) {
        // SAFETY: cleans and invalidates the line of a valid address, which changes no value that a program sees.
        #[allow(unsafe_code, reason = "cache maintenance")]
        unsafe {
            core::arch::asm!("dc civac, {}", in(reg) word, options(nostack, preserves_flags));
        }
    }
    barrier();
}

/// Makes instructions that were written visible to a guest.
pub fn synchronise_instructions(memory: &[AtomicU64]) {
    synchronise_data(memory);
    for word in memory.iter().step_by(smallest_lines().instructions) {
        // SAFETY: invalidates a line of instructions, which are read again.
        #[allow(unsafe_code, reason = "cache maintenance")]
        unsafe {
            core::arch::asm!("ic ivau, {}", in(reg) word, options(nostack, preserves_flags));
        }
    }
    barrier();
}

fn barrier() {
    // SAFETY: barriers.
    #[allow(unsafe_code, reason = "barriers")]
    unsafe {
        core::arch::asm!("dsb ish", "isb", options(nostack, preserves_flags));
    }
}

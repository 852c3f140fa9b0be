//! `KVM_RUN` without the C library.

use std::sync::atomic::{AtomicU64, Ordering};

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
pub(super) fn run_keeping_thread_pointer(vcpu: i32) -> i32 {
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

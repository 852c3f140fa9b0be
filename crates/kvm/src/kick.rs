//! Getting a vCPU out of the guest, from another thread.

use std::sync::{
    Mutex, MutexGuard, Once, PoisonError,
    atomic::{Ordering, fence},
};

use kvm_ioctls::VcpuFd;

/// Makes a vCPU's `KVM_RUN` return, now or the next time it is entered.
///
/// Two things are needed, in this order: `immediate_exit` in the page that the vCPU shares with KVM catches a
/// thread that is about to enter the guest, a signal one that is in it. kvm-ioctls lends that page to the
/// running thread alone, so the kicker has a descriptor and a mapping of its own.
pub struct Kicker {
    vcpu: Mutex<VcpuFd>,
    thread: Mutex<Option<ThreadId>>,
}

impl Kicker {
    pub(crate) const fn new(vcpu: VcpuFd) -> Self {
        Self { vcpu: Mutex::new(vcpu), thread: Mutex::new(None) }
    }

    /// Says that the calling thread is the one that runs the vCPU, until the value returned is dropped.
    #[must_use]
    pub fn attach(&self) -> Attachment<'_> {
        install_handler();
        unblock(signal());
        *lock(&self.thread) = Some(ThreadId::current());
        Attachment { kicker: self }
    }

    /// Makes the vCPU's next or present run end as [`Exit::Interrupted`](crate::Exit::Interrupted), and every later one,
    /// until [`Vcpu::heed_kick`](crate::Vcpu::heed_kick). What its thread is to find then must be there before the kick.
    ///
    /// A host that has run into its limit of pending signals loses this one: kick again until it has been heeded.
    #[allow(clippy::must_use_candidate, reason = "whoever kicks until it has been heeded needs not know")]
    pub fn kick(&self) -> Kicked {
        // What the kick is about is there before it can be seen.
        fence(Ordering::SeqCst);
        lock(&self.vcpu).set_kvm_immediate_exit(1);
        fence(Ordering::SeqCst);
        // The lock is held over the signal: a thread that is detaching waits, and so is still there.
        let thread = lock(&self.thread);
        thread.map_or(Kicked::Yes, ThreadId::signal)
    }
}

/// Has a thread been kicked?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kicked {
    /// Yes; or there is none now, and the one that comes finds it.
    Yes,
    /// The host has run into its limit of pending signals (`RLIMIT_SIGPENDING`): a thread that is in the guest stays there.
    NoRoom,
}

/// A thread, as the kernel knows it.
#[derive(Debug, Clone, Copy)]
struct ThreadId(libc::pid_t);

impl ThreadId {
    fn current() -> Self {
        // SAFETY: has no preconditions.
        #[allow(unsafe_code, reason = "gettid has no safe form here")]
        Self(unsafe { libc::gettid() })
    }

    fn signal(self) -> Kicked {
        // SAFETY: has no preconditions, and the signal has a handler.
        #[allow(unsafe_code, reason = "tgkill has no safe form here")]
        let sent = unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), self.0, signal()) };
        if sent == 0 { Kicked::Yes } else { Kicked::NoRoom }
    }
}

/// A vCPU's thread as long as it can be signalled.
pub struct Attachment<'kicker> {
    kicker: &'kicker Kicker,
}

impl Drop for Attachment<'_> {
    fn drop(&mut self) {
        *lock(&self.kicker.thread) = None;
    }
}

/// The first real-time signal that the C library leaves to programs.
fn signal() -> libc::c_int {
    libc::SIGRTMIN()
}

/// Whoever started this process may have blocked the signal.
pub(crate) fn unblock(signal: libc::c_int) {
    // SAFETY: all zeroes is a valid `sigset_t`.
    #[allow(unsafe_code, reason = "sigset_t")]
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid, and the signal is a real one.
    #[allow(unsafe_code, reason = "sigaddset")]
    let _ = unsafe { libc::sigaddset(&raw mut set, signal) };
    // SAFETY: `set` is valid, and the signal has a handler.
    #[allow(unsafe_code, reason = "pthread_sigmask")]
    let _ = unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut()) };
}

/// The signal must have a handler, or it would end the process.
fn install_handler() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| handle_with_nothing(signal()));
}

/// Gives a signal a handler that does nothing: that the signal arrives is what ends `KVM_RUN`.
pub(crate) fn handle_with_nothing(signal: libc::c_int) {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: all zeroes is a valid `sigaction`: no flags (so that system calls are interrupted), an empty mask.
    #[allow(unsafe_code, reason = "sigaction")]
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    // SAFETY: `action` is valid, and its handler touches nothing.
    #[allow(unsafe_code, reason = "sigaction")]
    let result = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    assert_eq!(result, 0, "such a signal can be handled");
}

/// A panic while one of these locks is held leaves nothing half-done behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

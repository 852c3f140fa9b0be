//! Signals that end `KVM_RUN`.

use std::time::Duration;

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

/// How often the calling thread has given its CPU up to wait for something.
///
/// # Panics
///
/// Never, on a kernel that knows `RUSAGE_THREAD` (2.6.26).
#[must_use]
pub fn voluntary_switches() -> i64 {
    // SAFETY: all zeroes is a valid `rusage`.
    #[allow(unsafe_code, reason = "rusage")]
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is valid.
    #[allow(unsafe_code, reason = "getrusage")]
    let result = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    assert_eq!(result, 0, "a thread can ask for its own usage");
    usage.ru_nvcsw
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}

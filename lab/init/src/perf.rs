//! Keeps the kernel from rewriting its scheduler while the command runs.
//!
//! Linux patches branches in `__schedule` and `finish_task_switch` when the first perf event of any task comes, and again
//! a second after the last one has gone (`perf_sched_events` in kernel/events/core.c). KVM makes such events for the PMU of
//! each guest. QEMU before 8.1 may go on with what it translated before, if another CPU patches a page while it is being
//! translated ("accel/tcg: Always lock pages before translation" ended that). A CPU that knows of one of both branches only
//! loses track of whose events it counts, and Linux dies in the middle of a context switch, with the run queue's lock held.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// `struct perf_event_attr` as of its first version, perf_event_open(2).
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    /// Nothing is sampled.
    rest: [u64; 6],
}

/// PERF_TYPE_SOFTWARE: no counter of a CPU is used.
const SOFTWARE: u32 = 1;
/// PERF_COUNT_SW_DUMMY: it counts nothing.
const DUMMY: u64 = 9;
/// PERF_ATTR_SIZE_VER0.
const SIZE: u32 = 64;
/// PERF_FLAG_FD_CLOEXEC.
const CLOSE_ON_EXEC: libc::c_ulong = 8;

/// Has an event for this task, which keeps those branches as they are for as long as it is there.
pub(crate) fn hold_an_event() -> io::Result<OwnedFd> {
    let attributes = Attributes { kind: SOFTWARE, size: SIZE, config: DUMMY, rest: [0; 6] };
    let [this_task, any_cpu, no_group] = [0, -1, -1];
    // SAFETY: `attributes` lives during the call, and is as large as its `size` says; the kernel reads it only.
    #[allow(unsafe_code, reason = "there is no safe binding")]
    let number = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            this_task,
            any_cpu,
            no_group,
            CLOSE_ON_EXEC,
        )
    };
    match i32::try_from(number) {
        // SAFETY: the kernel has just opened it for us.
        #[allow(unsafe_code, reason = "a number becomes an owner")]
        Ok(number @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(number) }),
        _ => Err(io::Error::last_os_error()),
    }
}

//! The threads of a life's vCPUs, and how others reach them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
};

use switchboard_firmware::CpuIndex;
use switchboard_kvm::{Kicked, Kicker};

use crate::sync::lock;

/// A place for each CPU that the machine can have.
pub(crate) struct VcpuThreads(Box<[Place]>);

#[derive(Default)]
struct Place {
    /// The CPU's thread, while it has one that looks.
    thread: Mutex<Option<Reachable>>,
    /// A service wants to be asked before the CPU next enters the guest.
    wanted: AtomicBool,
}

struct Reachable {
    thread: Thread,
    kicker: Arc<Kicker>,
}

/// Has a thread been told?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Yes, or it will look by itself.
    Yes,
    /// The host had no room for a signal: it is to be tried again.
    NotYet,
}

impl VcpuThreads {
    pub(crate) fn new(cpus: usize) -> Self {
        Self((0..cpus).map(|_| Place::default()).collect())
    }

    /// The calling thread is that of a CPU, until the value returned is dropped.
    pub(crate) fn enter(&self, cpu: CpuIndex, kicker: Arc<Kicker>) -> Entered<'_> {
        let place = &self.0[cpu.0];
        *lock(&place.thread) = Some(Reachable { thread: thread::current(), kicker });
        Entered(place)
    }

    /// Makes a CPU's thread look for what it waits for: a start, its leave, an answer to its call. One that has not entered
    /// yet looks when it has.
    pub(crate) fn wake(&self, cpu: CpuIndex) {
        if let Some(place) = self.0.get(cpu.0)
            && let Some(reachable) = &*lock(&place.thread)
        {
            reachable.thread.unpark();
        }
    }

    /// Sees to it that [`Self::take_kick`] says so before the CPU next enters the guest, and that it leaves the guest for it. A
    /// CPU that has been kicked and has not looked yet is not kicked again: a guest that asks for this in a loop costs no more
    /// than one signal at a time.
    pub(crate) fn kick(&self, cpu: CpuIndex) -> Told {
        match self.0.get(cpu.0) {
            Some(place) if !place.wanted.swap(true, Ordering::SeqCst) => place.interrupt(),
            _ => Told::Yes,
        }
    }

    /// Tries again where the host had no room for a signal. Says whether a CPU still has to look.
    pub(crate) fn kick_again(&self) -> Told {
        let mut told = Told::Yes;
        for place in self.0.iter().filter(|place| place.wanted.load(Ordering::SeqCst)) {
            let is_reachable = lock(&place.thread).is_some();
            if is_reachable {
                place.interrupt();
                told = Told::NotYet;
            }
        }
        told
    }

    /// Has the calling thread's CPU been kicked? Once for each time. Cheap: asked before every entry into the guest.
    pub(crate) fn take_kick(&self, cpu: CpuIndex) -> bool {
        let wanted = &self.0[cpu.0].wanted;
        wanted.load(Ordering::SeqCst) && wanted.swap(false, Ordering::SeqCst)
    }
}

impl Place {
    fn interrupt(&self) -> Told {
        let thread = lock(&self.thread);
        let Some(reachable) = &*thread else { return Told::Yes };
        if reachable.thread.id() == thread::current().id() {
            // It looks before it enters the guest.
            return Told::Yes;
        }
        let kicked = reachable.kicker.kick();
        // It may wait for the answer of another process.
        reachable.thread.unpark();
        match kicked {
            Kicked::Yes => Told::Yes,
            Kicked::NoRoom => Told::NotYet,
        }
    }
}

/// A vCPU's thread that can be reached.
pub(crate) struct Entered<'life>(&'life Place);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        *lock(&self.0.thread) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kick_is_taken_once_and_two_that_nobody_has_looked_at_are_one() {
        let threads = VcpuThreads::new(2);
        assert!(!threads.take_kick(CpuIndex(1)));
        assert_eq!(threads.kick(CpuIndex(1)), Told::Yes);
        assert_eq!(threads.kick(CpuIndex(1)), Told::Yes);
        assert!(!threads.take_kick(CpuIndex(0)));
        assert!(threads.take_kick(CpuIndex(1)));
        assert!(!threads.take_kick(CpuIndex(1)));
    }

    #[test]
    fn a_cpu_that_there_is_not_or_that_has_no_thread_is_no_trouble() {
        let threads = VcpuThreads::new(1);
        assert_eq!(threads.kick(CpuIndex(7)), Told::Yes);
        threads.wake(CpuIndex(7));
        threads.kick(CpuIndex(0));
        assert_eq!(threads.kick_again(), Told::Yes, "it looks when it has a thread");
    }
}

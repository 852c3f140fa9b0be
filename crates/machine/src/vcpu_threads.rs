//! The threads of a life's vCPUs, and how others reach them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
};

use switchboard_firmware::CpuIndex;

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
    guest: Arc<dyn Interrupt>,
}

/// Gets a vCPU's thread out of the guest.
pub(crate) trait Interrupt: Send + Sync {
    /// Now, or when it next enters.
    fn interrupt(&self) -> Told;
}

#[cfg(target_arch = "aarch64")]
impl Interrupt for switchboard_kvm::Kicker {
    fn interrupt(&self) -> Told {
        match self.kick() {
            switchboard_kvm::Kicked::Yes => Told::Yes,
            switchboard_kvm::Kicked::NoRoom => Told::NotYet,
        }
    }
}

/// Has a thread been told?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It has been got out of the guest.
    Yes,
    /// It looks without.
    ByItself,
    /// The host had no room for a signal: it is to be tried again.
    NotYet,
}

impl VcpuThreads {
    pub(crate) fn new(cpus: usize) -> Self {
        Self((0..cpus).map(|_| Place::default()).collect())
    }

    /// The calling thread is that of a CPU, until the value returned is dropped.
    pub(crate) fn enter(&self, cpu: CpuIndex, guest: Arc<dyn Interrupt>) -> Entered<'_> {
        let place = &self.0[cpu.0];
        *lock(&place.thread) = Some(Reachable { thread: thread::current(), guest });
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
            _ => Told::ByItself,
        }
    }

    /// Tries again where the host had no room for a signal. Says whether it has some now.
    pub(crate) fn kick_again(&self) -> Told {
        let wanted = self.0.iter().filter(|place| place.wanted.load(Ordering::SeqCst));
        // All of them are tried.
        let told = wanted.map(Place::interrupt).filter(|&told| told == Told::NotYet).last();
        told.unwrap_or(Told::Yes)
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
        let Some(reachable) = &*thread else { return Told::ByItself };
        if reachable.thread.id() == thread::current().id() {
            // It looks before it enters the guest.
            return Told::ByItself;
        }
        let told = reachable.guest.interrupt();
        // It may wait for the answer of another process.
        reachable.thread.unpark();
        told
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
    use std::sync::{Barrier, atomic::AtomicU32};

    use super::*;

    #[test]
    fn a_kick_is_taken_once_and_two_that_nobody_has_looked_at_are_one() {
        let threads = VcpuThreads::new(2);
        assert!(!threads.take_kick(CpuIndex(1)));
        assert_eq!(threads.kick(CpuIndex(1)), Told::ByItself);
        assert_eq!(threads.kick(CpuIndex(1)), Told::ByItself);
        assert!(!threads.take_kick(CpuIndex(0)));
        assert!(threads.take_kick(CpuIndex(1)));
        assert!(!threads.take_kick(CpuIndex(1)));
    }

    /// A host without room for signals, until there is.
    struct Full(AtomicU32);

    impl Interrupt for Full {
        fn interrupt(&self) -> Told {
            let tries = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            if tries < 3 { Told::NotYet } else { Told::Yes }
        }
    }

    #[test]
    fn a_kick_for_which_the_host_had_no_room_is_tried_again_until_the_cpu_has_looked() {
        let (threads, host) = (VcpuThreads::new(1), Arc::new(Full(AtomicU32::new(0))));
        let (entered, end) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                let _here = threads.enter(CpuIndex(0), Arc::clone(&host) as Arc<dyn Interrupt>);
                entered.wait();
                end.wait();
            });
            entered.wait();
            assert_eq!(threads.kick(CpuIndex(0)), Told::NotYet);
            assert_eq!(threads.kick_again(), Told::NotYet);
            assert_eq!(threads.kick_again(), Told::Yes, "the host has room");
            assert!(threads.take_kick(CpuIndex(0)));
            assert_eq!(threads.kick_again(), Told::Yes);
            assert_eq!(host.0.load(Ordering::SeqCst), 3);
            end.wait();
        });
    }

    #[test]
    fn a_cpu_that_there_is_not_or_that_has_no_thread_is_no_trouble() {
        let threads = VcpuThreads::new(1);
        assert_eq!(threads.kick(CpuIndex(7)), Told::ByItself);
        threads.wake(CpuIndex(7));
        threads.kick(CpuIndex(0));
        assert_eq!(threads.kick_again(), Told::Yes, "it looks when it has a thread");
    }
}

//! A vCPU and its thread, as the life's main thread has them.

use std::{
    sync::{Arc, atomic::AtomicBool},
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use switchboard_kvm::{Kicker, Vcpu};

use crate::Surroundings;

/// A vCPU, as the life's main thread has it.
pub(crate) enum Slot<'scope> {
    /// It has no thread: the guest may not have the CPU.
    Parked(Box<Vcpu>),
    Running {
        thread: ScopedJoinHandle<'scope, Option<Box<Vcpu>>>,
        kicker: Arc<Kicker>,
        /// It will not look at the power table any more.
        left: Arc<AtomicBool>,
    },
    /// Its thread has failed, and the life is ending.
    Lost,
}

impl Slot<'_> {
    /// Out of the guest, or out of what its thread waits for.
    pub(crate) fn kick(&self, around: Surroundings<'_>) {
        if let Self::Running { thread, kicker, .. } = self {
            around.statistics.record_kick();
            kicker.kick();
            thread.thread().unpark();
        }
    }

    /// The vCPU of a thread that has left.
    pub(crate) fn collect(self) -> Self {
        match self {
            // A panic has been reported through the session.
            Self::Running { thread, .. } => thread.join().ok().flatten().map_or(Self::Lost, Self::Parked),
            other => other,
        }
    }

    /// Ends a vCPU's thread, whether it is in the guest or waits for a start. A signal can be lost to a limit of the
    /// host's, so it is sent until the thread has ended.
    pub(crate) fn stop(self, around: Surroundings<'_>) {
        while matches!(&self, Self::Running { thread, .. } if !thread.is_finished()) {
            self.kick(around);
            thread::sleep(Duration::from_millis(1));
        }
        if let Self::Running { thread, .. } = self {
            let _ = thread.join();
        }
    }
}

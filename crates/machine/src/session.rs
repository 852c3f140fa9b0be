//! What one life of a machine shares with the outside, from power-on to off or reset: its end, its pauses, its sleep.
//!
//! Whoever wants something of a life leaves it here. The life's main thread is woken and attends to it: it alone starts
//! threads and kicks vCPUs. A vCPU's thread looks at two flags before each run, and takes the lock only if one is up.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use switchboard_firmware::{CpuIndex, MemoryAtReset, ResetKind};

use crate::{
    CallStatistics, End, Error,
    clock::Clock,
    sync::lock,
    vcpu_threads::{Told, VcpuThreads},
};

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LifeEnd {
    /// So does the machine.
    End(End),
    /// The machine is reset.
    Reset {
        /// How.
        kind: ResetKind,
        /// What becomes of memory.
        memory: MemoryAtReset,
        /// Who wants it.
        by: ResetBy,
    },
}

/// Who resets a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResetBy {
    /// Its guest.
    Guest,
    /// Its watchdog.
    Watchdog,
    /// Somebody outside.
    Operator,
}

/// What the main thread is woken for.
pub(crate) enum Notice {
    /// Something has changed: threads to start, an interrupt to raise, vCPUs to kick; or a deadline is over.
    Attend,
    /// The life has ended.
    Ended(Result<LifeEnd, Error>),
}

/// One life, as the outside sees it.
pub(crate) struct Session {
    finished: AtomicBool,
    /// A vCPU's thread is to look at the state before it runs: the machine is paused.
    closed: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
    /// Stands still in a pause. Stopped and started under the lock.
    clock: Arc<Clock>,
    threads: VcpuThreads,
}

#[derive(Default)]
struct State {
    result: Option<Result<LifeEnd, Error>>,
    attend: bool,
    paused: bool,
    /// vCPUs that are on, and those of them that wait for the end of a pause.
    active: usize,
    waiting: usize,
    sleep: Sleep,
    /// The host had no room for a signal.
    kicks_are_lost: bool,
}

/// Suspend-to-RAM.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Sleep {
    #[default]
    Awake,
    Asleep,
    /// The one vCPU that is on has not noticed yet.
    WakeWanted,
}

/// What a life does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    Running,
    Paused,
    Suspended,
    Ended,
}

/// What became of a wish to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// No vCPU runs.
    Done,
    /// None did before.
    Before,
    /// The life has ended.
    Ended,
}

/// How often a kick that may have been lost is repeated.
const PATIENCE: Duration = Duration::from_millis(20);

impl Session {
    /// One of a machine that can have so many CPUs.
    pub(crate) fn new(cpus: usize) -> Self {
        Self {
            finished: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
            clock: Arc::new(Clock::new()),
            threads: VcpuThreads::new(cpus),
        }
    }

    /// The threads of the vCPUs that have one. Each enters itself.
    pub(crate) const fn threads(&self) -> &VcpuThreads {
        &self.threads
    }

    /// Gets a CPU out of the guest, for a service that wants to be asked before it enters again.
    pub(crate) fn kick(&self, cpu: CpuIndex, statistics: &CallStatistics) {
        match self.threads.kick(cpu) {
            Told::ByItself => {}
            Told::Yes => statistics.record_kick(),
            Told::NotYet => {
                statistics.record_kick();
                lock(&self.state).kicks_are_lost = true;
                self.changed.notify_all();
            }
        }
    }

    /// The life's own time.
    pub(crate) const fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// Ends the life, unless it has ended already: the first one decides how.
    pub(crate) fn finish(&self, result: Result<LifeEnd, Error>) {
        let mut state = lock(&self.state);
        if !self.finished.swap(true, Ordering::SeqCst) {
            state.result = Some(result);
            self.changed.notify_all();
        }
    }

    /// Has it ended? Cheap: asked before every entry into the guest.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst)
    }

    /// Wakes the main thread.
    pub(crate) fn attend(&self) {
        lock(&self.state).attend = true;
        self.changed.notify_all();
    }

    /// The main thread waits, until the life's clock shows `deadline` at the latest.
    pub(crate) fn wait(&self, deadline: Option<Duration>) -> Notice {
        let mut state = lock(&self.state);
        // In a pause no deadline comes nearer, and its end is something to attend to.
        let left = deadline.and_then(|deadline| self.clock.until(deadline));
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        loop {
            if let Some(result) = state.result.take() {
                return Notice::Ended(result);
            }
            if std::mem::take(&mut state.attend) {
                return Notice::Attend;
            }
            if state.kicks_are_lost {
                state.kicks_are_lost = self.threads.kick_again() == Told::NotYet;
            }
            if state.wants_kicks() || state.kicks_are_lost {
                // A signal can be lost to a limit of the host's.
                state = self.changed.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
                if state.wants_kicks() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    state.attend = true;
                }
            } else if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Notice::Attend;
                }
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            } else {
                state = self.wait_for_change(state);
            }
        }
    }

    /// Does somebody wait for vCPUs to leave the guest?
    pub(crate) fn wants_kicks(&self) -> bool {
        lock(&self.state).wants_kicks()
    }

    pub(crate) fn activity(&self) -> Activity {
        if self.is_finished() {
            return Activity::Ended;
        }
        match *lock(&self.state) {
            State { paused: true, .. } => Activity::Paused,
            State { sleep: Sleep::Asleep, .. } => Activity::Suspended,
            _ => Activity::Running,
        }
    }

    /// Stops every vCPU where it is, and returns when all have stopped.
    pub(crate) fn pause(&self) -> Pause {
        let mut state = lock(&self.state);
        if state.paused {
            return Pause::Before;
        }
        state.paused = true;
        state.attend = true;
        self.closed.store(true, Ordering::SeqCst);
        while state.paused && state.waiting < state.active && !self.is_finished() {
            self.changed.notify_all();
            state = self.wait_for_change(state);
        }
        if self.is_finished() {
            return Pause::Ended;
        }
        if state.paused {
            self.clock.stop();
        }
        Pause::Done
    }

    /// Lets them go on. False if the machine was not paused.
    pub(crate) fn resume(&self) -> bool {
        let mut state = lock(&self.state);
        self.closed.store(false, Ordering::SeqCst);
        self.clock.start();
        state.attend = true;
        self.changed.notify_all();
        std::mem::take(&mut state.paused)
    }

    /// Wakes the machine from suspend-to-RAM. False if it is not asleep.
    pub(crate) fn wake(&self) -> bool {
        let mut state = lock(&self.state);
        if state.sleep != Sleep::Asleep {
            return false;
        }
        state.sleep = Sleep::WakeWanted;
        state.attend = true;
        self.changed.notify_all();
        true
    }

    /// A vCPU is on, until the value returned is dropped.
    pub(crate) fn activate(&self) -> Active<'_> {
        lock(&self.state).active += 1;
        Active { session: self }
    }

    /// The calling vCPU has suspended the machine.
    pub(crate) fn fall_asleep(&self) {
        lock(&self.state).sleep = Sleep::Asleep;
    }

    /// Is the calling vCPU, which has suspended the machine, to go on without an interrupt?
    pub(crate) fn is_wake_wanted(&self) -> bool {
        lock(&self.state).sleep == Sleep::WakeWanted
    }

    /// The calling vCPU goes on.
    pub(crate) fn woken(&self) {
        lock(&self.state).sleep = Sleep::Awake;
    }

    fn wait_for_change<'state>(&self, state: MutexGuard<'state, State>) -> MutexGuard<'state, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wants_kicks(&self) -> bool {
        // One that is to wake up in a pause does so after it.
        if self.paused { self.waiting < self.active } else { self.sleep == Sleep::WakeWanted }
    }
}

/// A vCPU that is on.
pub(crate) struct Active<'session> {
    session: &'session Session,
}

impl Active<'_> {
    /// Before each run: waits while the machine is paused. False once it has ended.
    pub(crate) fn may_run(&self) -> bool {
        let session = self.session;
        if session.closed.load(Ordering::SeqCst) {
            let mut state = lock(&session.state);
            state.waiting += 1;
            session.changed.notify_all();
            while state.paused && !session.is_finished() {
                state = session.wait_for_change(state);
            }
            state.waiting -= 1;
        }
        !session.is_finished()
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        lock(&self.session.state).active -= 1;
        self.session.changed.notify_all();
    }
}

/// Ends the life when its thread panics: the others would wait for it forever.
pub(crate) struct PanicGuard<'life> {
    session: &'life Session,
    thread: &'static str,
}

impl<'life> PanicGuard<'life> {
    pub(crate) const fn new(session: &'life Session, thread: &'static str) -> Self {
        Self { session, thread }
    }
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.session.finish(Err(Error::Panic { thread: self.thread }));
        }
    }
}

#[cfg(test)]
mod tests;

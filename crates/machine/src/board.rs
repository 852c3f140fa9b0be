//! What a machine keeps over its resets: which CPUs the guest may have, and what it is asked about them.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use switchboard_firmware::{CpuIndex, psci::PowerTable};
use switchboard_smccc::Mpidr;

use crate::{
    Description,
    control::protocol::ChangeResult,
    hotplug::{Hotplug, Progress, Ticket},
    sync::lock,
};

/// How long somebody who has gone is waited for without a look.
const NOW_AND_THEN: Duration = Duration::from_millis(500);

/// The CPUs and the buttons of a machine.
pub(crate) struct Board {
    pub(crate) power: std::sync::Arc<PowerTable>,
    pub(crate) affinities: Box<[Mpidr]>,
    state: Mutex<State>,
    /// A request may be over.
    changed: Condvar,
}

pub(crate) struct State {
    pub(crate) hotplug: Hotplug,
    /// The power button of a guest with a device tree.
    pub(crate) button: Button,
}

/// A button that is held down or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Button {
    Up,
    Down,
}

impl Board {
    /// A machine that can have these CPUs, and has the first `present` of them.
    pub(crate) fn new(affinities: &[Mpidr], present: usize, description: Description) -> Self {
        let power = PowerTable::new(affinities);
        for index in present..affinities.len() {
            // Nothing is on yet.
            let _ = power.disable(CpuIndex(index));
        }
        let hotplug = Hotplug::new(affinities.len(), description);
        Self {
            power: power.into(),
            affinities: affinities.into(),
            state: Mutex::new(State { hotplug, button: Button::Up }),
            changed: Condvar::new(),
        }
    }

    /// A new life: the policy stays, and so does what the guest has not answered.
    pub(crate) fn reset(&self) {
        self.power.reset();
        let mut state = self.lock();
        state.hotplug.reset();
        state.button = Button::Up;
    }

    /// The CPUs that the guest may have.
    pub(crate) fn present(&self) -> Vec<CpuIndex> {
        (0..self.power.len()).map(CpuIndex).filter(|&cpu| self.power.is_enabled(cpu)).collect()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The CPU is on.
    pub(crate) fn started(&self, cpu: CpuIndex) {
        self.lock().hotplug.started(cpu);
        self.changed.notify_all();
    }

    /// Somebody who waits for a request may want to look again.
    pub(crate) fn tell_waiters(&self) {
        // Under the lock, so that nobody is between looking and waiting.
        let _state = self.lock();
        self.changed.notify_all();
    }

    /// Waits until a request is over, the deadline has passed or `is_over`, which is asked now and then. Says what came of
    /// it, and when.
    pub(crate) fn wait(
        &self,
        cpu: CpuIndex,
        ticket: Ticket,
        deadline: Instant,
        is_over: impl Fn() -> bool,
    ) -> (ChangeResult, Instant) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            match state.hotplug.progress(cpu, ticket) {
                Progress::Over(result, when) => return (result, when),
                Progress::Pending(_) if is_over() => return (ChangeResult::Abandoned, now),
                Progress::Pending(result) if now >= deadline => return (result, now),
                Progress::Pending(_) => {}
            }
            let left = deadline.saturating_duration_since(now).min(NOW_AND_THEN);
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

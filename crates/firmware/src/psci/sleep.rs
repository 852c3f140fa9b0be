//! How often, and how long, each CPU was in each power state: `PSCI_STAT_COUNT` and `PSCI_STAT_RESIDENCY`.

use alloc::boxed::Box;
use core::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::idle;
use crate::CpuIndex;

/// The records of all CPUs. Each is written by its CPU's own thread, and read by anybody.
pub(super) struct SleepRecords {
    cpus: Box<[Record]>,
}

#[derive(Default)]
struct Record {
    states: [State; idle::COUNT],
    /// The state that the CPU is in, counted from 1, and since when, in microseconds. 0 while it is awake.
    asleep_in: AtomicU64,
    since: AtomicU64,
}

#[derive(Default)]
struct State {
    count: AtomicU64,
    /// In microseconds.
    residency: AtomicU64,
}

impl SleepRecords {
    pub(super) fn new(cpus: usize) -> Self {
        Self { cpus: (0..cpus).map(|_| Record::default()).collect() }
    }

    /// The CPU goes to sleep in the state with this index.
    pub(super) fn sleep(&self, cpu: CpuIndex, state: usize, now: Option<Duration>) {
        let record = &self.cpus[cpu.0];
        record.since.store(microseconds(now), Relaxed);
        record.asleep_in.store(u64::try_from(state + 1).unwrap_or(0), Relaxed);
    }

    /// The CPU has woken up.
    pub(super) fn wake(&self, cpu: CpuIndex, now: Option<Duration>) {
        let record = &self.cpus[cpu.0];
        let index = usize::try_from(record.asleep_in.swap(0, Relaxed)).unwrap_or(0);
        let Some(state) = index.checked_sub(1).and_then(|index| record.states.get(index)) else { return };
        let slept = microseconds(now).saturating_sub(record.since.load(Relaxed));
        state.count.fetch_add(1, Relaxed);
        state.residency.fetch_add(slept, Relaxed);
    }

    /// How often the CPU has been in that state.
    pub(super) fn count(&self, cpu: CpuIndex, state: usize) -> u64 {
        self.cpus[cpu.0].states[state].count.load(Relaxed)
    }

    /// How long, in microseconds.
    pub(super) fn residency(&self, cpu: CpuIndex, state: usize) -> u64 {
        self.cpus[cpu.0].states[state].residency.load(Relaxed)
    }
}

/// Without a clock no time ever passes.
fn microseconds(now: Option<Duration>) -> u64 {
    now.map_or(0, |now| u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}

//! How often each function was called, who answered, and what that took; and why vCPUs left the guest.
//!
//! Each vCPU's thread writes a table of its own, and anybody reads all of them at any time: no lock, no
//! allocation. A guest may call 2^32 functions and has no say in how much memory that takes: a table has a fixed
//! number of rows, and what finds no room is counted in one row for all the rest.

mod table;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use switchboard_external::External;
use switchboard_filter::Range;
use switchboard_firmware::{Firmware, hyperv::HyperV};
use switchboard_policy::Standing;
use switchboard_smccc::{Conduit, FunctionId, catalogue};

use table::{Row, unpack};

use crate::{
    crashes::{Crash, Crashes},
    log::Log,
    start::{StartClock, StartCosts},
    sync::lock,
};

pub use table::CallTable;

/// The calls of a machine, one table for each vCPU.
pub struct CallStatistics {
    /// Each is made when its vCPU first runs: most of those that a machine can have may never.
    tables: Box<[OnceLock<CallTable>]>,
    /// What other processes answer.
    external: OnceLock<Vec<Arc<External>>>,
    /// Who answers what. Known once the machine has been made.
    services: OnceLock<Vec<(Range, &'static str)>>,
    start: StartClock,
    log: Log,
    crashes: Crashes,
    /// Of the present life, where the machine presents itself as Hyper-V.
    hyperv: Mutex<Option<Arc<HyperV>>>,
    kicks: AtomicU64,
    bites: AtomicU64,
}

/// Why a vCPU left the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitKind {
    /// A forwarded call.
    Hypercall,
    /// An access to a device.
    Mmio,
    /// An interrupt for a suspended vCPU.
    WakeUp,
    /// A signal.
    Interrupted,
    /// KVM's own PSCI switches the machine off, or resets it.
    System,
}

/// How often vCPUs left the guest. Each exit is one `KVM_RUN`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExitCounts {
    /// Forwarded calls.
    pub hypercalls: u64,
    /// Accesses to devices.
    pub mmio: u64,
    /// Interrupts for suspended vCPUs.
    pub wake_ups: u64,
    /// Signals.
    pub interrupted: u64,
    /// Ends of the machine by KVM's own PSCI.
    pub system: u64,
}

/// One call that has been answered.
#[derive(Debug, Clone, Copy)]
pub struct CallRecord {
    /// Which function.
    pub function: FunctionId,
    /// Over which conduit.
    pub conduit: Conduit,
    /// How it went.
    pub verdict: Verdict,
    /// What the policy says of it; allowed, where there is none.
    pub standing: Standing,
    /// From the exit to the last register written.
    pub time: Duration,
    /// The CPU time that its thread took for it, where that is measured.
    pub cpu_time: Option<Duration>,
    /// Registers read for it.
    pub register_reads: u64,
    /// Registers written for it.
    pub register_writes: u64,
}

/// How a call went, as its caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it was to do, or does not return.
    Good,
    /// x0 is negative: an error code.
    Error,
}

/// What is known of one function over one conduit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSummary {
    /// Which function over which conduit; `None` in the row for all that found no room.
    pub key: Option<(FunctionId, Conduit)>,
    /// The service that answers; `None` where nobody does, and the call is NOT_SUPPORTED.
    pub answered_by: Option<&'static str>,
    /// How many calls.
    pub count: u64,
    /// How many of them returned an error code.
    pub errors: u64,
    /// How many of them the policy denied.
    pub denied: u64,
    /// How many of them it would have denied, were it not permissive.
    pub would_be_denied: u64,
    /// The time of all of them together.
    pub total: Duration,
    /// The longest one's time.
    pub maximum: Duration,
    /// The most CPU time that one took, where that is measured.
    pub maximum_cpu: Option<Duration>,
    /// Registers read for all of them together.
    pub register_reads: u64,
    /// Registers written for all of them together.
    pub register_writes: u64,
}

impl CallStatistics {
    /// Empty tables for this many vCPUs.
    #[must_use]
    pub fn new(cpus: usize) -> Self {
        Self {
            tables: (0..cpus).map(|_| OnceLock::new()).collect(),
            external: OnceLock::new(),
            services: OnceLock::new(),
            start: StartClock::default(),
            log: Log::default(),
            crashes: Crashes::default(),
            hyperv: Mutex::new(None),
            kicks: AtomicU64::new(0),
            bites: AtomicU64::new(0),
        }
    }

    /// For how many vCPUs there are tables.
    #[must_use]
    pub fn cpus(&self) -> usize {
        self.tables.len()
    }

    /// Says who answers what.
    pub fn set_services(&self, firmware: &Firmware) {
        self.services.get_or_init(|| {
            let mut ranges = Vec::new();
            for service in firmware.services() {
                ranges.extend(service.declaration().owned.iter().map(|&range| (range, service.name())));
            }
            ranges
        });
    }

    /// Other processes answer, too.
    pub(crate) fn set_external(&self, external: &[Arc<External>]) {
        self.external.get_or_init(|| external.to_vec());
    }

    /// What other processes answer, with what has become of it.
    #[must_use]
    pub fn external(&self) -> &[Arc<External>] {
        self.external.get().map_or(&[], Vec::as_slice)
    }

    /// What the machine's start takes.
    pub(crate) const fn start(&self) -> &StartClock {
        &self.start
    }

    /// What it took until the guest's first instruction. None before it.
    #[must_use]
    pub fn start_costs(&self) -> Option<StartCosts> {
        self.start.costs()
    }

    /// The table of vCPU `index`.
    ///
    /// # Panics
    ///
    /// If there is no such vCPU.
    #[must_use]
    pub fn table(&self, index: usize) -> &CallTable {
        self.tables[index].get_or_init(CallTable::new)
    }

    /// All vCPUs together, by function ID and conduit, the row for the rest last. A call that is being recorded
    /// at this moment may be in some of its figures and not yet in others.
    #[must_use]
    pub fn summary(&self) -> Vec<CallSummary> {
        let mut merged = BTreeMap::new();
        for row in self.used().flat_map(CallTable::rows) {
            let key = unpack(row.key.load(Relaxed));
            // `None` sorts first; the rest is to be last.
            let empty = || CallSummary::empty(key, self.answered_by(key));
            merged.entry((key.is_none(), key)).or_insert_with(empty).add(row);
        }
        merged.into_values().filter(|summary| summary.count != 0).collect()
    }

    /// Why vCPUs left the guest, all of them together.
    #[must_use]
    pub fn exits(&self) -> ExitCounts {
        let sum = |kind| self.used().map(|table| table.exit(kind).load(Relaxed)).sum();
        ExitCounts {
            hypercalls: sum(ExitKind::Hypercall),
            mmio: sum(ExitKind::Mmio),
            wake_ups: sum(ExitKind::WakeUp),
            interrupted: sum(ExitKind::Interrupted),
            system: sum(ExitKind::System),
        }
    }

    /// How often a vCPU that had run was INITed again. Where the CPU has no FEAT_S2FWB, each unmaps the machine's whole
    /// stage 2.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.used().map(|table| table.resets.load(Relaxed)).sum()
    }

    /// What is to be read while the guest runs.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The guest says that it has crashed.
    pub(crate) fn record_crash(&self, crash: Crash) {
        self.log.write_crash(&crash);
        self.crashes.record(crash);
    }

    /// A life begins, in which the machine may present itself as Hyper-V.
    pub(crate) fn set_hyperv(&self, hyperv: Option<&Arc<HyperV>>) {
        *lock(&self.hyperv) = hyperv.cloned();
    }

    /// What the guest makes of a machine that presents itself as Hyper-V.
    #[must_use]
    pub fn hyperv(&self) -> Option<Arc<HyperV>> {
        lock(&self.hyperv).clone()
    }

    /// How often the guest said that it has crashed.
    #[must_use]
    pub fn crashes(&self) -> u64 {
        self.crashes.count()
    }

    /// The last crash that the guest has said something about; if it never has, the last one.
    #[must_use]
    pub fn last_crash(&self) -> Option<Crash> {
        self.crashes.last()
    }

    /// A vCPU is being got out of the guest, by a signal.
    pub(crate) fn record_kick(&self) {
        self.kicks.fetch_add(1, Relaxed);
    }

    /// How often a vCPU was got out of the guest, for the machine's end, a pause or a wake-up. Nothing else interrupts a run.
    #[must_use]
    pub fn kicks(&self) -> u64 {
        self.kicks.load(Relaxed)
    }

    /// The watchdog bit.
    pub(crate) fn record_bite(&self) {
        self.bites.fetch_add(1, Relaxed);
    }

    /// How often the watchdog bit.
    #[must_use]
    pub fn bites(&self) -> u64 {
        self.bites.load(Relaxed)
    }

    fn used(&self) -> impl Iterator<Item = &CallTable> {
        self.tables.iter().filter_map(OnceLock::get)
    }

    fn answered_by(&self, key: Option<(FunctionId, Conduit)>) -> Option<&'static str> {
        let id = key?.0.without_sve_hint();
        self.services.get()?.iter().find(|(range, _)| range.contains(id)).map(|&(_, name)| name)
    }
}

impl CallSummary {
    const fn empty(key: Option<(FunctionId, Conduit)>, answered_by: Option<&'static str>) -> Self {
        Self {
            key,
            answered_by,
            count: 0,
            errors: 0,
            denied: 0,
            would_be_denied: 0,
            total: Duration::ZERO,
            maximum: Duration::ZERO,
            maximum_cpu: None,
            register_reads: 0,
            register_writes: 0,
        }
    }

    fn add(&mut self, row: &Row) {
        self.count += row.count.load(Relaxed);
        self.errors += row.errors.load(Relaxed);
        self.denied += row.denied.load(Relaxed);
        self.would_be_denied += row.would_be_denied.load(Relaxed);
        self.total += Duration::from_nanos(row.total.load(Relaxed));
        self.maximum = self.maximum.max(Duration::from_nanos(row.maximum.load(Relaxed)));
        let maximum_cpu = Some(row.maximum_cpu.load(Relaxed)).filter(|&time| time != 0);
        self.maximum_cpu = self.maximum_cpu.max(maximum_cpu.map(Duration::from_nanos));
        self.register_reads += row.register_reads.load(Relaxed);
        self.register_writes += row.register_writes.load(Relaxed);
    }

    /// The function's name, where it has one.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.key.and_then(|(function, _)| catalogue::find(function)).map(|function| function.name)
    }

    /// The time of an average call.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let nanoseconds = self.total.as_nanos().checked_div(u128::from(self.count)).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;

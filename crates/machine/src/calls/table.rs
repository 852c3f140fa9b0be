//! The calls of one vCPU: a table of a fixed number of rows, which one thread writes and anybody reads.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use switchboard_policy::Standing;
use switchboard_smccc::{Conduit, FunctionId};

use super::{CallRecord, ExitKind, Verdict};

/// The calls of one vCPU. Only its thread records.
pub struct CallTable {
    rows: Box<[Row; ROWS]>,
    others: Row,
    exits: [AtomicU64; 5],
    pub(super) resets: AtomicU64,
}

/// Functions times conduits that a vCPU keeps apart: several times what all specifications together define
/// of those that a guest commonly uses.
pub(super) const ROWS: usize = 256;

#[derive(Default)]
pub(super) struct Row {
    /// 0 while free, then [`key`].
    pub(super) key: AtomicU64,
    pub(super) count: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) denied: AtomicU64,
    pub(super) would_be_denied: AtomicU64,
    pub(super) total: AtomicU64,
    pub(super) maximum: AtomicU64,
    /// 0 where it is not measured.
    pub(super) maximum_cpu: AtomicU64,
    pub(super) register_reads: AtomicU64,
    pub(super) register_writes: AtomicU64,
}

impl CallTable {
    pub(super) fn new() -> Self {
        let rows = Box::new(std::array::from_fn(|_| Row::default()));
        Self { rows, others: Row::default(), exits: Default::default(), resets: AtomicU64::new(0) }
    }

    /// Counts an exit.
    pub fn record_exit(&self, kind: ExitKind) {
        add(self.exit(kind), 1);
    }

    /// Counts an INIT of a vCPU that had run.
    pub fn record_resets(&self, count: u64) {
        add(&self.resets, count);
    }

    pub(super) fn exit(&self, kind: ExitKind) -> &AtomicU64 {
        let [hypercalls, mmio, wake_ups, interrupted, system] = &self.exits;
        match kind {
            ExitKind::Hypercall => hypercalls,
            ExitKind::Mmio => mmio,
            ExitKind::WakeUp => wake_ups,
            ExitKind::Interrupted => interrupted,
            ExitKind::System => system,
        }
    }

    /// Counts a call.
    pub fn record(&self, call: &CallRecord) {
        let row = self.row(pack(call.function, call.conduit));
        let time = nanoseconds(call.time);
        add(&row.count, 1);
        add(&row.errors, u64::from(call.verdict == Verdict::Error));
        match call.standing {
            Standing::Allowed => {}
            Standing::Denied => add(&row.denied, 1),
            Standing::WouldBeDenied => add(&row.would_be_denied, 1),
        }
        add(&row.total, time);
        row.maximum.store(row.maximum.load(Relaxed).max(time), Relaxed);
        if let Some(cpu_time) = call.cpu_time {
            row.maximum_cpu.store(row.maximum_cpu.load(Relaxed).max(nanoseconds(cpu_time)), Relaxed);
        }
        add(&row.register_reads, call.register_reads);
        add(&row.register_writes, call.register_writes);
    }

    /// The row of a key: the one that has it, or a free one on the way there.
    fn row(&self, key: u64) -> &Row {
        let start = usize::try_from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56).unwrap_or(0);
        for step in 0..ROWS {
            let row = &self.rows[(start + step) % ROWS];
            match row.key.load(Relaxed) {
                0 => {
                    row.key.store(key, Relaxed);
                    return row;
                }
                present if present == key => return row,
                _ => {}
            }
        }
        &self.others
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().chain([&self.others])
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// There is one writer, so a load and a store do, and cost less than an atomic addition.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).saturating_add(amount), Relaxed);
}

const OCCUPIED: u64 = 1 << 63;
const SMC: u64 = 1 << 32;

fn pack(function: FunctionId, conduit: Conduit) -> u64 {
    let conduit = match conduit {
        Conduit::Hvc => 0,
        Conduit::Smc => SMC,
    };
    OCCUPIED | conduit | u64::from(function.0)
}

pub(super) fn unpack(key: u64) -> Option<(FunctionId, Conduit)> {
    let conduit = if key & SMC == 0 { Conduit::Hvc } else { Conduit::Smc };
    (key != 0).then(|| (FunctionId::from_x0(key), conduit))
}

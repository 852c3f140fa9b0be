//! What a CPU counts while it hammers, for the boot CPU to read afterwards.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{
    console::println,
    smccc::{Conduit, Registers, Return},
    tap::Report,
};

/// Written by one CPU only until it is finished.
pub struct Tally {
    calls: AtomicU64,
    /// Of x19 to x30 and SP after every call; and what it should be.
    checksum: AtomicU64,
    wanted: AtomicU64,
    failures: AtomicU64,
    /// The first call that failed: whether by SMC, x0 before, and after it whether undefined, the count of
    /// instructions, a bit for each of x4 to x17 that changed, and x0 to x3.
    first: [AtomicU64; 9],
    is_finished: AtomicBool,
}

impl Tally {
    pub const fn new() -> Self {
        Self {
            calls: AtomicU64::new(0),
            checksum: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            first: [const { AtomicU64::new(0) }; 9],
            is_finished: AtomicBool::new(false),
        }
    }

    pub fn clear(&self) {
        for counter in [&self.calls, &self.checksum, &self.wanted, &self.failures] {
            counter.store(0, Ordering::Relaxed);
        }
        self.is_finished.store(false, Ordering::Release);
    }

    pub fn count(&self, checksum: u64, wanted: u64) {
        add(&self.calls, 1);
        combine(&self.checksum, checksum);
        combine(&self.wanted, wanted);
    }

    pub fn fail(&self, conduit: Conduit, before: Registers, after: Return) {
        if self.failures.load(Ordering::Relaxed) == 0 {
            let [r0, r1, r2, r3, ..] = after.registers.0;
            let by_smc = u64::from(conduit == Conduit::Smc);
            let changed = changed(before, after.registers);
            let x0 = before.0[0];
            let words = [by_smc, x0, u64::from(after.undefined), after.executed, changed, r0, r1, r2, r3];
            for (slot, word) in self.first.iter().zip(words) {
                slot.store(word, Ordering::Relaxed);
            }
        }
        add(&self.failures, 1);
    }

    pub fn finish(&self) {
        self.is_finished.store(true, Ordering::Release);
    }

    pub fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::Acquire)
    }

    pub fn check(&self, index: usize, report: &mut Report) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (calls, checksum, failures) = (read(&self.calls), read(&self.checksum), read(&self.failures));
        println!("# hammer cpu={index} calls={calls} checksum={checksum:#x}");
        report.check(calls > 0, format_args!("CPU {index} has made no call"));
        report.equal(format_args!("the checksum of x19 to x30 and SP"), checksum, read(&self.wanted));
        let [by_smc, x0, undefined, executed, changed, r0, r1, r2, r3] =
            [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|at: usize| read(&self.first[at]));
        let conduit = if by_smc == 0 { "hvc" } else { "smc" };
        let end = if undefined == 0 { "returns" } else { "is undefined:" };
        let what = format_args!(
            "{failures} calls are wrong; of {x0:#x} over {conduit}, the first, {end} x0={r0:#x} x1={r1:#x} x2={r2:#x} \
             x3={r3:#x}, changes registers {changed:#b}, instructions executed {executed:#x}"
        );
        report.check(failures == 0, what);
    }
}

/// Bit n for xn.
fn changed(before: Registers, after: Registers) -> u64 {
    (4..18).filter(|&n| before.0[n] != after.0[n]).map(|n| 1 << n).sum()
}

fn add(counter: &AtomicU64, number: u64) {
    counter.store(counter.load(Ordering::Relaxed) + number, Ordering::Relaxed);
}

fn combine(sum: &AtomicU64, word: u64) {
    sum.store(sum.load(Ordering::Relaxed).rotate_right(7) ^ word, Ordering::Relaxed);
}

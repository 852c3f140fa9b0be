//! CPUs that CPU_ON starts: what they do, and what they report.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::{
    cpu,
    machine::MAX_CPUS,
    psci,
    sdei::remote,
    tests::{cpu_on, cpu_on_race, hammer, pv_time, sdei_storm},
};

/// What a CPU does when it starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Waits for ever, without a call of firmware.
    Park,
    /// [`cpu_on`]: reports how it came, waits to be released, turns itself off.
    ReportAndOff,
    /// [`cpu_on`]: reports how it came, waits to be released, freezes itself.
    ReportAndFreeze,
    /// [`cpu_on_race`]: calls CPU_ON against the boot CPU.
    Race,
    /// [`cpu_on_race`]: counts, turns itself off.
    CountAndOff,
    /// [`pv_time`]: reports what it sees of its stolen time, turns itself off.
    PvTime,
    /// [`hammer`]: makes calls until the time is over, turns itself off.
    Hammer,
    /// [`remote`]: does as it is told, turns itself off when it is told so.
    Sdei,
    /// [`sdei_storm`]: until the storm is over, or it is its turn to be off.
    SdeiStorm,
}

/// How a CPU came to its entry point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntryState {
    pub context: u64,
    /// All bits that are set in any of x1 to x30.
    pub other_registers: u64,
    pub sctlr_el1: u64,
    /// CurrentEL, DAIF and SPSel.
    pub pstate: u64,
}

/// PSTATE as DEN0022, section 6.4 wants it: EL1, SP_EL1, and D, A, I, F set.
pub const PSTATE_AT_ENTRY: u64 = 1 << 2 | 1 | 0xf << 6;
/// SCTLR_EL1.M and C: the MMU and the data cache.
pub const SCTLR_EL1_M_C: u64 = 1 << 2 | 1;

static JOBS: [AtomicU8; MAX_CPUS] = [const { AtomicU8::new(0) }; MAX_CPUS];
const JOB_LIST: [Job; 9] = [
    Job::Park,
    Job::ReportAndOff,
    Job::ReportAndFreeze,
    Job::Race,
    Job::CountAndOff,
    Job::PvTime,
    Job::Hammer,
    Job::Sdei,
    Job::SdeiStorm,
];

unsafe extern "C" {
    fn secondary_entry();
    fn resume_entry();
}

/// Where CPU_ON is to send a CPU, with a context ID made by [`context`].
pub fn entry() -> u64 {
    address(secondary_entry)
}

/// Where CPU_SUSPEND is to send a CPU, likewise.
pub fn resume() -> u64 {
    address(resume_entry)
}

/// The address of a routine in assembly.
pub fn address(function: unsafe extern "C" fn()) -> u64 {
    let pointer = function as *const ();
    u64::try_from(pointer.expose_provenance()).expect("addresses have 64 bits")
}

/// A context ID: `entry.s` finds the CPU's stack by the lowest byte.
pub fn context(random: u64, index: usize) -> u64 {
    let index = u8::try_from(index).expect("at most 64 CPUs");
    (random & !0xff) | u64::from(index)
}

/// What this CPU does when it next starts.
pub fn set_job(index: usize, job: Job) {
    let number = JOB_LIST.iter().position(|&listed| listed == job).and_then(|at| u8::try_from(at).ok());
    JOBS[index].store(number.expect("every job is listed"), Ordering::Release);
}

/// Where `entry.s` goes on, MMU on.
#[unsafe(no_mangle)]
extern "C" fn secondary_main(context: u64, other_registers: u64, sctlr_el1: u64, pstate: u64) -> ! {
    let index = usize::from(context.to_le_bytes()[0]);
    let entry = EntryState { context, other_registers, sctlr_el1, pstate };
    match JOB_LIST[usize::from(JOBS[index].load(Ordering::Acquire))] {
        Job::Park => cpu::park(),
        Job::ReportAndOff => cpu_on::report(entry),
        Job::ReportAndFreeze => {
            cpu_on::report(entry);
            psci::cpu_freeze()
        }
        Job::Race => cpu_on_race::race_as_second(),
        Job::CountAndOff => cpu_on_race::count(),
        Job::PvTime => pv_time::report(index),
        Job::Hammer => hammer::hammer_as_other(index),
        Job::Sdei => remote::obey(index),
        Job::SdeiStorm => sdei_storm::storm_as_other(index),
    }
    psci::cpu_off()
}

/// An [`EntryState`] that one CPU publishes and another reads.
pub struct Mailbox {
    words: [AtomicU64; 4],
    /// The number of the report in it; 0 if there was none.
    number: AtomicU64,
}

impl Mailbox {
    pub const fn new() -> Self {
        Self { words: [const { AtomicU64::new(0) }; 4], number: AtomicU64::new(0) }
    }

    pub fn publish(&self, number: u64, state: EntryState) {
        let words = [state.context, state.other_registers, state.sctlr_el1, state.pstate];
        for (slot, word) in self.words.iter().zip(words) {
            slot.store(word, Ordering::Relaxed);
        }
        self.number.store(number, Ordering::Release);
    }

    /// The report with this number, once it is there.
    pub fn read(&self, number: u64) -> Option<EntryState> {
        if self.number.load(Ordering::Acquire) != number {
            return None;
        }
        let [context, other_registers, sctlr_el1, pstate] =
            [0, 1, 2, 3].map(|at: usize| self.words[at].load(Ordering::Relaxed));
        Some(EntryState { context, other_registers, sctlr_el1, pstate })
    }
}

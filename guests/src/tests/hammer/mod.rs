//! `hammer`: a hostile guest. Up to four CPUs call every service at once for `seconds` (60), over both conduits, with
//! whatever is in their registers. Nothing that a guest may ask for may hang, end or confuse its machine.
//!
//! What would end, park or start a CPU is left out, and the watchdog is never enabled.

mod calls;
mod tally;

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use self::{calls::Calls, tally::Tally};
use super::ids;
use crate::{
    console::println,
    cpu,
    machine::{MAX_CPUS, Machine},
    psci,
    sdei::{Client, use_conduit},
    secondary::{self, Job},
    smccc::{self, Conduit, EACH_ONCE, NOT_SUPPORTED, Registers, Return},
    tap::Report,
};

pub const NAME: &str = "hammer";

const MOST_CPUS: usize = 4;
/// A CPU may come back so much later than the others: the last call of each may wait for something.
const LIMIT_MS: u64 = 60_000;

/// Not sign-extended.
const NARROW_NOT_SUPPORTED: u64 = 0xffff_ffff;
/// Owners (SMCCC, section 6).
const ARCHITECTURE: u32 = 0;
const SILICON_PROVIDER: u32 = 2;

/// When it ends, by CNTVCT; the seed; the conduits: 1 for HVC, 2 for SMC.
static END: AtomicU64 = AtomicU64::new(0);
static SEED: AtomicU64 = AtomicU64::new(0);
static CONDUITS: AtomicU8 = AtomicU8::new(0);
static TALLIES: [Tally; MAX_CPUS] = [const { Tally::new() }; MAX_CPUS];

/// Of each a point: the index and the affinity.
pub fn cpus(machine: &Machine) -> impl Iterator<Item = (usize, u64)> + '_ {
    // The one that calls is one of them.
    let own = machine.this_cpu().map(|index| (index, cpu::affinity()));
    own.into_iter().chain(machine.other_cpus()).take(MOST_CPUS)
}

/// Prints one point a CPU. `one` is the conduit that starts CPUs.
pub fn run(machine: &Machine, both: &[Conduit], one: Conduit, mut number: impl FnMut() -> usize) {
    let any_firmware = machine.args.value("psci") == Some("any");
    let start = prepare(machine, both);
    let mut results = [psci::SUCCESS; MAX_CPUS];
    for (index, target) in cpus(machine).filter(|&(_, target)| target != cpu::affinity()) {
        TALLIES[index].clear();
        secondary::set_job(index, Job::Hammer);
        results[index] = psci::cpu_on(one, target, secondary::entry(), secondary::context(0, index));
    }
    if let Some(index) = machine.this_cpu() {
        TALLIES[index].clear();
        hammer(index, cpu::affinity());
    }
    for (index, target) in cpus(machine) {
        let mut report = Report::new(any_firmware);
        let what = format_args!("CPU_ON of {target:#x}");
        if report.equal(what, results[index], psci::SUCCESS) {
            conclude(index, target, one, &mut report);
        }
        report.print(number(), format_args!("{NAME} (cpu {index})"));
    }
    restore(one);
    println!("# hammer ms={}", (cpu::ticks() - start) / cpu::ticks_in_ms(1).max(1));
}

/// When it begins.
fn prepare(machine: &Machine, both: &[Conduit]) -> u64 {
    println!("# hammer begins");
    // Handlers complete so.
    if let Some(&first) = both.first() {
        use_conduit(first);
    }
    let start = cpu::ticks();
    let seconds = machine.args.number("seconds", 60);
    END.store(start.saturating_add(cpu::ticks_in_ms(1000).saturating_mul(seconds)), Ordering::Relaxed);
    SEED.store(machine.args.number("seed", 1234), Ordering::Relaxed);
    let bits = both.iter().map(|&conduit| if conduit == Conduit::Hvc { 1 } else { 2 });
    // CPU_ON orders it before what the others do.
    CONDUITS.store(bits.sum(), Ordering::Release);
    start
}

/// On another CPU.
pub fn hammer_as_other(index: usize) {
    hammer(index, cpu::affinity());
}

fn hammer(index: usize, affinity: u64) {
    let tally = &TALLIES[index];
    let conduits: &[Conduit] = match CONDUITS.load(Ordering::Acquire) {
        1 => &[Conduit::Hvc],
        2 => &[Conduit::Smc],
        _ => &[Conduit::Hvc, Conduit::Smc],
    };
    let seed = SEED.load(Ordering::Relaxed);
    let mut calls = Calls::new(seed, index, affinity);
    let end = END.load(Ordering::Relaxed);
    while cpu::ticks() < end {
        for &conduit in conduits {
            one_call(conduit, &mut calls, tally);
        }
    }
    tally.finish();
}

fn one_call(conduit: Conduit, calls: &mut Calls, tally: &Tally) {
    let (id, before) = calls.next();
    let seed = calls.pattern();
    let (after, checksum) = conduit.call_guarded(before, seed);
    tally.count(checksum, smccc::guarded_checksum(seed));
    let is_right = checksum == smccc::guarded_checksum(seed) && is_possible(id, before, after);
    if !is_right {
        tally.fail(conduit, before, after);
    }
}

/// What any firmware may return, whatever it serves.
fn is_possible(id: u32, before: Registers, after: Return) -> bool {
    let (sent, got) = (before.0, after.registers.0);
    let kept = sent[4..] == got[4..] || got[0] != NOT_SUPPORTED && ids::returns_beyond_x3(id);
    let status = match id >> 24 & 0x3f {
        // A workaround has no result, and may leave x0.
        ARCHITECTURE => got[0] != NARROW_NOT_SUPPORTED,
        // Other processes return what they like: an argument, say.
        SILICON_PROVIDER => got[0] != sent[0],
        _ => got[0] != sent[0] && got[0] != NARROW_NOT_SUPPORTED,
    };
    !after.undefined && after.executed == EACH_ONCE && kept && status
}

/// What the CPU has done, and that it is off now, or is this one.
fn conclude(index: usize, target: u64, conduit: Conduit, report: &mut Report) {
    let tally = &TALLIES[index];
    let finished = cpu::poll(LIMIT_MS, || tally.is_finished().then_some(()));
    report.check(finished.is_some(), format_args!("CPU {index} has not come back"));
    tally.check(index, report);
    let is_here = target == cpu::affinity();
    let wanted = if is_here { psci::ON } else { psci::OFF };
    let state =
        cpu::poll(LIMIT_MS, || Some(psci::affinity_info(conduit, target)).filter(|&state| state == wanted));
    report.check(state.is_some(), format_args!("AFFINITY_INFO of CPU {index} is not {wanted}"));
}

/// What random arguments may have set, as it is after a boot. Where it is missing, it was not set.
fn restore(conduit: Conduit) {
    let _ = conduit.call3(psci::MEM_PROTECT, [0; 3]);
    let _ = conduit.call3(psci::SET_SUSPEND_MODE, [psci::PLATFORM_COORDINATED, 0, 0]);
    let events = Client::new(conduit);
    let _ = (events.mask(), events.reset_private(), events.reset_shared());
}

//! `cpu_on_race`: two CPUs call CPU_ON for a third at the same time.
//!
//! In `rounds` rounds the target stays on until both calls have returned: exactly one may succeed, and the other is
//! told ALREADY_ON or ON_PENDING. After every ten of them there is one in which it turns itself off at once. Then the
//! later call may well succeed too, and must: every SUCCESS is one start, and nothing else is.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::{
    cpu,
    machine::Machine,
    psci,
    secondary::{self, Job},
    smccc::Conduit,
    tap::Report,
};

const LIMIT_MS: u64 = 10_000;

/// The target, and the context ID for it.
static TARGET: AtomicU64 = AtomicU64::new(0);
static CONTEXT: AtomicU64 = AtomicU64::new(0);
/// The round that the boot CPU has begun; the round the second racer is ready for; the one it has a result of.
static BEGUN: AtomicU64 = AtomicU64::new(0);
static READY: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicU64 = AtomicU64::new(0);
static SECOND_RESULT: AtomicU64 = AtomicU64::new(0);
/// How often the target has started; the last round in which it may go off; no round is to come.
static STARTS: AtomicU64 = AtomicU64::new(0);
static RELEASED: AtomicU64 = AtomicU64::new(0);
static OVER: AtomicBool = AtomicBool::new(false);
/// The function the racers call.
static FUNCTION: AtomicU32 = AtomicU32::new(psci::CPU_ON_64);
/// The racers' calls are SMCs.
static BY_SMC: AtomicBool = AtomicBool::new(false);

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let second = match begin(machine, conduit, psci::CPU_ON_64) {
        Begun::Second(affinity) => affinity,
        Begun::TooFewCpus => return report.skip("needs 3 CPUs"),
        Begun::Refused { cpu, result } => {
            report.equal(format_args!("CPU_ON of {cpu:#x}"), result, psci::SUCCESS);
            return;
        }
    };
    let rounds = machine.args.number("rounds", 10_000);
    for round in 1..=rounds + rounds / 10 {
        if let Err(what) = one_round(conduit, round, report) {
            report.check(false, format_args!("round {round}: {what}"));
            break;
        }
    }
    let off = end(conduit, second);
    report.check(off.is_some(), format_args!("the second racer does not go off"));
}

/// One round by itself: what the two calls of `function` return, and how often the target starts.
pub fn once(machine: &Machine, conduit: Conduit, function: u32) -> Result<[u64; 3], &'static str> {
    let second = match begin(machine, conduit, function) {
        Begun::Second(affinity) => affinity,
        Begun::TooFewCpus => return Err("needs 3 CPUs"),
        Begun::Refused { .. } => return Err("the second racer cannot be started"),
    };
    let results = race_once(conduit, 1);
    let target = TARGET.load(Ordering::Relaxed);
    RELEASED.store(u64::MAX, Ordering::Release);
    let started = wait(|| STARTS.load(Ordering::Acquire) >= 1)
        .and_then(|()| wait(|| psci::affinity_info(conduit, target) == psci::OFF));
    end(conduit, second).ok_or("the second racer does not go off")?;
    let [first, second] = results.ok_or("the second racer does not race")?;
    started.ok_or("the target does not start and go off")?;
    Ok([first, second, STARTS.load(Ordering::Acquire)])
}

/// The second racer, on its way.
enum Begun {
    /// Its affinity.
    Second(u64),
    TooFewCpus,
    Refused {
        cpu: u64,
        result: u64,
    },
}

fn begin(machine: &Machine, conduit: Conduit, function: u32) -> Begun {
    let mut others = machine.other_cpus();
    let (Some((second_index, second)), Some((target_index, target))) = (others.next(), others.next()) else {
        return Begun::TooFewCpus;
    };
    secondary::set_job(second_index, Job::Race);
    secondary::set_job(target_index, Job::CountAndOff);
    TARGET.store(target, Ordering::Relaxed);
    CONTEXT.store(secondary::context(0, target_index), Ordering::Relaxed);
    FUNCTION.store(function, Ordering::Relaxed);
    for state in [&BEGUN, &READY, &DONE, &STARTS, &RELEASED] {
        state.store(0, Ordering::Relaxed);
    }
    BY_SMC.store(conduit == Conduit::Smc, Ordering::Relaxed);
    OVER.store(false, Ordering::Release);

    let context = secondary::context(0, second_index);
    match psci::cpu_on(conduit, second, secondary::entry(), context) {
        psci::SUCCESS => Begun::Second(second),
        result => Begun::Refused { cpu: second, result },
    }
}

/// Waits until the second racer is off.
fn end(conduit: Conduit, second: u64) -> Option<()> {
    OVER.store(true, Ordering::Release);
    RELEASED.store(u64::MAX, Ordering::Release);
    wait(|| psci::affinity_info(conduit, second) == psci::OFF)
}

/// Both call at the same time: their results.
fn race_once(conduit: Conduit, round: u64) -> Option<[u64; 2]> {
    wait(|| READY.load(Ordering::Acquire) == round)?;
    BEGUN.store(round, Ordering::Release);
    let first = race(conduit);
    wait(|| DONE.load(Ordering::Acquire) == round)?;
    Some([first, SECOND_RESULT.load(Ordering::Relaxed)])
}

fn one_round(conduit: Conduit, round: u64, report: &mut Report) -> Result<(), &'static str> {
    let at_once = round.is_multiple_of(11);
    let starts = STARTS.load(Ordering::Acquire);
    if at_once {
        RELEASED.store(round, Ordering::Release);
    }
    let results = race_once(conduit, round).ok_or("the second racer does not race")?;
    RELEASED.store(round, Ordering::Release);

    let [first, second] = results;
    let mut successes = 0;
    let mut defined = true;
    for result in results {
        successes += u64::from(result == psci::SUCCESS);
        defined &= [psci::SUCCESS, psci::ALREADY_ON, psci::ON_PENDING].contains(&result);
    }
    let one_won = if at_once { successes >= 1 } else { successes == 1 };
    report
        .check(one_won && defined, format_args!("round {round}: CPU_ON returns {first:#x} and {second:#x}"));
    if successes == 0 {
        return Err("nobody started the target");
    }
    let target = TARGET.load(Ordering::Relaxed);
    if wait(|| STARTS.load(Ordering::Acquire) >= starts + successes).is_none() {
        let started = STARTS.load(Ordering::Acquire) - starts;
        let what = format_args!("round {round}: {started} starts, by {successes} CPU_ONs");
        report.check(false, what);
        return Err("a CPU_ON that succeeded does not start the target");
    }
    wait(|| psci::affinity_info(conduit, target) == psci::OFF).ok_or("the target does not go off")?;
    let started = STARTS.load(Ordering::Acquire) - starts;
    report.equal(format_args!("round {round}: starts, by {successes} CPU_ONs"), started, successes);
    Ok(())
}

/// On the second racer.
pub fn race_as_second() {
    let conduit = if BY_SMC.load(Ordering::Acquire) { Conduit::Smc } else { Conduit::Hvc };
    for round in 1.. {
        READY.store(round, Ordering::Release);
        while BEGUN.load(Ordering::Acquire) != round {
            if OVER.load(Ordering::Acquire) {
                return;
            }
            core::hint::spin_loop();
        }
        SECOND_RESULT.store(race(conduit), Ordering::Relaxed);
        DONE.store(round, Ordering::Release);
    }
}

/// On the target.
pub fn count() {
    STARTS.fetch_add(1, Ordering::AcqRel);
    // BEGUN is this round's: whoever started this CPU had seen it.
    let round = BEGUN.load(Ordering::Acquire);
    while RELEASED.load(Ordering::Acquire) < round {
        core::hint::spin_loop();
    }
}

fn race(conduit: Conduit) -> u64 {
    let (target, context) = (TARGET.load(Ordering::Relaxed), CONTEXT.load(Ordering::Relaxed));
    conduit.call3(FUNCTION.load(Ordering::Relaxed), [target, secondary::entry(), context])
}

fn wait(condition: impl Fn() -> bool) -> Option<()> {
    cpu::poll(LIMIT_MS, || condition().then_some(()))
}

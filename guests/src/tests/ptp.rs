//! `ptp`: the pair of wall clock and counter that KVM's PTP service gives (Linux, ptp_kvm.rst). The counter was read
//! during the call, and the wall clock goes as fast as it.

use crate::{
    console::println,
    cpu,
    machine::Machine,
    random::Random,
    services::{self, Caller},
    smccc::{Conduit, NOT_SUPPORTED},
    tap::Report,
};

const ROUNDS: u64 = 1000;
/// How long the two clocks are watched.
const WATCHED_MS: u64 = 250;
/// What they may differ by: a step of the wall clock that a time service makes, and a share (1/1000) of what passed.
const TOLERANCE_NS: u128 = 2_000_000;
const TOLERANCE_SHARE: u128 = 1000;
const NS_PER_SECOND: u128 = 1_000_000_000;

/// What w1 asks for.
#[derive(Clone, Copy)]
enum Counter {
    Virtual,
    Physical,
}

impl Counter {
    const fn argument(self) -> u64 {
        match self {
            Self::Virtual => 0,
            Self::Physical => 1,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Virtual => "CNTVCT",
            Self::Physical => "CNTPCT",
        }
    }

    fn read(self) -> u64 {
        match self {
            Self::Virtual => cpu::ticks(),
            Self::Physical => cpu::physical_ticks(),
        }
    }
}

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let random = Random::new(machine.args.number("seed", 1234));
    let mut caller = Caller { conduit, report, random };
    let worst = all(&mut caller);
    if let Some(ticks) = worst {
        println!("# ptp worst_window_ticks={ticks}");
    }
}

fn all(caller: &mut Caller<'_>) -> Option<u64> {
    let [features, ..] = caller.answered("KVM's FEATURES", services::KVM_FEATURES, &[])?;
    let has_bit = features & services::KVM_HAS_PTP != 0;
    caller.report.check(has_bit, format_args!("KVM's FEATURES has not the bit of PTP: {features:#x}"));
    let mut worst = 0;
    for counter in [Counter::Virtual, Counter::Physical] {
        for _ in 0..ROUNDS {
            worst = worst.max(window(caller, counter)?);
        }
        advance(caller, counter)?;
    }
    let [other, ..] = caller.call(services::KVM_PTP, &[2]);
    caller.report.equal(format_args!("PTP of counter 2"), other, NOT_SUPPORTED);
    Some(worst)
}

/// The wall clock in nanoseconds, and the counter.
fn pair(caller: &mut Caller<'_>, counter: Counter) -> Option<(u64, u64)> {
    let words = caller.answered("PTP", services::KVM_PTP, &[counter.argument()])?;
    let narrow = words.iter().all(|&word| word <= u64::from(u32::MAX));
    caller.report.check(narrow, format_args!("PTP returns more than 32 bits a register: {words:#x?}"));
    let [wall_high, wall_low, counter_high, counter_low] = words;
    Some((wall_high << 32 | wall_low, counter_high << 32 | counter_low))
}

/// The counter lies between two that are read around the call; how far these are apart.
fn window(caller: &mut Caller<'_>, counter: Counter) -> Option<u64> {
    let before = counter.read();
    let (_, during) = pair(caller, counter)?;
    let after = counter.read();
    let is_between = (before..=after).contains(&during);
    let name = counter.name();
    caller.report.check(is_between, format_args!("{name}: {during} is not in {before}..={after}"));
    Some(after.saturating_sub(before))
}

/// The wall clock and the counter agree on how long something takes.
fn advance(caller: &mut Caller<'_>, counter: Counter) -> Option<()> {
    let start = pair(caller, counter)?;
    cpu::spin(WATCHED_MS);
    let end = pair(caller, counter)?;
    let wall = u128::from(end.0.wrapping_sub(start.0));
    let ticks = u128::from(end.1.wrapping_sub(start.1));
    let counted = ticks * NS_PER_SECOND / u128::from(cpu::ticks_in_second());
    let agree = wall.abs_diff(counted) <= TOLERANCE_NS + counted / TOLERANCE_SHARE;
    let name = counter.name();
    let what = format_args!("{wall} ns by the wall clock are {counted} ns by {name}");
    caller.report.check(agree, what);
    Some(())
}

//! `suspend`: CPU_SUSPEND and CPU_DEFAULT_SUSPEND (DEN0022, sections 5.1.2 and 5.1.17), woken by the virtual timer, and
//! how they are counted. PSTATE.I stays set: a wake-up is no exception.

use core::fmt;

use crate::{
    cpu, gic,
    machine::Machine,
    psci,
    random::Random,
    resume::{self, PowerDown},
    secondary,
    smccc::{Conduit, NOT_SUPPORTED, Registers},
    tap::Report,
};

/// The timer fires this long after it was started.
pub const TIMER_MS: u64 = 5;
/// Power states of Switchboard's, unless the command line names others.
pub const STANDBY: u64 = 0x0000_0001;
pub const POWER_DOWN: u64 = 0x0001_0001;

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    if let Err(reason) = gic::enable_virtual_timer(machine) {
        return report.skip(reason);
    }
    let Some(index) = machine.this_cpu() else {
        return report.skip("the FDT does not list this CPU");
    };
    let random = Random::new(machine.args.number("seed", 1234));
    let standby = machine.args.number("standby", STANDBY);
    let power_down = machine.args.number("powerdown", POWER_DOWN);
    let is_counted = machine.args.psci_version() >= psci::VERSION_1_0;
    let mut test = Suspend { conduit, index, report, random, is_counted };
    for (function, width) in [(psci::CPU_SUSPEND_64, "SMC64"), (psci::CPU_SUSPEND_32, "SMC32")] {
        test.counted(standby, |test| test.standby(function, standby, width));
        test.counted(power_down, |test| {
            let call = |context| Registers::new(function.into(), [power_down, secondary::resume(), context]);
            test.power_down(format_args!("{width} power-down"), function, call);
        });
    }
    if !is_counted {
        return;
    }
    for (function, width) in
        [(psci::CPU_DEFAULT_SUSPEND_64, "SMC64"), (psci::CPU_DEFAULT_SUSPEND_32, "SMC32")]
    {
        // KVM's PSCI has it not.
        if test.report.any_firmware() && !psci::knows(conduit, function) {
            continue;
        }
        test.counted(power_down, |test| {
            let call = |context| Registers::new(function.into(), [secondary::resume(), context, 0]);
            test.power_down(format_args!("{width} CPU_DEFAULT_SUSPEND"), function, call);
        });
    }
}

struct Suspend<'run> {
    conduit: Conduit,
    index: usize,
    report: &'run mut Report,
    random: Random,
    /// Are there PSCI_STAT_COUNT and PSCI_STAT_RESIDENCY?
    is_counted: bool,
}

impl Suspend<'_> {
    /// Does something that suspends this CPU once, in this state.
    fn counted(&mut self, power_state: u64, suspend: impl FnOnce(&mut Self)) {
        let conduit = self.conduit;
        let read = |function| conduit.call3(function, [cpu::affinity(), power_state, 0]);
        let before = [psci::STAT_COUNT_64, psci::STAT_RESIDENCY_64].map(read);
        suspend(self);
        if self.is_counted {
            let [count, residency] = [psci::STAT_COUNT_64, psci::STAT_RESIDENCY_64].map(read);
            let what = format_args!("PSCI_STAT_COUNT of {power_state:#x}");
            self.report.equal_ours(what, count, before[0].wrapping_add(1));
            let longer = residency != NOT_SUPPORTED && residency > before[1];
            let what = format_args!(
                "PSCI_STAT_RESIDENCY of {power_state:#x}: {residency}, and before {}",
                before[1]
            );
            self.report.check_ours(longer, what);
        }
    }

    /// The call returns SUCCESS, not before the timer fires, and changes nothing else.
    fn standby(&mut self, function: u32, power_state: u64, width: &str) {
        let mut before = Registers::random(u64::from(function), &mut self.random);
        before.0[1] = power_state;
        cpu::start_timer(TIMER_MS);
        let after = self.conduit.call(before);
        // A wake-up for no reason is allowed (section 5.1.2.3), and the timer's condition must be on its way.
        let fired =
            cpu::timer_has_fired() || cpu::poll(100, || cpu::timer_has_fired().then_some(())).is_some();
        cpu::stop_timer();
        self.report.equal(format_args!("{width} standby"), after.registers.0[0], psci::SUCCESS);
        let kept = before.0[1..] == after.registers.0[1..];
        self.report.check(kept, format_args!("{width} standby changes registers: {after}"));
        self.report.check(fired, format_args!("{width} standby: the timer does not fire"));
    }

    /// The CPU goes on at the entry point, and its timer was not reset. `call` makes the registers for a context ID.
    fn power_down(&mut self, what: fmt::Arguments<'_>, function: u32, call: impl FnOnce(u64) -> Registers) {
        let mut context = secondary::context(self.random.next(), self.index);
        if function & SMC64 == 0 {
            context &= u64::from(u32::MAX);
        }
        cpu::start_timer(TIMER_MS);
        let end = resume::suspend(self.conduit, self.index, call(context));
        let fired = cpu::timer_has_fired();
        cpu::stop_timer();
        check_resumed(what, end, context, fired, self.report);
    }
}

/// Bit 30 of a function ID.
const SMC64: u32 = 1 << 30;

/// A CPU that lost its context went on at its entry point, and its timer was not reset.
pub fn check_resumed(
    what: fmt::Arguments<'_>,
    end: PowerDown,
    context: u64,
    timer_has_fired: bool,
    report: &mut Report,
) {
    match end {
        PowerDown::Returned(Registers([x0, ..])) => {
            report.check_ours(false, format_args!("{what} returns {x0:#x} to its caller"));
        }
        PowerDown::Resumed { context: x0, sctlr_el1, pstate } => {
            report.equal(format_args!("{what}: x0"), x0, context);
            let on = sctlr_el1 & secondary::SCTLR_EL1_M_C;
            report.equal(format_args!("{what}: SCTLR_EL1.M and C"), on, 0);
            report.equal(format_args!("{what}: PSTATE"), pstate, secondary::PSTATE_AT_ENTRY);
            let otherwise = format_args!("{what}: the timer was reset, or is not what woke the CPU");
            report.check(timer_has_fired, otherwise);
        }
    }
}

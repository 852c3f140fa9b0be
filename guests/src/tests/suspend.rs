//! `suspend`: CPU_SUSPEND (DEN0022, section 5.1.2), woken by the virtual timer. PSTATE.I stays set: a wake-up is
//! no exception.

use crate::{
    cpu, gic,
    machine::Machine,
    psci,
    random::Random,
    resume::{self, PowerDown},
    secondary,
    smccc::{Conduit, Registers},
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
    let mut random = Random::new(machine.args.number("seed", 1234));
    for function in [psci::CPU_SUSPEND_64, psci::CPU_SUSPEND_32] {
        let width = if function == psci::CPU_SUSPEND_64 { "SMC64" } else { "SMC32" };
        standby(machine, conduit, function, &mut random, report, width);
        power_down(machine, conduit, function, &mut random, report, width);
    }
}

/// The call returns SUCCESS, not before the timer fires, and changes nothing else.
fn standby(
    machine: &Machine,
    conduit: Conduit,
    function: u32,
    random: &mut Random,
    report: &mut Report,
    width: &str,
) {
    let mut before = Registers::random(u64::from(function), random);
    before.0[1] = machine.args.number("standby", STANDBY);
    cpu::start_timer(TIMER_MS);
    let after = conduit.call(before);
    // A wake-up for no reason is allowed (section 5.1.2.3), and the timer's condition must be on its way.
    let fired = cpu::timer_has_fired() || cpu::poll(100, || cpu::timer_has_fired().then_some(())).is_some();
    cpu::stop_timer();
    report.equal(format_args!("{width} standby"), after.registers.0[0], psci::SUCCESS);
    report.check(
        before.0[1..] == after.registers.0[1..],
        format_args!("{width} standby changes registers: {after}"),
    );
    report.check(fired, format_args!("{width} standby: the timer does not fire"));
}

/// The CPU goes on at the entry point, and its timer was not reset.
fn power_down(
    machine: &Machine,
    conduit: Conduit,
    function: u32,
    random: &mut Random,
    report: &mut Report,
    width: &str,
) {
    let Some(index) = machine.this_cpu() else {
        return report.skip("the FDT does not list this CPU");
    };
    let mut context = secondary::context(random.next(), index);
    if function == psci::CPU_SUSPEND_32 {
        context &= u64::from(u32::MAX);
    }
    let power_state = machine.args.number("powerdown", POWER_DOWN);
    let registers = Registers::new(u64::from(function), [power_state, secondary::resume(), context]);
    cpu::start_timer(TIMER_MS);
    let result = resume::suspend(conduit, index, registers);
    let fired = cpu::timer_has_fired();
    cpu::stop_timer();
    match result {
        PowerDown::Returned(Registers([x0, ..])) => {
            report.check_ours(false, format_args!("{width} power-down returns {x0:#x} to its caller"));
        }
        PowerDown::Resumed { context: x0, sctlr_el1, pstate } => {
            report.equal(format_args!("{width} power-down: x0"), x0, context);
            let on = sctlr_el1 & secondary::SCTLR_EL1_M_C;
            report.equal(format_args!("{width} power-down: SCTLR_EL1.M and C"), on, 0);
            report.equal(format_args!("{width} power-down: PSTATE"), pstate, secondary::PSTATE_AT_ENTRY);
            report.check(
                fired,
                format_args!("{width} power-down: the timer was reset, or is not what woke the CPU"),
            );
        }
    }
}

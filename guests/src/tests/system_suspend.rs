//! `system_suspend`: SYSTEM_SUSPEND (DEN0022, section 5.1.19) is DENIED while another CPU is on; the CPU that is alone
//! sleeps, and goes on at its entry point when its virtual timer fires.

use super::{
    cpu_on,
    suspend::{TIMER_MS, check_resumed},
};
use crate::{
    cpu, gic,
    machine::Machine,
    psci,
    random::Random,
    resume, secondary,
    smccc::{Conduit, Registers},
    tap::Report,
};

const BOTH_WIDTHS: [(u32, u64, &str); 2] = [
    (psci::SYSTEM_SUSPEND_64, u64::MAX, "SMC64"),
    // What an SMC32 argument holds.
    (psci::SYSTEM_SUSPEND_32, 0xffff_ffff, "SMC32"),
];

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    if machine.args.psci_version() < psci::VERSION_1_0 {
        return report.skip("SYSTEM_SUSPEND came with PSCI 1.0");
    }
    if report.any_firmware() && !psci::knows(conduit, psci::SYSTEM_SUSPEND_64) {
        return report.skip("there is no SYSTEM_SUSPEND");
    }
    if let Err(reason) = gic::enable_virtual_timer(machine) {
        return report.skip(reason);
    }
    let Some(index) = machine.this_cpu() else {
        return report.skip("the FDT does not list this CPU");
    };
    cpu_on::while_another_is_on(machine, conduit, report, |target, report| {
        for (function, _, width) in BOTH_WIDTHS {
            let result = conduit.call3(function, [secondary::resume(), 0, 0]);
            let what = format_args!("{width} SYSTEM_SUSPEND while CPU {target:#x} is on");
            report.equal(what, result, psci::DENIED);
        }
    });
    let mut random = Random::new(machine.args.number("seed", 1234));
    for (function, mask, width) in BOTH_WIDTHS {
        let context = secondary::context(random.next(), index) & mask;
        let registers = Registers::new(function.into(), [secondary::resume(), context, 0]);
        cpu::start_timer(TIMER_MS);
        let end = resume::suspend(conduit, index, registers);
        let fired = cpu::timer_has_fired();
        cpu::stop_timer();
        check_resumed(format_args!("{width} SYSTEM_SUSPEND"), end, context, fired, report);
    }
    let on_again = cpu_on::while_another_is_on(machine, conduit, report, |_, _| {});
    if on_again {
        let info = psci::affinity_info(conduit, cpu::affinity());
        report.equal(format_args!("AFFINITY_INFO of this CPU afterwards"), info, psci::ON);
    }
}

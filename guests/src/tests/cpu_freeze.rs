//! `cpu_freeze`: a CPU that has frozen itself is off, and CPU_ON starts it again.

use super::cpu_on;
use crate::{
    machine::Machine,
    psci,
    secondary::{self, Job},
    smccc::Conduit,
    tap::Report,
};

const ROUNDS: u64 = 3;

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    if machine.args.psci_version() < psci::VERSION_1_0 {
        return report.skip("CPU_FREEZE came with PSCI 1.0");
    }
    if report.any_firmware() && !psci::knows(conduit, psci::CPU_FREEZE) {
        return report.skip("there is no CPU_FREEZE");
    }
    let Some((index, target)) = machine.other_cpus().next() else {
        return report.skip("needs 2 CPUs");
    };
    for round in 0..ROUNDS {
        let number = cpu_on::prepare_job(index, Job::ReportAndFreeze);
        let context = secondary::context(round << 32, index);
        let result = psci::cpu_on(conduit, target, secondary::entry(), context);
        report.equal(format_args!("CPU_ON in round {round}"), result, psci::SUCCESS);
        let Some(entry) = cpu_on::arrival(number) else {
            report.check(false, format_args!("CPU {target:#x} does not arrive in round {round}"));
            return;
        };
        report.equal(format_args!("x0 in round {round}"), entry.context, context);
        let on = entry.sctlr_el1 & secondary::SCTLR_EL1_M_C;
        report.equal(format_args!("SCTLR_EL1.M and C in round {round}"), on, 0);
        report.equal(format_args!("PSTATE in round {round}"), entry.pstate, secondary::PSTATE_AT_ENTRY);
        cpu_on::release(number);
        let off = cpu_on::wait_for_off(conduit, target);
        if !report.check(off.is_some(), format_args!("AFFINITY_INFO is not OFF after CPU_FREEZE")) {
            return;
        }
        let state = conduit.call3(psci::NODE_HW_STATE_64, [target, 0, 0]);
        report.equal_ours(format_args!("NODE_HW_STATE after CPU_FREEZE"), state, psci::OFF);
    }
}

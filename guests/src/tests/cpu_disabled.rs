//! `cpu_disabled`: every other CPU is one that the guest may not have. It is off, and CPU_ON does not start it: DENIED, from
//! PSCI 1.2 on.

use crate::{
    machine::Machine,
    psci,
    secondary::{self, Job},
    smccc::Conduit,
    tap::Report,
};

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    if machine.cpus().len() < 2 {
        return report.skip("needs 2 CPUs");
    }
    let is_denied = machine.args.psci_version() >= psci::VERSION_1_2;
    let wanted = if is_denied { psci::DENIED } else { psci::INTERNAL_FAILURE };
    for (index, target) in machine.other_cpus() {
        // If it starts after all.
        secondary::set_job(index, Job::Park);
        for function in [psci::CPU_ON_64, psci::CPU_ON_32] {
            let context = secondary::context(0, index);
            let result = conduit.call3(function, [target, secondary::entry(), context]);
            report.equal(format_args!("{function:#x} of {target:#x}"), result, wanted);
        }
        let info = psci::affinity_info(conduit, target);
        report.equal(format_args!("AFFINITY_INFO of {target:#x}"), info, psci::OFF);
    }
}

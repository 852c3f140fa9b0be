//! `count`: exactly one call, named by `call=`, before the SYSTEM_OFF that ends every run.
//!
//! A monitor that counts its ioctls can so tell what one call costs.

use crate::{
    cpu,
    machine::Machine,
    psci,
    secondary::{self, Job},
    smccc::{Conduit, NOT_SUPPORTED},
    tap::Report,
};

/// In PSCI's page, and assigned by no version of it (DEN0022, table 5).
const UNASSIGNED: u32 = 0x8400_001f;

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    match machine.args.value("call").unwrap_or("psci_version") {
        "psci_version" => {
            let version = conduit.call3(psci::PSCI_VERSION, [0; 3]);
            report.equal_ours(format_args!("PSCI_VERSION"), version, machine.args.psci_version());
        }
        "cpu_on_refused" => {
            let result = psci::cpu_on(conduit, cpu::affinity(), secondary::entry(), 0);
            report.equal(format_args!("CPU_ON of this CPU"), result, psci::ALREADY_ON);
        }
        "cpu_on_ok" => {
            let Some((index, target)) = machine.other_cpus().next() else {
                return report.skip("needs 2 CPUs");
            };
            secondary::set_job(index, Job::Park);
            let context = secondary::context(0, index);
            let result = psci::cpu_on(conduit, target, secondary::entry(), context);
            report.equal(format_args!("CPU_ON"), result, psci::SUCCESS);
        }
        "unknown" => {
            let result = conduit.call3(UNASSIGNED, [0; 3]);
            report.equal(format_args!("{UNASSIGNED:#x}"), result, NOT_SUPPORTED);
        }
        name => {
            report.check(false, format_args!("no call is called {name}"));
        }
    }
}

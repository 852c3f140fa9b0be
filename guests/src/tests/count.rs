//! `count`: exactly one call, named by `call=`, before the SYSTEM_OFF that ends every run.
//!
//! A monitor that counts its ioctls can so tell what one call costs.

use crate::{
    cpu,
    machine::Machine,
    psci,
    secondary::{self, Job},
    services,
    smccc::{Conduit, NOT_SUPPORTED, Registers},
    tap::Report,
};

/// In PSCI's page, and assigned by no version of it (DEN0022, table 5).
const UNASSIGNED: u32 = 0x8400_001f;

/// Calls of services that are only to be answered: the function, x1 and x2.
const ANSWERED: [(&str, u32, [u64; 2]); 15] = [
    ("trng_version", services::TRNG_VERSION, [0, 0]),
    ("trng_features", services::TRNG_FEATURES, [0xc400_0053, 0]),
    ("trng_uuid", services::TRNG_GET_UUID, [0, 0]),
    ("trng_rnd32", services::TRNG_RND_32, [32, 0]),
    ("trng_rnd64", services::TRNG_RND_64, [192, 0]),
    ("kvm_uid", services::KVM_UID, [0, 0]),
    ("kvm_features", services::KVM_FEATURES, [0, 0]),
    ("kvm_ptp", services::KVM_PTP, [0, 0]),
    ("kvm_impl_ver", services::KVM_IMPL_VER, [0, 0]),
    ("kvm_impl_cpus", services::KVM_IMPL_CPUS, [0, 0]),
    ("pv_time_features", services::PV_TIME_FEATURES, [0xc500_0021, 0]),
    ("pv_time_st", services::PV_TIME_ST, [0, 0]),
    ("watchdog_pet", services::WATCHDOG, [services::WATCHDOG_PET, 0]),
    ("general_uid", services::STANDARD_UID, [0, 0]),
    ("external_sum", services::EXTERNAL_SUM, [1, 2]),
];

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
        name => match ANSWERED.iter().find(|call| call.0 == name) {
            Some(&(_, function, arguments)) => answered(conduit, function, arguments, report),
            None => {
                report.check(false, format_args!("no call is called {name}"));
            }
        },
    }
}

fn answered(conduit: Conduit, function: u32, [x1, x2]: [u64; 2], report: &mut Report) {
    // The watchdog has but one conduit.
    let conduit = if function == services::WATCHDOG { Conduit::Smc } else { conduit };
    let after = conduit.call(Registers::new(u64::from(function), [x1, x2, 0]));
    let is_answered = !after.undefined && after.registers.0[0] != NOT_SUPPORTED;
    let name = conduit.name();
    report.check(is_answered, format_args!("{function:#x} is NOT_SUPPORTED over {name}: {after}"));
}

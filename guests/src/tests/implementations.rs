//! `implementations`: the CPUs that the machine may come to run on, as KVM's DISCOVER_IMPL functions list them (Linux,
//! Documentation/virt/kvm/arm/hypercalls.rst).

use crate::{
    console::println,
    cpu,
    machine::Machine,
    random::Random,
    services::{self, Caller},
    smccc::Conduit,
    tap::Report,
};

/// A list that is longer is a mistake.
const LONGEST: u64 = 4096;
/// So many are printed.
const SHOWN: u64 = 64;
/// As a version of PSCI is written.
const VERSION_1_0: u64 = 0x1_0000;

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let random = Random::new(machine.args.number("seed", 1234));
    // If it is `None`, what is missing was said.
    let _ = list(&mut Caller { conduit, report, random });
}

fn list(caller: &mut Caller<'_>) -> Option<()> {
    let [_, _, features, _] = caller.answered("KVM's FEATURES", services::KVM_FEATURES, &[])?;
    let [status, version, count, _] = caller.answered("DISCOVER_IMPL_VER", services::KVM_IMPL_VER, &[])?;
    let wanted = services::KVM_HAS_IMPL_VER | services::KVM_HAS_IMPL_CPUS;
    caller.report.equal(format_args!("both bits in KVM's FEATURES, x2"), features & wanted, wanted);
    caller.report.equal(format_args!("DISCOVER_IMPL_VER"), status, services::SUCCESS);
    caller.report.equal(format_args!("the version"), version, VERSION_1_0);
    let plausible = (1..=LONGEST).contains(&count);
    if !caller.report.check(plausible, format_args!("a list of {count} implementations")) {
        return None;
    }
    println!("# implementations count={count} this_midr={:#x}", cpu::implementation());
    for index in 0..count {
        entry(caller, index)?;
    }
    for index in [count, count + 1, u64::from(u32::MAX)] {
        let [status, ..] = caller.call(services::KVM_IMPL_CPUS, &[index, 0, 0]);
        let what = format_args!("DISCOVER_IMPL_CPUS of {index}, of {count}");
        caller.report.equal(what, status, services::INVALID_PARAMETER);
    }
    Some(())
}

fn entry(caller: &mut Caller<'_>, index: u64) -> Option<()> {
    let [status, midr, revidr, aidr] =
        caller.answered("DISCOVER_IMPL_CPUS", services::KVM_IMPL_CPUS, &[index, 0, 0])?;
    caller.report.equal(format_args!("DISCOVER_IMPL_CPUS of {index}"), status, services::SUCCESS);
    caller.report.check(midr != 0, format_args!("implementation {index} has no MIDR"));
    if index < SHOWN {
        println!("# implementation {index} midr={midr:#x} revidr={revidr:#x} aidr={aidr:#x}");
    }
    Some(())
}

//! `SYSTEM_SUSPEND` succeeds if, and only if, all other CPUs are off, and they stay so.

use switchboard_smccc::psci::AffinityState;

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::Alone, "a CPU suspends the system while others hand over", suspend),
    model(Invariant::Alone, "two CPUs suspend the system or go off", either),
    model(Invariant::Alone, "a CPU has seen the others go off", seen_off),
    model(
        Invariant::Alone,
        "a CPU has seen the others go off, of which one turned the other on",
        seen_handing_over,
    ),
    model(Invariant::Alone, "a CPU has seen a claim dropped by one that went off", seen_dropping),
];

fn suspend(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let target = machine.spawn_cpu(OTHER, |machine, _| {
        machine.assert_may_run(OTHER);
        After::Off
    });
    let other = machine.spawn(|machine| {
        assert_eq!(machine.cpu_on(OTHER, start(1)), Ok(()));
        machine.assert_may_run(CPU);
        machine.cpu_off(CPU);
    });

    machine.system_suspend(BOOT);

    join(other);
    machine.stop();
    assert_eq!(join(target), Left::Told);
}

fn either(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let other = machine.spawn(|machine| {
        if !machine.system_suspend(CPU) {
            machine.assert_may_run(CPU);
            machine.cpu_off(CPU);
        }
    });

    if !machine.system_suspend(BOOT) {
        machine.assert_may_run(BOOT);
        machine.cpu_off(BOOT);
    }

    join(other);
}

/// Once all others are off, the caller is not refused: nobody is left who could turn them on.
fn assert_not_refused(machine: &Machine, order: [switchboard_firmware::CpuIndex; 2]) {
    if order.into_iter().all(|cpu| machine.affinity_info(cpu) == AffinityState::Off) {
        assert!(machine.table().is_alone(), "all others are off, and SYSTEM_SUSPEND is refused");
    }
}

fn seen_off(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU, OTHER]);
    let one = machine.spawn(|machine| machine.cpu_off(CPU));
    let other = machine.spawn(|machine| machine.cpu_off(OTHER));

    assert_not_refused(&machine, [CPU, OTHER]);

    join(one);
    join(other);
    assert!(machine.table().is_alone());
}

fn seen_handing_over(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let target = machine.spawn_cpu(OTHER, |_, _| After::Off);
    let other = machine.spawn(|machine| {
        assert_eq!(machine.cpu_on(OTHER, start(1)), Ok(()));
        machine.cpu_off(CPU);
    });

    // In the order in which they cannot be on again.
    assert_not_refused(&machine, [CPU, OTHER]);

    join(other);
    machine.stop();
    assert_eq!(join(target), Left::Told);
}

fn seen_dropping(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let other = machine.spawn(|machine| {
        drop(machine.table().claim(OTHER).ok());
        machine.cpu_off(CPU);
    });

    assert_not_refused(&machine, [CPU, OTHER]);

    join(other);
    assert!(machine.table().is_alone());
}

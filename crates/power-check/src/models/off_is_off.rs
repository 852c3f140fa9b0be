//! `AFFINITY_INFO` never says OFF of what can still execute.

use switchboard_smccc::psci::AffinityState;

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::OffIsOff, "a CPU turns another one on, and asks for it", turned_on),
    model(Invariant::OffIsOff, "a CPU asks for one that sleeps and goes off", sleeping),
    model(Invariant::OffIsOff, "a CPU asks for two that go off", both_of_a_node),
    model(Invariant::OffIsOff, "a CPU asks for two, of which one turns the other on", handing_over),
];

fn assert_off_is_off(machine: &Machine) {
    if machine.affinity_info(CPU) == AffinityState::Off {
        assert!(!machine.is_executing(CPU), "OFF, and it runs");
    }
}

fn turned_on(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let target = machine.spawn_cpu(CPU, |_, _| After::Off);

    assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));
    if machine.affinity_info(CPU) == AffinityState::Off {
        assert!(!machine.is_executing(CPU), "OFF, and it runs");
        // Off it is, so this succeeds; and off again it is not before it has run.
        assert_eq!(machine.cpu_on(CPU, start(2)), Ok(()));
        assert_off_is_off(&machine);
    }

    machine.stop();
    assert_eq!(join(target), Left::Told);
}

fn sleeping(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let sleeper = machine.spawn(|machine| {
        machine.table().power_down(CPU);
        machine.table().resume(CPU);
        machine.table().standby(CPU);
        machine.table().resume(CPU);
        machine.cpu_off(CPU);
    });

    assert_off_is_off(&machine);
    assert_off_is_off(&machine);

    join(sleeper);
    assert_eq!(machine.affinity_info(CPU), AffinityState::Off);
}

fn both_of_a_node(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU, OTHER]);
    let one = machine.spawn(|machine| machine.cpu_off(CPU));
    let other = machine.spawn(|machine| machine.cpu_off(OTHER));

    if machine.node_info(CPU, 1) == AffinityState::Off {
        assert!(!machine.is_executing(CPU) && !machine.is_executing(OTHER), "OFF, and one runs");
    }

    join(one);
    join(other);
    assert_eq!(machine.node_info(CPU, 1), AffinityState::Off);
}

fn handing_over(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, OTHER]);
    let one = machine.spawn_cpu(CPU, |_, _| After::Stay);
    let other = machine.spawn(|machine| {
        assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));
        machine.cpu_off(OTHER);
    });

    // One of them is on or about to be, at any time.
    assert_ne!(machine.node_info(CPU, 1), AffinityState::Off);

    join(other);
    assert_eq!(join(one), Left::On);
}

//! After a `CPU_ON` that succeeded the target runs, unless the machine stops.

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::NoLostWakeUp, "a CPU is turned on", once),
    model(Invariant::NoLostWakeUp, "a CPU is turned on, goes off, and is turned on again", again),
    model(Invariant::NoLostWakeUp, "a CPU is turned on by one of two", by_one_of_two),
    model(Invariant::NoLostWakeUp, "a CPU is turned on while the machine stops", while_it_stops),
];

fn once(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let target = machine.spawn_cpu(CPU, |_, _| After::Stay);

    assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));

    assert_eq!(join(target), Left::On);
}

fn again(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let target = machine.spawn_cpu(CPU, |_, taken| if taken == start(1) { After::Off } else { After::Stay });

    assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));
    let started_again = machine.cpu_on(CPU, start(2)).is_ok();

    if started_again {
        assert_eq!(join(target), Left::On);
    } else {
        machine.stop();
        assert_eq!(join(target), Left::Told);
    }
}

fn by_one_of_two(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let target = machine.spawn_cpu(OTHER, |_, _| After::Stay);
    let caller = machine.spawn(|machine| machine.cpu_on(OTHER, start(1)));

    let own = machine.cpu_on(OTHER, start(2));

    assert!(join(caller).is_ok() || own.is_ok());
    assert_eq!(join(target), Left::On);
}

fn while_it_stops(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let target = machine.spawn_cpu(CPU, |_, _| After::Stay);
    let monitor = machine.spawn(Machine::stop);

    assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));

    assert!(join(monitor), "nobody else stops it");
    join(target);
}

//! A CPU that is taken away and given back: its thread leaves, and another one comes.

use switchboard_firmware::psci::{CpuPower, Refusal};

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::Policy, "a CPU is turned on while it is taken away and given back", given_back),
    model(Invariant::Policy, "a CPU that was given is turned on while it is given once more", given_twice),
    model(Invariant::Policy, "a CPU goes off and is taken away, given back and turned on", hotplug),
];

/// A thread of the CPU's that makes sure that it may run.
fn thread_of(machine: &Machine) -> loom::thread::JoinHandle<Left> {
    machine.spawn_cpu(CPU, |machine, _| {
        machine.assert_may_run(CPU);
        After::Stay
    })
}

fn given_back(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let target = thread_of(&machine);
    let controller = machine.spawn(|machine| {
        if machine.table().disable(CPU).is_ok() {
            machine.wake(CPU);
        }
        machine.table().enable(CPU)
    });

    let result = machine.cpu_on(CPU, start(1));

    let given_back = join(controller);
    match result {
        Ok(()) => {
            // As the machine's main thread does: a CPU that the guest may have has a thread.
            if join(target) == Left::Told {
                assert!(given_back, "nobody has taken it away");
                assert_eq!(join(thread_of(&machine)), Left::On, "the next thread takes the start");
            }
            assert_eq!(machine.table().state(CPU), CpuPower::On);
        }
        Err(refusal) => {
            assert_eq!(refusal, Refusal::Disabled);
            assert_eq!(machine.table().state(CPU), CpuPower::Off, "it was given back");
            machine.stop();
            assert_eq!(join(target), Left::Told);
        }
    }
}

fn given_twice(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    assert_eq!(machine.table().disable(CPU), Ok(()));
    let controller = machine.spawn(|machine| machine.table().enable(CPU));

    let given = machine.table().enable(CPU);
    let result = machine.cpu_on(CPU, start(1));
    let target = thread_of(&machine);

    assert_eq!(result, Ok(()), "the guest may have it");
    assert_ne!(given, join(controller), "one of them gave it");
    assert_eq!(join(target), Left::On);
    assert_eq!(machine.table().state(CPU), CpuPower::On);
}

fn hotplug(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));
    let target = machine.spawn_cpu(CPU, |machine, _| {
        machine.assert_may_run(CPU);
        After::Off
    });

    // The controller, which is told that the guest has let go of it, and is not believed.
    let taken = machine.table().disable(CPU);
    if taken.is_ok() {
        machine.wake(CPU);
        assert_eq!(join(target), Left::Told);
        assert_eq!(machine.cpu_on(CPU, start(2)), Err(Refusal::Disabled));
        assert!(machine.table().enable(CPU));
        let next = thread_of(&machine);
        assert_eq!(machine.cpu_on(CPU, start(2)), Ok(()));
        assert_eq!(join(next), Left::On);
        assert!(!machine.table().is_alone());
    } else {
        machine.stop();
        assert_eq!(join(target), Left::Told);
    }
}

//! Who stops the machine first is told so once, nobody runs after it, and a new life begins as the first did.

use loom::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use switchboard_firmware::psci::{CpuPower, Next};

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::Stop, "two CPUs stop the machine", two_callers),
    model(Invariant::Stop, "a CPU is turned on while the machine stops", no_start_after_it),
    model(Invariant::Stop, "a life ends while a CPU is turned on, and another one begins", new_life)
        .bounded(4),
    model(Invariant::Stop, "a life ends while a CPU is taken away, and another one begins", policy_stays),
    model(Invariant::Stop, "CPUs are given and taken away while a life begins", policy_changes),
];

fn two_callers(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let thread = machine.spawn_cpu(OTHER, |_, _| After::Stay);
    let caller = machine.spawn(Machine::stop);

    let first = machine.stop();

    assert_ne!(first, join(caller), "exactly one is the first");
    assert_eq!(join(thread), Left::Told);
}

fn no_start_after_it(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let has_stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&has_stopped);
    let monitor = machine.spawn(move |machine| {
        assert!(machine.stop());
        flag.store(true, Ordering::Release);
    });
    let target = machine.spawn(move |machine| {
        let has_stopped = has_stopped.load(Ordering::Acquire);
        let next = machine.table().next(CPU);
        assert!(!has_stopped || next == Next::Leave, "the machine has stopped: {next:?}");
    });

    assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));

    join(monitor);
    join(target);
    assert_eq!(machine.table().next(CPU), Next::Leave);
}

/// Every thread has left, and `CPU` is the guest's.
fn assert_as_new(machine: &Machine) {
    machine.table().reset();

    assert!(!machine.table().is_stopped());
    assert_eq!([BOOT, CPU].map(|cpu| machine.table().state(cpu)), [CpuPower::Off; 2]);
    assert_eq!(machine.cpu_on(BOOT, start(0)), Ok(()));
    assert_eq!(machine.table().next(BOOT), Next::Start(start(0)));
    assert!(machine.table().is_alone(), "nobody else is on");
}

fn new_life(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    assert_eq!(machine.table().disable(OTHER), Ok(()));
    let target = machine.spawn_cpu(CPU, |_, taken| if taken == start(1) { After::Off } else { After::Stay });
    let monitor = machine.spawn(Machine::stop);

    let _ = machine.cpu_on(CPU, start(1));
    let _ = machine.cpu_on(CPU, start(2));

    assert!(join(monitor));
    join(target);
    assert_as_new(&machine);
    assert_eq!(machine.table().state(OTHER), CpuPower::Disabled, "the policy stays");
    let target = machine.spawn_cpu(CPU, |_, _| After::Stay);
    assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));
    assert_eq!(join(target), Left::On);
    assert!(machine.stop(), "the first in this life");
}

fn policy_stays(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let thread = machine.spawn_cpu(OTHER, |_, _| After::Stay);
    let controller = machine.spawn(|machine| machine.table().disable(OTHER));

    let result = machine.cpu_on(OTHER, start(1));
    machine.stop();

    let taken = join(controller);
    assert_ne!(taken.is_ok(), result.is_ok());
    join(thread);
    assert_as_new(&machine);
    let expected = if taken.is_ok() { CpuPower::Disabled } else { CpuPower::Off };
    assert_eq!(machine.table().state(OTHER), expected, "the policy stays");
}

fn policy_changes(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    assert_eq!(machine.table().disable(OTHER), Ok(()));
    machine.stop();
    let controller = machine.spawn(|machine| {
        assert_eq!(machine.table().disable(CPU), Ok(()), "it is off in either life");
        assert!(machine.table().enable(OTHER));
    });

    machine.table().reset();

    join(controller);
    assert_eq!(machine.table().state(CPU), CpuPower::Disabled, "it was taken away");
    assert_eq!(machine.table().state(OTHER), CpuPower::Off, "it was given");
}

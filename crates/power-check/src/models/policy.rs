//! A CPU that is taken away is off, and cannot be started.

use loom::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use switchboard_firmware::psci::{CpuPower, Refusal};

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::Policy, "a CPU is turned on while it is taken away", taken_away),
    model(Invariant::Policy, "a CPU that goes off is turned on while it is taken away", taken_away_again)
        .bounded(4),
    model(Invariant::Policy, "a CPU that sleeps and goes off is taken away", taken_away_asleep),
];

/// Takes the CPU away, if it is off. Its thread is woken, so that it leaves.
fn take_away(machine: &Machine) -> Result<(), CpuPower> {
    let result = machine.table().disable(CPU);
    match result {
        Ok(()) => {
            assert!(!machine.is_executing(CPU), "it was taken away, and runs");
            machine.wake(CPU);
        }
        Err(power) => {
            assert!(![CpuPower::Off, CpuPower::Disabled].contains(&power), "why is it not taken away?");
        }
    }
    result
}

fn taken_away(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let (sender, taken) = mpsc::channel();
    let target = machine.spawn_cpu(CPU, move |machine, taken| {
        sender.send(taken).expect("the model is not over");
        machine.assert_may_run(CPU);
        After::Off
    });
    let is_away = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_away);
    let controller = machine.spawn(move |machine| {
        let result = take_away(machine);
        flag.store(result.is_ok(), Ordering::Release);
        result
    });

    let was_away = is_away.load(Ordering::Acquire);
    let result = machine.cpu_on(CPU, start(1));

    assert!(!was_away || result == Err(Refusal::Disabled), "it is the guest's no more: {result:?}");
    if join(controller).is_ok() {
        assert_eq!(join(target), Left::Told);
        assert_eq!(taken.iter().count(), usize::from(result.is_ok()), "a thread that leaves owes no start");
        assert_eq!(machine.cpu_on(CPU, start(2)), Err(Refusal::Disabled));
    } else {
        assert_eq!(result, Ok(()));
        machine.stop();
        assert_eq!(join(target), Left::Told);
        assert_ne!(machine.table().state(CPU), CpuPower::Disabled);
    }
}

fn taken_away_again(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, OTHER]);
    let (sender, taken) = mpsc::channel();
    let target = machine.spawn_cpu(CPU, move |_, taken| {
        sender.send(taken).expect("the model is not over");
        After::Off
    });
    let controller = machine.spawn(take_away);

    let given = [1, 2].map(|number| machine.cpu_on(CPU, start(number)));

    if join(controller).is_ok() {
        assert_eq!(join(target), Left::Told);
        assert_eq!(
            taken.iter().count(),
            given.iter().filter(|result| result.is_ok()).count(),
            "a thread that leaves owes no start"
        );
        assert_eq!(machine.table().state(CPU), CpuPower::Disabled);
    } else {
        machine.stop();
        assert_eq!(join(target), Left::Told);
    }
}

fn taken_away_asleep(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let sleeper = machine.spawn(|machine| {
        machine.table().power_down(CPU);
        machine.table().resume(CPU);
        machine.assert_may_run(CPU);
        machine.cpu_off(CPU);
    });

    let result = take_away(&machine);

    join(sleeper);
    let expected = if result.is_ok() { CpuPower::Disabled } else { CpuPower::Off };
    assert_eq!(machine.table().state(CPU), expected);
}

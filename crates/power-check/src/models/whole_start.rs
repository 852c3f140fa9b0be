//! The start that a thread takes is one caller's, whole.

use std::sync::mpsc;

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::WholeStart, "a CPU is turned on by one of two", winners_start),
    model(Invariant::WholeStart, "a CPU is turned on twice", two_starts),
];

fn winners_start(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let (sender, taken) = mpsc::channel();
    let target = machine.spawn_cpu(OTHER, move |_, start| {
        sender.send(start).expect("the model is not over");
        After::Stay
    });
    let caller = machine.spawn(|machine| machine.cpu_on(OTHER, start(1)));

    let own = machine.cpu_on(OTHER, start(2));

    let other = join(caller);
    join(target);
    let expected: Vec<_> =
        [(own, start(2)), (other, start(1))].into_iter().filter(|(result, _)| result.is_ok()).collect();
    let taken: Vec<_> = taken.iter().collect();
    assert_eq!(taken, expected.iter().map(|&(_, start)| start).collect::<Vec<_>>());
}

fn two_starts(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    let (sender, taken) = mpsc::channel();
    let target = machine.spawn_cpu(CPU, move |_, start| {
        sender.send(start).expect("the model is not over");
        After::Off
    });

    let mut given = Vec::new();
    for number in [1, 2] {
        if machine.cpu_on(CPU, start(number)).is_ok() {
            given.push(start(number));
        }
    }
    machine.stop();
    join(target);

    let taken: Vec<_> = taken.iter().collect();
    assert!(given.starts_with(&taken), "given: {given:?}, and taken before the end: {taken:?}");
}

//! Of racing `CPU_ON` exactly one succeeds.

use switchboard_firmware::psci::{CpuPower, Refusal};

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::OneWinner, "two CPUs turn on a third", two_callers),
    model(Invariant::OneWinner, "two CPUs turn on a third that is being taken away", two_callers_and_policy),
];

fn two_callers(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let target = machine.spawn_cpu(OTHER, |_, _| After::Stay);
    let caller = machine.spawn(|machine| machine.cpu_on(OTHER, start(1)));

    let results = [machine.cpu_on(OTHER, start(2)), join(caller)];

    let losers: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(
        matches!(losers[..], [Refusal::AlreadyOn | Refusal::OnPending]),
        "one wins, and the other one is told that the target is on or about to be: {results:?}"
    );
    assert_eq!(join(target), Left::On);
}

fn two_callers_and_policy(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, CPU]);
    let caller = machine.spawn(|machine| machine.cpu_on(OTHER, start(1)));
    let controller = machine.spawn(|machine| machine.table().disable(OTHER));

    let results = [machine.cpu_on(OTHER, start(2)), join(caller)];

    let losers: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    match join(controller) {
        Ok(()) => assert_eq!(losers, [Refusal::Disabled; 2], "nobody starts what was taken away"),
        Err(power) => {
            assert_eq!(losers, [Refusal::OnPending], "one wins: {results:?}");
            assert_eq!(power, CpuPower::Pending);
        }
    }
}

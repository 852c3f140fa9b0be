//! A claim that is dropped leaves no trace: its caller's registers could not be read.

use switchboard_firmware::psci::{CpuPower, Next, Refusal};

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[
    model(Invariant::DroppedClaim, "a claim is dropped while another CPU claims", racing),
    model(Invariant::DroppedClaim, "a claim is dropped while the target's thread looks", looked_at),
    model(Invariant::DroppedClaim, "a claim is dropped while the target is taken away", taken_away),
];

fn claim_and_drop(machine: &Machine) {
    drop(machine.table().claim(CPU).ok());
}

/// `CPU` is off, and can be started; the other two are on.
fn assert_no_trace(machine: &Machine) {
    assert_eq!(machine.table().state(CPU), CpuPower::Off);
    assert_eq!(machine.cpu_on(CPU, start(3)), Ok(()), "it can be started");
    assert_eq!(machine.table().next(CPU), Next::Start(start(3)));
    assert_counted(machine);
}

/// All three are on, and counted once.
fn assert_counted(machine: &Machine) {
    assert!(!machine.table().is_alone(), "three CPUs are on");
    machine.cpu_off(OTHER);
    assert!(!machine.table().is_alone(), "two CPUs are on");
    machine.cpu_off(CPU);
    assert!(machine.table().is_alone(), "one CPU is on");
}

fn racing(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, OTHER]);
    let caller = machine.spawn(|machine| machine.cpu_on(CPU, start(1)));

    claim_and_drop(&machine);

    match join(caller) {
        Ok(()) => {
            assert_eq!(machine.table().next(CPU), Next::Start(start(1)));
            assert_counted(&machine);
        }
        Err(refusal) => {
            assert_eq!(refusal, Refusal::OnPending);
            assert_no_trace(&machine);
        }
    }
}

fn looked_at(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, OTHER]);
    let target = machine.spawn_cpu(CPU, |_, taken| panic!("a start that nobody gave: {taken:?}"));

    claim_and_drop(&machine);
    claim_and_drop(&machine);

    assert!(machine.stop());
    assert_eq!(join(target), Left::Told);
    assert_eq!(machine.table().state(CPU), CpuPower::Off);
}

fn taken_away(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, OTHER]);
    let target = machine.spawn_cpu(CPU, |_, _| After::Stay);
    let controller = machine.spawn(|machine| {
        let result = machine.table().disable(CPU);
        machine.wake(CPU);
        result
    });

    claim_and_drop(&machine);

    match join(controller) {
        Ok(()) => {
            assert_eq!(join(target), Left::Told);
            assert_eq!(machine.table().state(CPU), CpuPower::Disabled);
            assert!(machine.table().enable(CPU));
            assert_no_trace(&machine);
        }
        Err(power) => {
            assert_eq!(power, CpuPower::Pending);
            machine.stop();
            assert_eq!(join(target), Left::Told);
        }
    }
}

//! A start that has been handed over has no hold on its CPU's later lives.

use std::sync::mpsc;
use switchboard_firmware::psci::{CpuPower, Refusal};

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] = &[model(
    Invariant::Generations,
    "a CPU is turned on, goes off, and is claimed by another one",
    claimed_again,
)
.bounded(4)];

/// `CPU_ON`, with a look at the claim before the start is handed over.
fn turn_on_slowly(machine: &Machine) -> bool {
    let Ok(claim) = machine.table().claim(CPU) else { return false };
    assert_eq!(machine.table().state(CPU), CpuPower::Pending, "the claim holds");
    assert_eq!(machine.table().claim(CPU).err(), Some(Refusal::OnPending), "the claim holds");
    claim.start(start(2));
    machine.wake(CPU);
    true
}

fn claimed_again(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT, OTHER]);
    let (sender, taken) = mpsc::channel();
    let target = machine.spawn_cpu(CPU, move |_, start| {
        sender.send(start).expect("the model is not over");
        After::Off
    });
    let other = machine.spawn(turn_on_slowly);

    let own = machine.cpu_on(CPU, start(1)).is_ok();

    let other = join(other);
    machine.stop();
    assert_eq!(join(target), Left::Told);
    let is_pending = machine.table().state(CPU) == CpuPower::Pending;
    let taken = taken.iter().count();
    assert_eq!(taken + usize::from(is_pending), usize::from(own) + usize::from(other), "no start is lost");
    assert!(!machine.table().is_alone(), "two CPUs are on");
    machine.cpu_off(OTHER);
    assert_eq!(machine.table().is_alone(), !is_pending, "the count is exact");
}

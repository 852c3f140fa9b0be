//! Three CPUs and a controller, with all that they can do.

use switchboard_firmware::psci::CpuPower;
use switchboard_smccc::psci::AffinityState;

use super::{Model, model};
use crate::machine::{After, BOOT, CPU, Left, Machine, OTHER, join, start};
use crate::{Invariant, Subject};

pub(super) const MODELS: &[Model] =
    &[model(Invariant::Alone, "three CPUs and a controller do all they can", everything)
        .bounded(2)
        .bounded_always(3)];

fn everything(subject: Subject) {
    let machine = Machine::new(subject, &[BOOT]);
    assert_eq!(machine.cpu_on(CPU, start(1)), Ok(()));
    let one = machine.spawn_cpu(CPU, |machine, _| {
        machine.assert_may_run(CPU);
        let _ = machine.cpu_on(OTHER, start(2));
        machine.assert_may_run(CPU);
        After::Off
    });
    let other = machine.spawn_cpu(OTHER, |machine, taken| {
        assert_eq!(taken, start(2));
        machine.assert_may_run(OTHER);
        After::Off
    });
    let controller = machine.spawn(|machine| {
        if machine.table().disable(OTHER).is_ok() {
            assert!(!machine.is_executing(OTHER), "it was taken away, and runs");
            machine.wake(OTHER);
            assert!(machine.table().enable(OTHER), "nobody else gives it");
        }
    });

    drop(machine.table().claim(OTHER).ok());
    let seen_off = [CPU, OTHER].map(|cpu| machine.affinity_info(cpu) == AffinityState::Off);
    assert!(machine.system_suspend(BOOT) || seen_off != [true; 2], "all others are off");
    machine.stop();

    join(controller);
    assert_eq!([join(one), join(other)], [Left::Told; 2]);
    machine.table().reset();
    assert_eq!([BOOT, CPU, OTHER].map(|cpu| machine.table().state(cpu)), [CpuPower::Off; 3]);
}

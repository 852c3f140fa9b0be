//! CPUs that go off.

use super::*;

fn off(machine: &Machine, cpu: usize) {
    machine.sdei.cpu_off(CpuIndex(cpu), &machine.host);
}

#[test]
fn a_cpu_that_was_off_is_masked_and_has_nothing_registered() {
    let machine = Machine::unmasked();
    machine.listen(1, 0);
    machine.signal(0, Some(1)).unwrap();
    off(&machine, 1);
    machine.takes_nothing(1);
    assert_eq!(machine.call(1, STATUS, [0]), 0);
    assert_eq!(machine.call(1, PE_MASK, []), 0);
}

#[test]
fn an_event_for_a_cpu_that_is_off_waits_until_it_is_on_and_unmasked() {
    let machine = Machine::unmasked();
    machine.listen_on(1, SHARED);
    off(&machine, 1);
    assert_eq!(machine.signal(SHARED, Some(0)), Ok(Signalled::Waits));
    assert_eq!(machine.call(0, STATUS, [SHARED]), EG);
    machine.call(1, PE_UNMASK, []);
    assert_eq!(machine.kicked(), [1]);
    assert_eq!(machine.takes(1), SHARED);
}

#[test]
fn event_0_of_a_cpu_that_is_off_is_lost() {
    let machine = Machine::unmasked();
    machine.listen(1, 0);
    off(&machine, 1);
    assert_eq!(machine.call(0, SIGNAL, [0, 1]), SUCCESS);
    assert_eq!(machine.signal(0, Some(1)), Err(NotSignalled::NotRegistered));
}

#[test]
fn a_shared_event_that_a_cpu_was_to_take_before_it_went_off_goes_to_another_one() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    assert_eq!(machine.signal(SHARED, Some(1)), kick(1));
    off(&machine, 1);
    assert_eq!(machine.kicked(), [0]);
    assert_eq!(machine.takes(0), SHARED);
}

#[test]
fn a_cpu_that_goes_off_in_a_handler_has_ended_it() {
    let machine = Machine::unmasked();
    machine.call(0, BIND, [CRITICAL_LINE]);
    machine.listen(0, BOUND + 1);
    machine.listen(1, 0);
    machine.signal(0, Some(1)).unwrap();
    machine.takes(1);
    machine.call(0, PE_MASK, []);
    machine.call(2, PE_MASK, []);
    assert_eq!(machine.set_level(CRITICAL_LINE, Level::High), Some(1));
    assert_eq!(machine.takes(1), BOUND + 1);
    machine.call(2, PE_UNMASK, []);
    machine.kicked();
    off(&machine, 1);
    assert_eq!(machine.kicked(), [2], "its line is still high");
    assert_eq!(machine.takes(2), BOUND + 1);
    assert_eq!(machine.call(1, COMPLETE, [0]), DENIED);
    assert_eq!(machine.call(1, STATUS, [0]), 0);
}

#[test]
fn a_cpu_that_goes_off_in_a_handler_whose_unregistration_is_pending_has_unregistered_it() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    machine.signal(SHARED, Some(1)).unwrap();
    machine.takes(1);
    assert_eq!(machine.call(0, UNREGISTER, [SHARED]), PENDING);
    off(&machine, 1);
    assert_eq!(machine.call(0, STATUS, [SHARED]), 0);
}

#[test]
fn a_cpu_that_goes_off_leaves_the_handlers_of_others_alone() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    machine.listen(0, 0);
    machine.signal(SHARED, Some(0)).unwrap();
    machine.takes(0);
    off(&machine, 1);
    assert_eq!(machine.call(1, STATUS, [SHARED]), REG);
    assert_eq!(machine.call(0, STATUS, [0]), EG);
    machine.complete(0);
}

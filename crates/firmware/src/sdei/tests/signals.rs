//! SDEI_EVENT_SIGNAL, and events that the machine raises.

use super::*;

#[test]
fn event_0_is_taken_by_the_cpu_that_it_is_signalled_to() {
    let machine = Machine::unmasked();
    (0..3).for_each(|cpu| machine.listen(cpu, 0));
    for (cpu, affinity) in AFFINITIES.into_iter().enumerate() {
        assert_eq!(machine.call(0, SIGNAL, [0, affinity]), SUCCESS);
        assert_eq!(machine.kicked(), [cpu]);
        assert_eq!(machine.takes(cpu), 0);
    }
}

#[test]
fn a_handler_can_signal_event_0_to_another_cpu_and_to_its_own() {
    let machine = Machine::unmasked();
    (0..2).for_each(|cpu| machine.listen(cpu, 0));
    machine.call(0, SIGNAL, [0, 0]);
    machine.takes(0);
    assert_eq!(machine.call(0, SIGNAL, [0, 1]), SUCCESS);
    assert_eq!(machine.call(0, SIGNAL, [0, 0]), SUCCESS);
    assert_eq!(machine.takes(1), 0);
    machine.complete(0);
    assert_eq!(machine.takes(0), 0);
}

#[test]
fn signalling_any_other_event_is_invalid_parameters() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    for event in [SHARED, PRIVATE, BOUND, 1, 0xffff_ffff] {
        assert_eq!(machine.call(0, SIGNAL, [event, 0]), INVALID_PARAMETERS);
    }
}

#[test]
fn signalling_a_cpu_that_there_is_not_is_invalid_parameters() {
    let machine = Machine::unmasked();
    machine.listen(0, 0);
    for affinity in [2, 0x100, 0x8000_0000, DIRTY, u64::MAX] {
        assert_eq!(machine.call(0, SIGNAL, [0, affinity]), INVALID_PARAMETERS);
    }
}

#[test]
fn signalling_a_cpu_without_a_handler_is_success_and_nothing_is_kept() {
    let machine = Machine::unmasked();
    assert_eq!(machine.call(0, SIGNAL, [0, 1]), SUCCESS);
    assert_eq!(machine.kicked(), []);
    machine.listen(1, 0);
    machine.takes_nothing(1);
}

#[test]
fn signals_that_come_before_the_handler_are_one() {
    let machine = Machine::unmasked();
    machine.listen(0, 0);
    for _ in 0..3 {
        assert_eq!(machine.call(1, SIGNAL, [0, 0]), SUCCESS);
    }
    assert_eq!(machine.takes(0), 0);
    machine.complete(0);
    machine.takes_nothing(0);
}

#[test]
fn the_machine_cannot_raise_what_is_not_there_or_an_interrupts_event() {
    let machine = Machine::unmasked();
    assert_eq!(machine.call(0, BIND, [LINE]), BOUND);
    machine.listen(0, BOUND);
    for event in [1, BOUND, BOUND + 1] {
        assert_eq!(machine.signal(event, None), Err(NotSignalled::NoSuchEvent));
    }
}

#[test]
fn the_machine_hears_that_nobody_has_registered_or_enabled() {
    let machine = Machine::unmasked();
    for (event, cpu) in [(SHARED, None), (PRIVATE, Some(1)), (PRIVATE, None), (0, Some(1))] {
        assert_eq!(machine.signal(event, cpu), Err(NotSignalled::NotRegistered));
    }
    for event in [0, PRIVATE, SHARED] {
        machine.call(1, REGISTER, [event, ENTRY, 0, RM_ANY, 0]);
    }
    for (event, cpu) in [(SHARED, None), (PRIVATE, Some(1)), (PRIVATE, None), (0, Some(1))] {
        assert_eq!(machine.signal(event, cpu), Err(NotSignalled::NotEnabled));
        machine.call(1, ENABLE, [event]);
        machine.takes_nothing(1);
        machine.call(1, DISABLE, [event]);
    }
    assert_eq!(machine.signal(PRIVATE, Some(0)), Err(NotSignalled::NotRegistered));
}

#[test]
fn the_machine_hears_that_there_is_no_such_cpu() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    machine.listen(0, PRIVATE);
    for event in [SHARED, PRIVATE] {
        for cpu in [3, usize::MAX] {
            assert_eq!(machine.signal(event, Some(cpu)), Err(NotSignalled::NoSuchCpu));
        }
    }
}

#[test]
fn a_private_event_without_a_cpu_goes_to_one_that_takes_it_at_once_else_to_one_that_listens() {
    let machine = Machine::unmasked();
    machine.call(0, REGISTER, [PRIVATE, ENTRY, 0, RM_ANY, 0]);
    machine.listen(1, PRIVATE);
    machine.listen(2, PRIVATE);
    assert_eq!(machine.signal(PRIVATE, None), kick(1));
    machine.takes(1);
    assert_eq!(machine.signal(PRIVATE, None), kick(2));
    machine.takes(2);
    assert_eq!(machine.signal(PRIVATE, None), Ok(Signalled::Waits));
    machine.complete(1);
    assert_eq!(machine.takes(1), PRIVATE);
}

#[test]
fn an_event_that_is_raised_again_before_it_is_taken_says_again_who_takes_it() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    assert_eq!(machine.signal(SHARED, Some(2)), kick(2));
    assert_eq!(machine.signal(SHARED, None), kick(2), "who is due anyway");
    machine.takes(2);
    machine.takes_nothing(0);
}

#[test]
fn why_an_event_is_not_raised_is_said_to_people() {
    use std::string::ToString;
    assert_eq!(NotSignalled::NoSuchCpu.to_string(), "the machine has no such CPU");
    assert_eq!(NotSignalled::NotEnabled.to_string(), "the guest has not enabled this event");
}

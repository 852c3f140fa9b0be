//! SDEI_INTERRUPT_BIND, SDEI_INTERRUPT_RELEASE, SDEI_FEATURES, and levels.

use super::*;

fn bound() -> Machine {
    let machine = Machine::unmasked();
    assert_eq!(machine.call(0, BIND, [LINE]), BOUND);
    machine.listen(0, BOUND);
    machine.rerouted();
    machine
}

#[test]
fn features_are_the_shared_bind_slots_and_no_relative_mode() {
    let machine = Machine::new();
    assert_eq!(machine.call(0, FEATURES, [DIRTY]), 0x2_0000);
    assert_eq!(machine.call(0, FEATURES, [1]), 0);
}

#[test]
fn any_other_feature_is_invalid_parameters() {
    let machine = Machine::new();
    for feature in [2, 3, 0x8000_0000, 0xffff_ffff] {
        assert_eq!(machine.call(0, FEATURES, [feature]), INVALID_PARAMETERS);
    }
}

#[test]
fn each_interrupt_has_its_event_which_is_there_once_it_is_bound() {
    let machine = Machine::new();
    assert_eq!(machine.call(0, STATUS, [BOUND + 1]), INVALID_PARAMETERS);
    assert_eq!(machine.destination(CRITICAL_LINE), Destination::InterruptController);
    assert_eq!(machine.call(0, BIND, [DIRTY | CRITICAL_LINE]), BOUND + 1);
    assert_eq!(machine.rerouted(), [41]);
    assert_eq!(machine.destination(CRITICAL_LINE), Destination::Event);
    assert_eq!(machine.destination(LINE), Destination::InterruptController);
    assert_eq!(machine.call(0, STATUS, [BOUND + 1]), 0);
    assert_eq!(machine.call(0, STATUS, [BOUND]), INVALID_PARAMETERS);
}

#[test]
fn binding_twice_is_the_same_event() {
    let machine = bound();
    machine.set_level(LINE, Level::High);
    assert_eq!(machine.call(1, BIND, [LINE]), BOUND);
}

#[test]
fn binding_any_other_interrupt_is_invalid_parameters_private_ones_too() {
    let machine = Machine::new();
    for interrupt in [0, 15, 16, 27, 31, 32, 42, 1019, 1020, 8192, 0xffff_ffff] {
        assert_eq!(machine.call(0, BIND, [interrupt]), INVALID_PARAMETERS);
    }
    assert_eq!(machine.rerouted(), []);
}

#[test]
fn binding_an_interrupt_whose_line_is_high_is_denied() {
    let machine = Machine::new();
    machine.set_level(LINE, Level::High);
    assert_eq!(machine.call(0, BIND, [LINE]), DENIED);
    assert_eq!(machine.destination(LINE), Destination::InterruptController);
    machine.set_level(LINE, Level::Low);
    assert_eq!(machine.call(0, BIND, [LINE]), BOUND);
}

#[test]
fn an_interrupt_that_is_released_is_the_controllers_again_and_its_event_is_gone() {
    let machine = bound();
    machine.call(0, UNREGISTER, [BOUND]);
    assert_eq!(machine.call(1, RELEASE, [DIRTY | BOUND]), SUCCESS);
    assert_eq!(machine.rerouted(), [40]);
    assert_eq!(machine.destination(LINE), Destination::InterruptController);
    assert_eq!(machine.call(0, STATUS, [BOUND]), INVALID_PARAMETERS);
    assert_eq!(machine.call(0, RELEASE, [BOUND]), INVALID_PARAMETERS);
}

#[test]
fn releasing_an_event_of_no_interrupt_is_invalid_parameters() {
    let machine = Machine::new();
    for event in [0, SHARED, 1, BOUND] {
        assert_eq!(machine.call(0, RELEASE, [event]), INVALID_PARAMETERS);
    }
}

#[test]
fn releasing_an_event_that_is_registered_or_runs_is_denied() {
    let machine = bound();
    assert_eq!(machine.call(0, RELEASE, [BOUND]), DENIED);
    machine.set_level(LINE, Level::High);
    machine.takes(0);
    machine.call(0, UNREGISTER, [BOUND]);
    assert_eq!(machine.call(0, RELEASE, [BOUND]), DENIED);
    machine.set_level(LINE, Level::Low);
    machine.complete(0);
    assert_eq!(machine.call(0, RELEASE, [BOUND]), SUCCESS);
}

#[test]
fn a_high_line_is_taken_once_a_handler_at_a_time_and_again_while_it_is_high() {
    let machine = bound();
    assert_eq!(machine.set_level(LINE, Level::High), Some(0));
    assert_eq!(machine.takes(0), BOUND);
    (0..3).for_each(|cpu| machine.takes_nothing(cpu));
    machine.complete(0);
    assert_eq!(machine.kicked(), [0]);
    assert_eq!(machine.takes(0), BOUND);
    assert_eq!(machine.set_level(LINE, Level::Low), None);
    machine.complete(0);
    assert_eq!(machine.kicked(), []);
    machine.takes_nothing(0);
}

#[test]
fn a_line_that_falls_before_it_is_taken_is_no_event() {
    let machine = bound();
    assert_eq!(machine.set_level(LINE, Level::High), Some(0));
    assert_eq!(machine.set_level(LINE, Level::Low), None);
    machine.takes_nothing(0);
}

#[test]
fn a_line_that_is_high_before_its_event_is_enabled_is_taken_then() {
    let machine = Machine::unmasked();
    machine.call(0, BIND, [LINE]);
    assert_eq!(machine.set_level(LINE, Level::High), None);
    machine.listen_on(2, BOUND);
    assert_eq!(machine.kicked(), [2]);
    assert_eq!(machine.takes(2), BOUND);
}

#[test]
fn a_handler_that_masks_its_cpu_leaves_a_line_that_is_still_high_to_another_one() {
    let machine = bound();
    machine.set_level(LINE, Level::High);
    machine.takes(0);
    machine.call(0, PE_MASK, []);
    machine.complete(0);
    assert_eq!(machine.kicked(), [1]);
    assert_eq!(machine.takes(1), BOUND);
}

#[test]
fn the_event_of_an_interrupt_has_the_priority_that_the_machine_gives_it() {
    let machine = bound();
    machine.call(0, BIND, [CRITICAL_LINE]);
    machine.listen_on(0, BOUND + 1);
    machine.set_level(LINE, Level::High);
    machine.takes(0);
    assert_eq!(machine.set_level(CRITICAL_LINE, Level::High), Some(0));
    assert_eq!(machine.takes(0), BOUND + 1);
}

#[test]
fn an_interrupt_that_is_not_bindable_has_no_event_and_no_level() {
    let machine = Machine::unmasked();
    assert_eq!(machine.set_level(99, Level::High), None);
    assert_eq!(machine.destination(99), Destination::InterruptController);
}

//! SDEI_EVENT_UNREGISTER.

use super::*;

fn running() -> Machine {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    machine.signal(SHARED, Some(1)).unwrap();
    machine.takes(1);
    machine.kicked();
    machine
}

#[test]
fn an_event_is_unregistered_enabled_or_not() {
    let machine = Machine::new();
    machine.listen(0, SHARED);
    assert_eq!(machine.call(1, UNREGISTER, [SHARED]), SUCCESS);
    assert_eq!(machine.call(1, STATUS, [SHARED]), 0);
    assert_eq!(machine.call(0, REGISTER, [SHARED, ENTRY, 0, RM_ANY, 0]), SUCCESS);
    assert_eq!(machine.call(0, UNREGISTER, [SHARED]), SUCCESS);
}

#[test]
fn unregistering_what_is_not_registered_is_denied() {
    let machine = Machine::new();
    assert_eq!(machine.call(0, UNREGISTER, [0]), DENIED);
    machine.listen(1, PRIVATE);
    assert_eq!(machine.call(0, UNREGISTER, [PRIVATE]), DENIED);
}

#[test]
fn unregistering_an_event_that_there_is_not_is_invalid_parameters() {
    let machine = Machine::new();
    assert_eq!(machine.call(0, UNREGISTER, [1]), INVALID_PARAMETERS);
    assert_eq!(machine.call(0, UNREGISTER, [BOUND]), INVALID_PARAMETERS);
}

#[test]
fn unregistering_a_handler_that_runs_is_pending_until_it_completes() {
    let machine = running();
    assert_eq!(machine.call(0, UNREGISTER, [SHARED]), PENDING);
    assert_eq!(machine.call(0, STATUS, [SHARED]), R);
    assert_eq!(machine.call(1, UNREGISTER, [SHARED]), PENDING, "however often");
    machine.complete(1);
    assert_eq!(machine.call(0, STATUS, [SHARED]), 0);
    assert_eq!(machine.call(0, UNREGISTER, [SHARED]), DENIED);
    machine.listen(0, SHARED);
}

#[test]
fn while_unregistration_is_pending_it_cannot_be_registered_enabled_disabled_or_routed() {
    let machine = running();
    machine.call(0, UNREGISTER, [SHARED]);
    assert_eq!(machine.call(0, REGISTER, [SHARED, ENTRY, 0, RM_ANY, 0]), DENIED);
    assert_eq!(machine.call(0, ENABLE, [SHARED]), DENIED);
    assert_eq!(machine.call(0, DISABLE, [SHARED]), DENIED);
    assert_eq!(machine.call(0, ROUTING_SET, [SHARED, RM_ANY, 0]), DENIED);
    assert_eq!(machine.call(0, GET_INFO, [SHARED, 3]), DENIED);
    assert_eq!(machine.call(1, CONTEXT, [0]), 1 << 32 | 0x77, "its handler goes on");
}

#[test]
fn what_was_pending_is_forgotten_with_the_registration() {
    let machine = Machine::new();
    machine.listen(0, 0);
    machine.call(1, SIGNAL, [0, 0]);
    assert_eq!(machine.call(0, UNREGISTER, [0]), SUCCESS);
    machine.listen(0, 0);
    assert_eq!(machine.call(0, PE_UNMASK, []), SUCCESS);
    machine.takes_nothing(0);
}

#[test]
fn a_kick_for_an_event_that_is_gone_touches_no_register() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    machine.signal(SHARED, Some(2)).unwrap();
    assert_eq!(machine.call(0, UNREGISTER, [SHARED]), SUCCESS);
    machine.takes_nothing(2);
}

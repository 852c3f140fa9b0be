//! SDEI_EVENT_ROUTING_SET, and who takes a shared event.

use super::*;

#[test]
fn an_event_for_one_cpu_is_taken_by_that_one_whoever_is_asked_for() {
    let machine = Machine::unmasked();
    machine.listen_on(2, SHARED);
    assert_eq!(machine.signal(SHARED, Some(0)), kick(2));
    machine.takes_nothing(0);
    machine.takes_nothing(1);
    assert_eq!(machine.takes(2), SHARED);
    assert_eq!(machine.call(0, STATUS, [SHARED]), REG, "for all CPUs");
    machine.complete(2);
}

#[test]
fn an_event_for_any_cpu_is_taken_by_the_one_that_is_asked_for_else_by_the_first() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    assert_eq!(machine.signal(SHARED, Some(1)), kick(1));
    assert_eq!(machine.takes(1), SHARED);
    machine.complete(1);
    assert_eq!(machine.signal(SHARED, None), kick(0));
    assert_eq!(machine.takes(0), SHARED);
}

#[test]
fn an_event_for_any_cpu_goes_around_those_that_are_masked_or_busy() {
    let machine = Machine::unmasked();
    machine.listen(1, 0);
    machine.listen(0, SHARED);
    machine.call(0, PE_MASK, []);
    machine.signal(0, Some(1)).unwrap();
    machine.takes(1);
    assert_eq!(machine.signal(SHARED, Some(1)), kick(2));
    assert_eq!(machine.takes(2), SHARED);
}

#[test]
fn an_event_that_no_cpu_can_take_is_taken_by_the_first_that_can() {
    let machine = Machine::new();
    machine.listen(0, SHARED);
    assert_eq!(machine.signal(SHARED, Some(0)), Ok(Signalled::Waits));
    machine.call(2, PE_UNMASK, []);
    assert_eq!(machine.kicked(), [2]);
    machine.call(1, PE_UNMASK, []);
    assert_eq!(machine.kicked(), [], "one is enough");
    assert_eq!(machine.takes(1), SHARED, "whoever comes first");
    machine.takes_nothing(2);
}

#[test]
fn a_cpu_that_was_to_take_an_event_and_masks_itself_leaves_it_to_another_one() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    assert_eq!(machine.signal(SHARED, None), kick(0));
    assert_eq!(machine.call(0, PE_MASK, []), 1);
    assert_eq!(machine.kicked(), [1]);
    assert_eq!(machine.takes(1), SHARED);
}

#[test]
fn a_cpu_that_takes_another_event_first_leaves_the_second_to_another_cpu() {
    let machine = Machine::unmasked();
    machine.listen(0, 0);
    machine.listen(0, SHARED);
    machine.signal(SHARED, Some(0)).unwrap();
    machine.signal(0, Some(0)).unwrap();
    assert_eq!(machine.kicked(), []);
    assert_eq!(machine.takes(0), 0);
    assert_eq!(machine.kicked(), [1]);
    assert_eq!(machine.takes(1), SHARED);
}

#[test]
fn routing_can_be_set_while_the_handler_is_registered_and_disabled() {
    let machine = Machine::unmasked();
    machine.listen_on(0, SHARED);
    machine.call(0, DISABLE, [SHARED]);
    assert_eq!(machine.call(1, ROUTING_SET, [SHARED, RM_PE, AFFINITIES[2]]), SUCCESS);
    machine.call(0, ENABLE, [SHARED]);
    assert_eq!(machine.signal(SHARED, None), kick(2));
    machine.takes(2);
    machine.complete(2);
    machine.call(0, DISABLE, [SHARED]);
    assert_eq!(machine.call(1, ROUTING_SET, [SHARED, RM_ANY, u64::MAX]), SUCCESS, "no affinity is needed");
    machine.call(0, ENABLE, [SHARED]);
    assert_eq!(machine.signal(SHARED, Some(1)), kick(1));
}

#[test]
fn an_event_that_waits_goes_where_its_routing_is_set_to() {
    let machine = Machine::unmasked();
    machine.call(0, PE_MASK, []);
    machine.listen_on(0, SHARED);
    assert_eq!(machine.signal(SHARED, None), Ok(Signalled::Waits));
    machine.call(0, DISABLE, [SHARED]);
    assert_eq!(machine.call(0, ROUTING_SET, [SHARED, RM_PE, AFFINITIES[1]]), SUCCESS);
    assert_eq!(machine.kicked(), []);
    machine.call(0, ENABLE, [SHARED]);
    assert_eq!(machine.kicked(), [1]);
    assert_eq!(machine.takes(1), SHARED);
}

#[test]
fn routing_of_what_is_enabled_running_or_not_registered_is_denied() {
    let machine = Machine::unmasked();
    let route = || machine.call(1, ROUTING_SET, [SHARED, RM_PE, 0]);
    assert_eq!(route(), DENIED);
    machine.listen(0, SHARED);
    assert_eq!(route(), DENIED);
    machine.signal(SHARED, Some(1)).unwrap();
    machine.takes(1);
    assert_eq!(route(), DENIED);
    machine.call(0, DISABLE, [SHARED]);
    assert_eq!(route(), DENIED);
    machine.complete(1);
    assert_eq!(route(), SUCCESS);
}

#[test]
fn routing_of_a_private_or_unknown_event_or_elsewhere_or_with_unknown_bits_is_invalid_parameters() {
    let machine = Machine::new();
    for event in [0, PRIVATE] {
        machine.listen(0, event);
        machine.call(0, DISABLE, [event]);
        assert_eq!(machine.call(0, ROUTING_SET, [event, RM_ANY, 0]), INVALID_PARAMETERS);
    }
    assert_eq!(machine.call(0, ROUTING_SET, [1, RM_ANY, 0]), INVALID_PARAMETERS);
    machine.call(0, REGISTER, [SHARED, ENTRY, 0, RM_ANY, 0]);
    for [mode, affinity] in [[RM_PE, 2], [RM_PE, 1 << 31], [2, 0], [3, 0], [DIRTY, 0], [DIRTY | 1, 0]] {
        assert_eq!(machine.call(0, ROUTING_SET, [SHARED, mode, affinity]), INVALID_PARAMETERS);
    }
}

//! SDEI_EVENT_REGISTER, SDEI_EVENT_ENABLE, SDEI_EVENT_DISABLE, SDEI_EVENT_STATUS.

use super::*;

#[test]
fn a_handler_is_registered_then_enabled_then_disabled_as_status_says() {
    let machine = Machine::new();
    assert_eq!(machine.call(0, STATUS, [0]), 0);
    assert_eq!(machine.call(0, REGISTER, [0, ENTRY, ARGUMENT, RM_ANY, 0]), SUCCESS);
    assert_eq!(machine.call(0, STATUS, [0]), G);
    assert_eq!(machine.call(0, ENABLE, [0]), SUCCESS);
    assert_eq!(machine.call(0, STATUS, [0]), EG);
    assert_eq!(machine.call(0, DISABLE, [0]), SUCCESS);
    assert_eq!(machine.call(0, STATUS, [0]), G);
}

#[test]
fn enabling_and_disabling_twice_is_success() {
    let machine = Machine::new();
    machine.listen(0, SHARED);
    assert_eq!(machine.call(0, ENABLE, [SHARED]), SUCCESS);
    assert_eq!(machine.call(0, DISABLE, [SHARED]), SUCCESS);
    assert_eq!(machine.call(0, DISABLE, [SHARED]), SUCCESS);
}

#[test]
fn a_private_event_is_registered_for_the_caller_alone() {
    let machine = Machine::new();
    machine.listen(1, PRIVATE);
    assert_eq!(machine.call(1, STATUS, [PRIVATE]), EG);
    assert_eq!(machine.call(0, STATUS, [PRIVATE]), 0);
    assert_eq!(machine.call(0, ENABLE, [PRIVATE]), DENIED);
    machine.listen(0, PRIVATE);
}

#[test]
fn a_shared_event_is_registered_for_all() {
    let machine = Machine::new();
    machine.listen(1, SHARED);
    assert_eq!(machine.call(0, STATUS, [SHARED]), EG);
    assert_eq!(machine.call(0, REGISTER, [SHARED, ENTRY, 0, RM_ANY, 0]), DENIED);
}

#[test]
fn registering_an_event_that_there_is_not_is_invalid_parameters() {
    let machine = Machine::new();
    for event in [1, 0x4000_0005, BOUND, 0x8000_0000, 0xffff_ffff] {
        assert_eq!(machine.call(0, REGISTER, [event, ENTRY, 0, RM_ANY, 0]), INVALID_PARAMETERS, "{event:#x}");
    }
}

#[test]
fn registering_an_entry_point_that_is_not_aligned_is_invalid_parameters() {
    let machine = Machine::new();
    for entry in [1, 2, ENTRY + 3] {
        assert_eq!(machine.call(0, REGISTER, [0, entry, 0, RM_ANY, 0]), INVALID_PARAMETERS);
    }
    assert_eq!(machine.call(0, REGISTER, [0, 0xffff_ffff_ffff_fffc, 0, RM_ANY, 0]), SUCCESS);
}

#[test]
fn registering_a_relative_entry_point_or_with_unknown_flags_is_invalid_parameters() {
    let machine = Machine::new();
    for flags in [2, 3, 4, 1 << 63, DIRTY] {
        for event in [0, SHARED] {
            let registered = machine.call(0, REGISTER, [event, ENTRY, 0, flags, 0]);
            assert_eq!(registered, INVALID_PARAMETERS, "{flags:#x}");
        }
    }
}

#[test]
fn registering_a_shared_event_for_a_cpu_that_there_is_not_is_invalid_parameters() {
    let machine = Machine::new();
    for affinity in [2, 0x100, 0x8000_0001, 1 << 40, u64::MAX] {
        let registered = machine.call(0, REGISTER, [SHARED, ENTRY, 0, RM_PE, affinity]);
        assert_eq!(registered, INVALID_PARAMETERS, "{affinity:#x}");
    }
    for affinity in AFFINITIES {
        assert_eq!(machine.call(0, REGISTER, [SHARED, ENTRY, 0, RM_PE, affinity]), SUCCESS);
        assert_eq!(machine.call(0, UNREGISTER, [SHARED]), SUCCESS);
    }
}

#[test]
fn routing_and_affinity_of_a_private_event_are_ignored() {
    let machine = Machine::new();
    assert_eq!(machine.call(0, REGISTER, [PRIVATE, ENTRY, 0, RM_PE, u64::MAX]), SUCCESS);
}

#[test]
fn registering_twice_is_denied_and_keeps_the_first_handler() {
    let machine = Machine::unmasked();
    machine.listen(0, 0);
    assert_eq!(machine.call(0, REGISTER, [0, 0x1000, 0, RM_ANY, 0]), DENIED);
    machine.call(0, SIGNAL, [0, 0]);
    assert_eq!(machine.enter(0).pc, ENTRY);
}

#[test]
fn what_is_invalid_comes_before_what_is_denied() {
    let machine = Machine::new();
    machine.listen(0, SHARED);
    assert_eq!(machine.call(0, REGISTER, [SHARED, ENTRY + 1, 0, RM_ANY, 0]), INVALID_PARAMETERS);
    assert_eq!(machine.call(0, REGISTER, [SHARED, ENTRY, 0, RM_PE, u64::MAX]), INVALID_PARAMETERS);
}

#[test]
fn a_handler_that_runs_cannot_be_registered_again() {
    let machine = Machine::unmasked();
    machine.listen(0, 0);
    machine.call(0, SIGNAL, [0, 0]);
    machine.takes(0);
    assert_eq!(machine.call(0, REGISTER, [0, ENTRY, 0, RM_ANY, 0]), DENIED);
}

#[test]
fn enable_and_disable_of_what_is_not_registered_are_denied() {
    let machine = Machine::new();
    for call in [ENABLE, DISABLE] {
        assert_eq!(machine.call(0, call, [0]), DENIED);
        assert_eq!(machine.call(0, call, [SHARED]), DENIED);
    }
}

#[test]
fn enable_disable_and_status_of_an_event_that_there_is_not_are_invalid_parameters() {
    let machine = Machine::new();
    for call in [ENABLE, DISABLE, STATUS] {
        assert_eq!(machine.call(0, call, [1]), INVALID_PARAMETERS);
        assert_eq!(machine.call(0, call, [BOUND]), INVALID_PARAMETERS);
    }
}

#[test]
fn an_event_number_is_a_w_register() {
    let machine = Machine::new();
    assert_eq!(machine.call(0, REGISTER, [DIRTY | SHARED, ENTRY, 0, RM_ANY, 0]), SUCCESS);
    assert_eq!(machine.call(0, ENABLE, [DIRTY | SHARED]), SUCCESS);
    assert_eq!(machine.call(0, STATUS, [DIRTY | SHARED]), EG);
    assert_eq!(machine.call(0, DISABLE, [DIRTY | SHARED]), SUCCESS);
    assert_eq!(machine.call(0, UNREGISTER, [DIRTY | SHARED]), SUCCESS);
}

#[test]
fn an_event_that_comes_while_it_is_disabled_is_taken_once_it_is_enabled() {
    let machine = Machine::unmasked();
    assert_eq!(machine.call(0, REGISTER, [0, ENTRY, ARGUMENT, RM_ANY, 0]), SUCCESS);
    assert_eq!(machine.call(1, SIGNAL, [0, 0]), SUCCESS);
    assert_eq!(machine.kicked(), []);
    machine.takes_nothing(0);
    assert_eq!(machine.call(0, ENABLE, [0]), SUCCESS);
    assert_eq!(machine.kicked(), [0]);
    assert_eq!(machine.takes(0), 0);
}

#[test]
fn an_event_that_is_disabled_before_it_is_taken_waits() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    assert_eq!(machine.signal(SHARED, Some(1)), kick(1));
    assert_eq!(machine.call(0, DISABLE, [SHARED]), SUCCESS);
    machine.takes_nothing(1);
    machine.kicked();
    assert_eq!(machine.call(2, ENABLE, [SHARED]), SUCCESS);
    assert_eq!(machine.kicked(), [0]);
    assert_eq!(machine.takes(0), SHARED);
}

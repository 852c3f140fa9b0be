//! SDEI_EVENT_GET_INFO, and what an operator asks.

use super::*;

#[test]
fn get_info_is_kind_signal_and_priority_of_each_event() {
    let machine = Machine::new();
    machine.call(0, BIND, [LINE]);
    for (event, expected) in [
        (0, [0, 0, 0]),
        (PRIVATE, [0, 1, 0]),
        (PRIVATE_CRITICAL, [0, 1, 1]),
        (SHARED, [1, 1, 0]),
        (SHARED_CRITICAL, [1, 1, 1]),
        (BOUND, [1, 1, 0]),
    ] {
        let info = [0, 1, 2].map(|info| machine.call(1, GET_INFO, [event, DIRTY | info]));
        assert_eq!(info, expected, "{event:#x}");
    }
}

#[test]
fn get_info_is_the_routing_of_a_shared_event() {
    let machine = Machine::new();
    machine.listen(0, SHARED);
    machine.listen_on(2, SHARED_CRITICAL);
    assert_eq!(machine.call(0, GET_INFO, [SHARED, 3]), RM_ANY);
    assert_eq!(machine.call(0, GET_INFO, [SHARED_CRITICAL, 3]), RM_PE);
    assert_eq!(machine.call(0, GET_INFO, [SHARED_CRITICAL, 4]), 0x1_0000_0100);
}

#[test]
fn get_info_of_the_affinity_of_an_event_for_any_cpu_is_invalid_parameters() {
    let machine = Machine::new();
    machine.listen(0, SHARED);
    assert_eq!(machine.call(0, GET_INFO, [SHARED, 4]), INVALID_PARAMETERS);
}

#[test]
fn get_info_of_the_routing_of_what_is_not_registered_is_denied() {
    let machine = Machine::new();
    assert_eq!(machine.call(0, GET_INFO, [SHARED, 3]), DENIED);
    assert_eq!(machine.call(0, GET_INFO, [SHARED, 4]), DENIED);
}

#[test]
fn get_info_of_the_routing_of_a_private_event_is_invalid_parameters() {
    let machine = Machine::new();
    machine.listen(0, PRIVATE);
    assert_eq!(machine.call(0, GET_INFO, [PRIVATE, 3]), INVALID_PARAMETERS);
    assert_eq!(machine.call(0, GET_INFO, [PRIVATE, 4]), INVALID_PARAMETERS);
}

#[test]
fn get_info_of_anything_else_is_invalid_parameters() {
    let machine = Machine::new();
    for [event, info] in [[0, 5], [0, 0xffff_ffff], [SHARED, 5], [1, 0], [BOUND, 0]] {
        assert_eq!(machine.call(0, GET_INFO, [event, info]), INVALID_PARAMETERS);
    }
}

#[test]
fn an_operator_sees_what_is_registered_where_it_runs_and_who_is_masked() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    machine.signal(SHARED, Some(2)).unwrap();
    machine.takes(2);
    machine.signal(SHARED, Some(2)).unwrap();
    machine.call(1, PE_MASK, []);
    let handler = machine.sdei.handler(number(SHARED), CpuIndex(0)).unwrap();
    assert_eq!(handler.running, Some(CpuIndex(2)));
    assert_eq!(handler.pending, Pending::Yes);
    assert_eq!(handler.registration.unwrap().enablement, Enablement::Enabled);
    assert_eq!(machine.sdei.handler(number(0), CpuIndex(1)), Some(Handler::default()));
    assert_eq!(machine.sdei.handler(number(0), CpuIndex(3)), None);
    assert_eq!(machine.sdei.handler(number(BOUND), CpuIndex(0)), None);
    assert_eq!(machine.sdei.mask(CpuIndex(1)), Some(Mask::Masked));
    assert_eq!(machine.sdei.mask(CpuIndex(2)), Some(Mask::Unmasked));
    assert_eq!(machine.sdei.mask(CpuIndex(3)), None);
}

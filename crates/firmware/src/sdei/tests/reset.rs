//! SDEI_PRIVATE_RESET and SDEI_SHARED_RESET.

use super::*;

#[test]
fn private_reset_unregisters_what_is_private_to_the_caller_and_nothing_else() {
    let machine = Machine::unmasked();
    machine.listen(0, 0);
    machine.listen(0, PRIVATE_CRITICAL);
    machine.listen(1, 0);
    machine.listen(0, SHARED);
    assert_eq!(machine.call(0, PRIVATE_RESET, []), SUCCESS);
    assert_eq!(machine.call(0, STATUS, [0]), 0);
    assert_eq!(machine.call(0, STATUS, [PRIVATE_CRITICAL]), 0);
    assert_eq!(machine.call(1, STATUS, [0]), EG);
    assert_eq!(machine.call(0, STATUS, [SHARED]), EG);
    assert_eq!(machine.call(0, PE_MASK, []), 1, "it is not masked");
    assert_eq!(machine.call(0, PRIVATE_RESET, []), SUCCESS);
}

#[test]
fn private_reset_while_a_private_handler_runs_there_is_denied_and_changes_nothing() {
    let machine = Machine::unmasked();
    machine.listen(0, 0);
    machine.listen(0, PRIVATE);
    machine.signal(0, Some(0)).unwrap();
    machine.takes(0);
    assert_eq!(machine.call(0, PRIVATE_RESET, []), DENIED);
    assert_eq!(machine.call(0, STATUS, [PRIVATE]), EG);
    machine.call(0, UNREGISTER, [0]);
    assert_eq!(machine.call(0, PRIVATE_RESET, []), DENIED, "while unregistration is pending, too");
    machine.complete(0);
    assert_eq!(machine.call(0, PRIVATE_RESET, []), SUCCESS);
}

#[test]
fn private_reset_does_not_mind_other_cpus_or_shared_handlers() {
    let machine = Machine::unmasked();
    machine.listen(1, 0);
    machine.listen_on(0, SHARED);
    machine.signal(0, Some(1)).unwrap();
    machine.signal(SHARED, None).unwrap();
    machine.takes(1);
    machine.takes(0);
    assert_eq!(machine.call(0, PRIVATE_RESET, []), SUCCESS);
}

#[test]
fn shared_reset_unregisters_what_is_shared_and_releases_every_interrupt() {
    let machine = Machine::new();
    machine.call(0, BIND, [LINE]);
    machine.listen(0, BOUND);
    machine.listen(0, SHARED);
    machine.listen(0, 0);
    machine.rerouted();
    assert_eq!(machine.call(1, SHARED_RESET, []), SUCCESS);
    assert_eq!(machine.rerouted(), [40, 41]);
    assert_eq!(machine.destination(LINE), Destination::InterruptController);
    assert_eq!(machine.call(0, STATUS, [BOUND]), INVALID_PARAMETERS);
    assert_eq!(machine.call(0, STATUS, [SHARED]), 0);
    assert_eq!(machine.call(0, STATUS, [0]), EG);
}

#[test]
fn shared_reset_while_a_shared_handler_runs_anywhere_is_denied_and_changes_nothing() {
    let machine = Machine::unmasked();
    machine.call(0, BIND, [LINE]);
    machine.listen(0, SHARED);
    machine.listen(0, SHARED_CRITICAL);
    machine.signal(SHARED, Some(2)).unwrap();
    machine.takes(2);
    assert_eq!(machine.call(0, SHARED_RESET, []), DENIED);
    assert_eq!(machine.call(0, STATUS, [SHARED_CRITICAL]), EG);
    assert_eq!(machine.destination(LINE), Destination::Event);
    machine.complete(2);
    assert_eq!(machine.call(0, SHARED_RESET, []), SUCCESS);
}

#[test]
fn what_was_pending_is_gone_after_a_reset() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED);
    machine.listen(0, 0);
    machine.signal(SHARED, None).unwrap();
    machine.signal(0, Some(0)).unwrap();
    machine.call(0, SHARED_RESET, []);
    machine.call(0, PRIVATE_RESET, []);
    machine.listen(0, SHARED);
    machine.listen(0, 0);
    machine.takes_nothing(0);
}

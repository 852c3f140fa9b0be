//! Critical events above normal ones, and nothing else above anything.

use super::*;

fn listening() -> Machine {
    let machine = Machine::unmasked();
    for event in [0, PRIVATE, PRIVATE_CRITICAL] {
        machine.listen(0, event);
    }
    machine.listen_on(0, SHARED);
    machine.listen_on(0, SHARED_CRITICAL);
    machine
}

#[test]
fn a_critical_event_interrupts_the_handler_of_a_normal_one() {
    let machine = listening();
    machine.signal(PRIVATE, Some(0)).unwrap();
    assert_eq!(machine.takes(0), PRIVATE);
    machine.kicked();
    assert_eq!(machine.signal(PRIVATE_CRITICAL, Some(0)), kick(0));
    let handler = *machine.cpus[0].borrow();
    assert_eq!(machine.takes(0), PRIVATE_CRITICAL);
    assert_eq!(machine.cpus[0].borrow().x[2..4], [handler.pc, handler.pstate]);
    assert_eq!(machine.call(0, STATUS, [PRIVATE]), REG);
    assert_eq!(machine.call(0, STATUS, [PRIVATE_CRITICAL]), REG);
    assert_eq!(machine.call(0, CONTEXT, [0]), PRIVATE, "x0 of the handler that it interrupted");
    let resumed = machine.complete(0);
    assert_eq!((resumed.x, resumed.pc, resumed.pstate), (handler.x, handler.pc, handler.pstate));
    assert_eq!(machine.call(0, STATUS, [PRIVATE_CRITICAL]), EG);
    assert_eq!(machine.call(0, CONTEXT, [0]), 0x77);
    assert_eq!(machine.complete(0).pc, 0x40_0000);
    assert_eq!(machine.call(0, COMPLETE, [0]), DENIED);
}

#[test]
fn a_normal_event_does_not_interrupt_a_normal_one() {
    let machine = listening();
    machine.signal(PRIVATE, Some(0)).unwrap();
    machine.takes(0);
    assert_eq!(machine.signal(0, Some(0)), Ok(Signalled::Waits));
    assert_eq!(machine.signal(SHARED, Some(0)), Ok(Signalled::Waits));
    machine.takes_nothing(0);
    machine.complete(0);
    assert_eq!(machine.takes(0), 0);
    machine.complete(0);
    assert_eq!(machine.takes(0), SHARED);
}

#[test]
fn neither_does_anything_interrupt_a_critical_one() {
    let machine = listening();
    machine.signal(PRIVATE_CRITICAL, Some(0)).unwrap();
    machine.takes(0);
    assert_eq!(machine.signal(SHARED_CRITICAL, Some(0)), Ok(Signalled::Waits));
    assert_eq!(machine.signal(PRIVATE, Some(0)), Ok(Signalled::Waits));
    machine.takes_nothing(0);
    machine.complete(0);
    assert_eq!(machine.takes(0), SHARED_CRITICAL);
    machine.complete(0);
    assert_eq!(machine.takes(0), PRIVATE);
}

#[test]
fn of_two_events_the_critical_one_is_taken_first() {
    let machine = listening();
    machine.signal(0, Some(0)).unwrap();
    machine.signal(SHARED_CRITICAL, Some(0)).unwrap();
    machine.kicked();
    assert_eq!(machine.takes(0), SHARED_CRITICAL);
    machine.complete(0);
    assert_eq!(machine.kicked(), [0]);
    assert_eq!(machine.takes(0), 0);
}

#[test]
fn a_masked_handler_is_not_interrupted() {
    let machine = listening();
    machine.signal(0, Some(0)).unwrap();
    machine.takes(0);
    machine.call(0, PE_MASK, []);
    assert_eq!(machine.signal(PRIVATE_CRITICAL, Some(0)), Ok(Signalled::Waits));
    machine.takes_nothing(0);
    machine.kicked();
    machine.call(0, PE_UNMASK, []);
    assert_eq!(machine.kicked(), [0]);
    assert_eq!(machine.takes(0), PRIVATE_CRITICAL);
}

#[test]
fn handlers_of_different_cpus_do_not_concern_each_other() {
    let machine = Machine::unmasked();
    machine.listen(0, 0);
    machine.listen(1, 0);
    machine.signal(0, Some(0)).unwrap();
    machine.takes(0);
    assert_eq!(machine.signal(0, Some(1)), kick(1));
    machine.takes(1);
    assert_eq!(machine.complete(0).pc, 0x40_0000);
    assert_eq!(machine.complete(1).pc, 0x40_1000);
}

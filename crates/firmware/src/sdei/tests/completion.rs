//! SDEI_EVENT_CONTEXT, SDEI_EVENT_COMPLETE, SDEI_EVENT_COMPLETE_AND_RESUME.

use super::*;

fn in_handler() -> (Machine, Bank) {
    let machine = Machine::unmasked();
    machine.listen(1, 0);
    machine.call(0, SIGNAL, [0, 1]);
    let interrupted = *machine.cpus[1].borrow();
    machine.takes(1);
    machine.kicked();
    (machine, interrupted)
}

#[test]
fn context_is_each_of_x0_to_x17_as_it_was() {
    let (machine, interrupted) = in_handler();
    for (register, value) in (0..18).zip(interrupted.x) {
        assert_eq!(machine.call(1, CONTEXT, [DIRTY | register]), value);
    }
}

#[test]
fn context_above_17_is_invalid_parameters_in_a_handler_or_not() {
    let (machine, _) = in_handler();
    for index in [18, 31, 0x8000_0000, 0xffff_ffff] {
        assert_eq!(machine.call(1, CONTEXT, [index]), INVALID_PARAMETERS);
        assert_eq!(machine.call(0, CONTEXT, [index]), INVALID_PARAMETERS);
    }
}

#[test]
fn context_outside_a_handler_is_denied() {
    let (machine, _) = in_handler();
    assert_eq!(machine.call(0, CONTEXT, [0]), DENIED);
    machine.complete(1);
    assert_eq!(machine.call(1, CONTEXT, [0]), DENIED);
}

#[test]
fn complete_goes_on_with_what_was_interrupted_and_leaves_the_exception_registers_alone() {
    let (machine, interrupted) = in_handler();
    let after = machine.complete(1);
    assert_eq!((after.x, after.pc, after.pstate), (interrupted.x, interrupted.pc, interrupted.pstate));
    assert_eq!((after.elr_el1, after.spsr_el1), (0, 0));
    assert_eq!(machine.call(1, STATUS, [0]), EG);
}

#[test]
fn complete_takes_any_status() {
    for status in [0, 1, 2, u64::MAX] {
        let (machine, _) = in_handler();
        machine.end(1, COMPLETE, [status]);
    }
}

#[test]
fn complete_and_resume_goes_on_elsewhere_as_after_an_exception_from_there() {
    let (machine, interrupted) = in_handler();
    let after = machine.end(1, COMPLETE_AND_RESUME, [0xffff_8000_2000_0480]);
    assert_eq!(after.x, interrupted.x);
    assert_eq!(after.pc, 0xffff_8000_2000_0480);
    assert_eq!(after.pstate & !0x240_0000, HANDLER, "but for PAN and TCO");
    assert_eq!((after.elr_el1, after.spsr_el1), (interrupted.pc, interrupted.pstate));
    assert_eq!(machine.call(1, STATUS, [0]), EG);
}

#[test]
fn complete_and_resume_at_an_address_that_is_not_aligned_is_invalid_parameters() {
    let (machine, _) = in_handler();
    for address in [1, 2, 3, 0xffff_8000_2000_0482] {
        assert_eq!(machine.call(1, COMPLETE_AND_RESUME, [address]), INVALID_PARAMETERS);
    }
    assert_eq!(machine.call(1, STATUS, [0]), REG, "its handler goes on");
}

#[test]
fn complete_and_complete_and_resume_outside_a_handler_are_denied() {
    let (machine, _) = in_handler();
    for call in [COMPLETE, COMPLETE_AND_RESUME] {
        assert_eq!(machine.call(0, call, [0]), DENIED, "another CPU's handler is not its own");
    }
    machine.complete(1);
    for call in [COMPLETE, COMPLETE_AND_RESUME] {
        assert_eq!(machine.call(1, call, [0]), DENIED);
    }
}

#[test]
fn an_event_that_came_meanwhile_is_taken_after_completion_and_the_caller_is_kicked() {
    let (machine, _) = in_handler();
    for _ in 0..3 {
        machine.call(0, SIGNAL, [0, 1]);
    }
    assert_eq!(machine.kicked(), [], "it handles that event");
    machine.complete(1);
    assert_eq!(machine.kicked(), [1]);
    assert_eq!(machine.takes(1), 0);
    machine.complete(1);
    machine.takes_nothing(1);
}

#[test]
fn what_another_cpu_has_registered_is_taken_after_completion() {
    let (machine, _) = in_handler();
    machine.listen_on(1, SHARED);
    assert_eq!(machine.signal(SHARED, None), Ok(Signalled::Waits));
    machine.takes_nothing(1);
    machine.end(1, COMPLETE_AND_RESUME, [ENTRY]);
    assert_eq!(machine.kicked(), [1]);
    assert_eq!(machine.takes(1), SHARED);
    assert_eq!(machine.enter(1).x[2], ENTRY, "what is interrupted is where it resumed");
}

//! What a CPU finds in its registers when it takes an event.

use super::*;

fn signalled() -> Machine {
    let machine = Machine::unmasked();
    machine.listen(2, 0);
    assert_eq!(machine.call(0, SIGNAL, [0, AFFINITIES[2]]), SUCCESS);
    machine
}

#[test]
fn a_handler_finds_event_argument_pc_and_pstate_in_x0_to_x3_and_all_else_as_it_was() {
    let machine = signalled();
    let before = *machine.cpus[2].borrow();
    let after = machine.enter(2);
    assert_eq!(after.x[..4], [0, ARGUMENT, 0x40_2000, EL0]);
    assert_eq!(after.x[4..], before.x[4..]);
    assert_eq!(after.pc, ENTRY);
    assert_eq!(after.pstate & !0x240_0000, HANDLER, "but for PAN and TCO");
    assert_eq!((after.elr_el1, after.spsr_el1), (0, 0));
}

/// KVM cuts every register of a CPU in AArch32 to 32 bits when one of them is written.
#[test]
fn a_program_of_32_bits_is_interrupted_by_a_handler_of_64() {
    let machine = signalled();
    machine.cpus[2].borrow_mut().pstate = 0x6000_0010;
    let after = machine.enter(2);
    assert_eq!(after.x[..4], [0, ARGUMENT, 0x40_2000, 0x6000_0010]);
    assert_eq!(after.pc, ENTRY);
    assert_eq!(after.pstate & 0x1f, 0b0_0101);
}

#[test]
fn taking_an_event_takes_21_reads_and_6_writes() {
    assert_eq!(signalled().enter(2).accesses, 27);
}

#[test]
fn the_number_of_the_event_is_in_x0() {
    let machine = Machine::unmasked();
    machine.listen(0, SHARED_CRITICAL);
    machine.signal(SHARED_CRITICAL, None).unwrap();
    assert_eq!(machine.takes(0), SHARED_CRITICAL);
}

#[test]
fn a_cpu_without_an_event_touches_no_register() {
    let machine = signalled();
    machine.takes_nothing(0);
    machine.takes_nothing(1);
}

#[test]
fn an_event_is_taken_once() {
    let machine = signalled();
    machine.takes(2);
    machine.takes_nothing(2);
    machine.complete(2);
    machine.takes_nothing(2);
}

#[test]
fn a_cpu_that_starts_is_masked_and_takes_nothing_until_it_is_unmasked() {
    let machine = Machine::new();
    machine.listen(0, 0);
    assert_eq!(machine.call(1, SIGNAL, [0, 0]), SUCCESS);
    assert_eq!(machine.kicked(), []);
    machine.takes_nothing(0);
    assert_eq!(machine.call(0, PE_UNMASK, []), SUCCESS);
    assert_eq!(machine.kicked(), [0]);
    assert_eq!(machine.takes(0), 0);
}

#[test]
fn pe_mask_is_1_if_the_cpu_was_unmasked_and_else_0() {
    let machine = Machine::new();
    assert_eq!(machine.call(1, PE_MASK, []), 0);
    assert_eq!(machine.call(1, PE_UNMASK, []), SUCCESS);
    assert_eq!(machine.call(1, PE_UNMASK, []), SUCCESS);
    assert_eq!(machine.call(0, PE_MASK, []), 0, "of the caller alone");
    assert_eq!(machine.call(1, PE_MASK, []), 1);
    assert_eq!(machine.call(1, PE_MASK, []), 0);
}

#[test]
fn a_cpu_that_is_masked_before_it_has_taken_its_event_keeps_it() {
    let machine = signalled();
    assert_eq!(machine.call(2, PE_MASK, []), 1);
    machine.takes_nothing(2);
    machine.kicked();
    assert_eq!(machine.call(2, PE_UNMASK, []), SUCCESS);
    assert_eq!(machine.kicked(), [2]);
    assert_eq!(machine.takes(2), 0);
}

#[test]
fn a_handler_may_mask_its_cpu() {
    let machine = signalled();
    machine.takes(2);
    assert_eq!(machine.call(2, PE_MASK, []), 1);
    machine.call(0, SIGNAL, [0, AFFINITIES[2]]);
    machine.complete(2);
    machine.takes_nothing(2);
    machine.call(2, PE_UNMASK, []);
    assert_eq!(machine.takes(2), 0);
}

#[test]
fn a_cpu_is_not_kicked_twice_for_what_it_has_not_looked_at_yet() {
    let machine = signalled();
    assert_eq!(machine.kicked(), [2]);
    machine.call(1, SIGNAL, [0, AFFINITIES[2]]);
    machine.listen(2, PRIVATE);
    assert_eq!(machine.kicked(), []);
}

#[test]
fn a_cpu_whose_registers_cannot_be_read_takes_nothing() {
    let machine = signalled();
    machine.cpus[2].borrow_mut().fails = true;
    machine.enter(2);
    assert_eq!(machine.call(2, STATUS, [0]), EG);
}

#[test]
fn over_either_conduit_the_answer_is_the_same_and_what_is_no_call_is_not_supported() {
    let machine = Machine::new();
    for conduit in [Conduit::Hvc, Conduit::Smc] {
        let answer = |id: u32| {
            let mut bank = Bank::default();
            let mut call = Call::new(FunctionId(id), conduit, CpuIndex(0), &mut bank);
            machine.sdei.call(&mut call, &machine.host).results().unwrap().x0()
        };
        assert_eq!(answer(VERSION), 0x0001_0001_0000_0000);
        for id in 0xc400_0033..=0xc400_003f {
            assert_eq!(answer(id), NOT_SUPPORTED, "{id:#x}");
        }
    }
}

#[test]
fn a_cpu_that_the_machine_has_not_is_not_supported() {
    let machine = Machine::new();
    for id in VERSION..=SHARED_RESET {
        let mut bank = Bank::default();
        let mut call = Call::new(FunctionId(id), Conduit::Smc, CpuIndex(3), &mut bank);
        assert_eq!(machine.sdei.call(&mut call, &machine.host).results().unwrap().x0(), NOT_SUPPORTED);
    }
    machine.sdei.cpu_off(CpuIndex(3), &machine.host);
    machine.sdei.before_entry(&mut Context::new(CpuIndex(3), &mut Bank::default()), &machine.host);
}

//! What a call meets on its way: the immediate, the filter, the second stage; and which registers change.

mod common;

use common::{
    DENIED, HERE, JUNK, Lender, NOT_SUPPORTED, deny, execute, forward, forwarded, hvc, hvc_next, load,
    new_vm, pc, results, running, set, smc,
};
use switchboard_filter::Action;
use switchboard_hyp::{ExceptionClass, Level, Next, RegisterId, Syndrome, Vcpu};

fn execute_with_immediate(vcpu: &mut Vcpu<'_>, class: ExceptionClass, immediate: u16) -> Next {
    execute(vcpu, Syndrome::new(class, immediate), Level::Guest, &Lender::default())
}

#[test]
fn denied_psci_version_is_minus_1_in_64_bits_over_hvc_and_smc() {
    let vm = new_vm();
    deny(&vm, 0x8400_0000, 1);
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000])[0], 0xffff_ffff_ffff_ffff);
    assert_eq!(smc(&mut vcpu, &[0x8400_0000])[0], 0xffff_ffff_ffff_ffff);
}

#[test]
fn a_denied_call_zeroes_x1_to_x3_and_nothing_else_in_either_width() {
    let vm = new_vm();
    deny(&vm, 0x8400_0000, 0x20);
    deny(&vm, 0xc400_0000, 0x20);
    let mut vcpu = running(&vm, 0);
    for id in [0x8400_0003, 0xc400_0003] {
        for class in [ExceptionClass::Hvc64, ExceptionClass::Smc64] {
            load(&mut vcpu, &[id]);
            assert_eq!(execute_with_immediate(&mut vcpu, class, 0), Next::Resume);
            assert_eq!(results(&vcpu), [0xffff_ffff_ffff_ffff, 0, 0, 0]);
            assert_eq!(vcpu.call_registers()[4..], JUNK[4..]);
        }
    }
}

#[test]
fn a_forwarded_call_leaves_every_register_as_it_was() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    let mut vcpu = running(&vm, 0);
    for (class, flags) in [(ExceptionClass::Hvc64, 0), (ExceptionClass::Smc64, 1)] {
        load(&mut vcpu, &[0xc400_0003]);
        assert_eq!(execute_with_immediate(&mut vcpu, class, 0), forwarded(0xc400_0003, flags));
        assert_eq!(vcpu.call_registers()[0], 0xc400_0003);
        assert_eq!(vcpu.call_registers()[1..], JUNK[1..]);
    }
}

#[test]
fn without_a_filter_a_call_that_kvm_does_not_know_is_denied() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    // The micro-benchmark of kvm-unit-tests; an SiP call; SDEI; FF-A; a trusted OS.
    for id in [0x4b00_0000, 0x8200_0000, 0xc400_0020, 0x8400_0063, 0xb200_0000] {
        assert_eq!(hvc(&mut vcpu, &[id]), DENIED, "{id:#x}");
        assert_eq!(smc(&mut vcpu, &[id]), DENIED, "{id:#x}");
    }
}

#[test]
fn function_1337_is_not_supported() {
    let vm = new_vm();
    assert_eq!(hvc(&mut running(&vm, 0), &[1337]), DENIED);
}

#[test]
fn an_id_that_no_range_names_is_handled_which_is_not_allowed() {
    let vm = new_vm();
    forward(&vm, 0x8200_0000, 1);
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000]), [0x1_0003, 0, 0, 0], "a miss, and on KVM's list");
    assert_eq!(hvc(&mut vcpu, &[0x8200_0001]), DENIED, "a miss, and on no list");
}

#[test]
fn an_explicit_handle_makes_nothing_work_that_kvm_does_not_implement() {
    let vm = new_vm();
    set(&vm, 0x8200_0000, 0x100, Action::Handle).unwrap();
    set(&vm, 0x8400_0000, 1, Action::Handle).unwrap();
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8200_0000]), DENIED);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000])[0], 0x1_0003);
}

#[test]
fn deny_and_forward_come_before_the_firmware_bitmaps() {
    let vm = new_vm();
    deny(&vm, 0x8400_0050, 1);
    forward(&vm, 0x8600_ff01, 1);
    let mut vcpu = common::initialised(&vm, 0, common::PSCI_0_2);
    vcpu.set_register(RegisterId::VENDOR_HYPERVISOR_BITMAP, 0).unwrap();
    assert_eq!(hvc(&mut vcpu, &[0x8400_0050]), DENIED, "though its bit is set");
    assert_eq!(hvc_next(&mut vcpu, &[0x8600_ff01]), forwarded(0x8600_ff01, 0), "though its bit is clear");
}

#[test]
fn the_upper_half_of_x0_is_ignored_and_not_written_back() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    deny(&vm, 0x8400_0000, 1);
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc_next(&mut vcpu, &[0xdead_beef_c400_0003]), forwarded(0xc400_0003, 0));
    assert_eq!(results(&vcpu)[0], 0xdead_beef_c400_0003);
    assert_eq!(hvc(&mut vcpu, &[0xffff_ffff_8400_0000]), DENIED);
    assert_eq!(hvc(&mut vcpu, &[0x1_8000_0000]), [0x1_0001, 0, 0, 0]);
}

#[test]
fn the_immediate_of_an_hvc_is_not_looked_at() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    let mut vcpu = running(&vm, 0);
    load(&mut vcpu, &[0xc400_0003]);
    assert_eq!(execute_with_immediate(&mut vcpu, ExceptionClass::Hvc64, 42), forwarded(0xc400_0003, 0));
    load(&mut vcpu, &[0x8400_0000]);
    assert_eq!(execute_with_immediate(&mut vcpu, ExceptionClass::Hvc64, 0xffff), Next::Resume);
    assert_eq!(results(&vcpu), [0x1_0003, 0, 0, 0]);
}

#[test]
fn an_smc_with_an_immediate_gets_minus_1_in_x0_alone_and_never_meets_the_filter() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    let mut vcpu = running(&vm, 0);
    for immediate in [1, 0x8000, 0xffff] {
        load(&mut vcpu, &[0xc400_0003]);
        assert_eq!(execute_with_immediate(&mut vcpu, ExceptionClass::Smc64, immediate), Next::Resume);
        assert_eq!(vcpu.call_registers()[0], NOT_SUPPORTED);
        assert_eq!(vcpu.call_registers()[1..], JUNK[1..]);
        assert_eq!(pc(&mut vcpu), HERE + 4, "it is skipped all the same");
    }
}

#[test]
fn pc_is_behind_the_instruction_whatever_becomes_of_the_call() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    deny(&vm, 0x8400_0050, 1);
    let mut vcpu = running(&vm, 0);
    for id in [0xc400_0003, 0x8400_0050, 0x8400_0000] {
        for class in [ExceptionClass::Hvc64, ExceptionClass::Smc64] {
            load(&mut vcpu, &[id]);
            execute_with_immediate(&mut vcpu, class, 0);
            assert_eq!(pc(&mut vcpu), HERE + 4, "{id:#x} {class:?}");
        }
    }
}

#[test]
fn skipping_an_smc_ends_btype_and_the_step_and_an_hvc_is_not_skipped() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    // BTYPE is 0b10, SS is 1.
    let before = 0x3c5 | 1 << 11 | 1 << 21;
    for (class, after) in [(ExceptionClass::Hvc64, before), (ExceptionClass::Smc64, 0x3c5)] {
        vcpu.set_register(RegisterId::PSTATE, before).unwrap();
        load(&mut vcpu, &[0x8400_0000]);
        execute_with_immediate(&mut vcpu, class, 0);
        assert_eq!(vcpu.get_register(RegisterId::PSTATE), Ok(after), "{class:?}");
    }
}

#[test]
fn an_id_with_the_hint_bit_is_another_id_to_the_filter_and_none_to_psci() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0xc401_0003]), DENIED);
    // Bits 23 to 16, bit 31 and bit 30 do not keep an ID off the list of what PSCI may answer, but PSCI knows none.
    for id in [0x84ff_0000, 0x0400_0000, 0x4400_0003, 0xc401_0004] {
        assert_eq!(hvc(&mut vcpu, &[id]), DENIED, "{id:#x}");
    }
}

#[test]
fn a_hint_bit_does_not_get_around_a_deny() {
    let vm = new_vm();
    deny(&vm, 0x8400_0000, 0x20);
    deny(&vm, 0x8400_0050, 4);
    let mut vcpu = running(&vm, 0);
    for id in [0x8401_0000, 0x8401_0003, 0x8401_0050, 0x8401_0053] {
        assert_eq!(hvc(&mut vcpu, &[id]), DENIED, "{id:#x}");
    }
}

#[test]
fn a_workaround_over_hvc_never_reaches_the_second_stage_and_loses_x1() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    for id in [0x8000_8000, 0x8000_7fff, 0x8000_3fff, 0xffff_ffff_8000_8000] {
        load(&mut vcpu, &[id]);
        assert_eq!(execute_with_immediate(&mut vcpu, ExceptionClass::Hvc64, 7), Next::Resume);
        assert_eq!(results(&vcpu), [0, 0, JUNK[2], JUNK[3]]);
        assert_eq!(pc(&mut vcpu), HERE + 4);
    }
}

#[test]
fn a_workaround_over_smc_is_denied() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    for id in [0x8000_8000, 0x8000_7fff, 0x8000_3fff] {
        assert_eq!(smc(&mut vcpu, &[id]), DENIED, "{id:#x}");
    }
}

#[test]
fn a_trap_that_is_no_call_changes_nothing() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    // WFI, SVC64, a data abort, and bits above the class.
    for syndrome in [0x0600_0000, 0x5600_0000, 0x9200_0007, 0] {
        load(&mut vcpu, &[]);
        vcpu.set_register(RegisterId::PC, HERE).unwrap();
        assert_eq!(vcpu.trap(Syndrome(syndrome), Level::Guest, &Lender::default()), Next::NotACall);
        assert_eq!((vcpu.call_registers(), pc(&mut vcpu)), (JUNK, HERE));
    }
}

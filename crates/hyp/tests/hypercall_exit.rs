//! `KVM_EXIT_HYPERCALL`: what is in it, and how userspace completes the call.

mod common;

use common::{HERE, JUNK, Lender, execute, forward, forwarded, hvc_next, load, new_vm, pc, results, running};
use switchboard_hyp::{
    Entry, Errno, ExceptionClass, Exit, Hypercall, HypercallFlags, Interruption, Level, Next, RegisterId,
    Syndrome, Vcpu,
};

fn exit_of(next: Next) -> Hypercall {
    match next {
        Next::Exit(Exit::Hypercall(hypercall)) => hypercall,
        other => panic!("{other:?}"),
    }
}

fn execute_psci_version(vcpu: &mut Vcpu<'_>, class: ExceptionClass) -> Hypercall {
    load(vcpu, &[0x8400_0000]);
    exit_of(execute(vcpu, Syndrome::new(class, 0), Level::Guest, &Lender::default()))
}

#[test]
fn forwarded_psci_version_has_nr_0x84000000_and_the_smc_flag_if_and_only_if_it_is_an_smc() {
    let vm = new_vm();
    forward(&vm, 0x8400_0000, 1);
    let mut vcpu = running(&vm, 0);
    let hvc = execute_psci_version(&mut vcpu, ExceptionClass::Hvc64);
    let smc = execute_psci_version(&mut vcpu, ExceptionClass::Smc64);
    assert_eq!((hvc.function_id.0, hvc.flags.0), (0x8400_0000, 0));
    assert_eq!((smc.function_id.0, smc.flags.0), (0x8400_0000, 1));
}

#[test]
fn the_exit_holds_no_arguments_and_no_result_whatever_the_registers_hold() {
    let vm = new_vm();
    forward(&vm, 0x8400_0000, 1);
    let bytes = execute_psci_version(&mut running(&vm, 0), ExceptionClass::Smc64).to_bytes();
    assert_eq!(bytes[..8], [0x00, 0x00, 0x00, 0x84, 0, 0, 0, 0], "nr, zero-extended");
    assert_eq!(bytes[8..56], [0; 48], "args");
    assert_eq!(bytes[56..64], [0; 8], "ret");
    assert_eq!(bytes[64..68], [1, 0, 0, 0], "longmode is the low half of flags");
    assert_eq!(bytes[68..], [0; 4]);
}

#[test]
fn the_immediate_of_an_hvc_cannot_be_told_from_the_exit() {
    let vm = new_vm();
    forward(&vm, 0x8400_0000, 1);
    let mut vcpu = running(&vm, 0);
    let [zero, one] = [0, 1].map(|immediate| {
        load(&mut vcpu, &[0x8400_0000]);
        let syndrome = Syndrome::new(ExceptionClass::Hvc64, immediate);
        exit_of(execute(&mut vcpu, syndrome, Level::Guest, &Lender::default()))
    });
    assert_eq!(zero.to_bytes(), one.to_bytes());
}

#[test]
fn flags_are_bits_and_one_that_nobody_knows_yet_hides_none() {
    let flags = HypercallFlags(1 | 1 << 40);
    assert!(flags.contains(HypercallFlags::SMC));
    assert!(!flags.contains(HypercallFlags::SIXTEEN_BIT));
    assert_ne!(flags, HypercallFlags::SMC, "which is why they are not compared");
}

#[test]
fn userspace_completes_a_call_by_setting_registers_and_leaves_pc_alone() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc_next(&mut vcpu, &[0xc400_0003, 1, 2, 3]), forwarded(0xc400_0003, 0));
    assert_eq!(vcpu.get_register(RegisterId::general(2).unwrap()), Ok(2));
    vcpu.set_register(RegisterId::general(0).unwrap(), 0xffff_ffff_ffff_fffc).unwrap();
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!(results(&vcpu), [0xffff_ffff_ffff_fffc, 1, 2, 3]);
    assert_eq!(pc(&mut vcpu), HERE + 4, "entering adds nothing to it");
}

#[test]
fn a_guest_whose_call_nobody_completes_finds_its_own_function_id() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    let mut vcpu = running(&vm, 0);
    hvc_next(&mut vcpu, &[0xc400_0003]);
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!(results(&vcpu), [0xc400_0003, JUNK[1], JUNK[2], JUNK[3]]);
}

#[test]
fn an_interrupted_run_does_not_lose_the_results() {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    let mut vcpu = running(&vm, 0);
    hvc_next(&mut vcpu, &[0xc400_0003]);
    vcpu.set_register(RegisterId::general(0).unwrap(), 0).unwrap();
    assert_eq!(vcpu.enter(Interruption::Signal), Err(Errno(4)));
    assert_eq!(vcpu.enter(Interruption::ImmediateExit), Err(Errno(4)));
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!((results(&vcpu)[0], pc(&mut vcpu)), (0, HERE + 4));
}

#[test]
fn a_call_is_made_again_by_setting_pc_back_by_the_length_of_the_instruction() {
    let vm = new_vm();
    forward(&vm, 0x8400_0000, 1);
    let mut vcpu = running(&vm, 0);
    for class in [ExceptionClass::Hvc64, ExceptionClass::Smc64] {
        execute_psci_version(&mut vcpu, class);
        let behind = pc(&mut vcpu);
        vcpu.set_register(RegisterId::PC, behind - 4).unwrap();
        assert_eq!(pc(&mut vcpu), HERE);
    }
}

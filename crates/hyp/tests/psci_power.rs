//! KVM's own PSCI, one CPU at a time: `CPU_ON`, `CPU_OFF`, `AFFINITY_INFO`, `CPU_SUSPEND`.

mod common;

use common::{
    ALREADY_ON, HERE, INVALID_PARAMETERS, JUNK, NOT_SUPPORTED, hvc, hvc_next, new_vm, pc, results, running,
    secondary, x0,
};
use switchboard_hyp::{
    Entry, Exit, Init, Interruption, Line, MpState, Next, RegisterId, SystemEvent, Vcpu, VcpuFeatures,
};

const ON_64: u64 = 0xc400_0003;
const ON_32: u64 = 0x8400_0003;
const INFO_64: u64 = 0xc400_0004;
const INFO_32: u64 = 0x8400_0004;

/// `AFFINITY_INFO` of level 0.
fn info(vcpu: &mut Vcpu<'_>, affinity: u64) -> u64 {
    hvc(vcpu, &[INFO_64, affinity, 0])[0]
}

#[test]
fn cpu_on_of_a_stopped_cpu_succeeds_and_registers_show_its_entry_before_it_has_run() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    assert_eq!(hvc(&mut caller, &[ON_64, 1, 0xfeed_f00d, 0xdead_beef]), [0, 0, 0, 0]);
    assert_eq!(pc(&mut target), 0xfeed_f00d);
    assert_eq!(x0(&mut target), 0xdead_beef);
    assert_eq!(target.mp_state(), MpState::Runnable);
    assert_eq!(target.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!((pc(&mut target), x0(&mut target)), (0xfeed_f00d, 0xdead_beef), "reset once, not again");
}

#[test]
fn affinity_info_is_off_at_first_and_on_after_cpu_on_and_never_pending() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let _target = secondary(&vm, 1);
    assert_eq!(info(&mut caller, 0), 0, "the caller is on");
    assert_eq!(info(&mut caller, 1), 1);
    hvc(&mut caller, &[ON_64, 1, 0x4000_8000, 0]);
    assert_eq!(info(&mut caller, 1), 0, "though it has not run yet");
}

#[test]
fn of_cpu_ons_in_a_row_the_first_succeeds_and_the_others_are_already_on() {
    let vm = new_vm();
    let mut callers = [running(&vm, 0), running(&vm, 2), running(&vm, 3)];
    let mut target = secondary(&vm, 1);
    let answers = callers.each_mut().map(|caller| hvc(caller, &[ON_64, 1, 0x4000_8000, 5])[0]);
    assert_eq!(answers, [0, ALREADY_ON, ALREADY_ON]);
    assert_eq!(x0(&mut target), 5);
    assert_eq!(hvc(&mut callers[0], &[ON_64, 0, 0x4000_8000, 5])[0], ALREADY_ON, "of itself");
}

#[test]
fn a_target_with_bits_outside_the_affinity_fields_or_without_a_cpu_is_minus_2() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let _target = secondary(&vm, 1);
    for target in [0x8000_0001, 0x0100_0001, 0x100_0000_0001, 0x8000_0000_0000_0001, 2, 0x101, 0x1_0000_0001]
    {
        assert_eq!(hvc(&mut caller, &[ON_64, target, 0x4000_8000, 0])[0], INVALID_PARAMETERS, "{target:#x}");
        assert_eq!(info(&mut caller, target), INVALID_PARAMETERS, "{target:#x}");
    }
}

#[test]
fn a_suspended_cpu_counts_as_on() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    target.set_mp_state(MpState::Suspended);
    assert_eq!(info(&mut caller, 1), 0);
    assert_eq!(hvc(&mut caller, &[ON_64, 1, 0x4000_8000, 0])[0], ALREADY_ON);
}

#[test]
fn the_32_bit_functions_narrow_x1_to_x3_and_the_64_bit_ones_do_not() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut first = secondary(&vm, 1);
    let mut second = secondary(&vm, 2);
    let dirty = 0xdead_beef_0000_0000;
    assert_eq!(hvc(&mut caller, &[ON_32, dirty | 1, dirty | 0x4000_8000, dirty | 7])[0], 0);
    assert_eq!((pc(&mut first), x0(&mut first)), (0x4000_8000, 7));
    assert_eq!(hvc(&mut caller, &[INFO_32, dirty | 1, dirty, 0])[0], 0);

    assert_eq!(hvc(&mut caller, &[ON_64, dirty | 2, 0x4000_8000, 7])[0], INVALID_PARAMETERS);
    assert_eq!(hvc(&mut caller, &[ON_64, 2, dirty | 0x4000_8000, dirty | 7])[0], 0);
    assert_eq!((pc(&mut second), x0(&mut second)), (dirty | 0x4000_8000, dirty | 7));
    assert_eq!(hvc(&mut caller, &[INFO_64, 2, dirty, 0])[0], INVALID_PARAMETERS, "the level is 64 bits wide");
}

#[test]
fn cpu_on_leaves_pstate_and_the_other_registers_as_a_reset_does() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    common::load(&mut target, &[]);
    target.set_register(RegisterId::PSTATE, 0).unwrap();
    hvc(&mut caller, &[ON_64, 1, 0x4000_8000, 9]);
    assert_eq!(target.get_register(RegisterId::PSTATE), Ok(0x3c5), "EL1h, D, A, I and F masked");
    assert_eq!(target.call_registers(), [9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(target.get_register(RegisterId::SCTLR_EL1), Ok(0x00c5_0078));
}

#[test]
fn bit_0_of_an_entry_point_stays_in_aarch64_state() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    hvc(&mut caller, &[ON_64, 1, 0x4000_8001, 0]);
    assert_eq!(pc(&mut target), 0x4000_8001);
}

#[test]
fn a_big_endian_caller_starts_a_big_endian_cpu() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    caller.set_register(RegisterId::SCTLR_EL1, 0x00c5_0078 | 1 << 25).unwrap();
    hvc(&mut caller, &[ON_64, 1, 0x4000_8000, 0]);
    assert_eq!(target.get_register(RegisterId::SCTLR_EL1), Ok(0x02c5_0078), "SCTLR_EL1.EE");
}

#[test]
fn what_userspace_writes_after_cpu_on_is_written_after_the_reset() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    hvc(&mut caller, &[ON_64, 1, 0x4000_8000, 1]);
    target.set_register(RegisterId::general(0).unwrap(), 0x55).unwrap();
    assert_eq!(target.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!((pc(&mut target), x0(&mut target)), (0x4000_8000, 0x55));
}

#[test]
fn a_second_init_after_cpu_on_takes_the_entry_and_the_reset_that_is_still_wanted_takes_it_away() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    hvc(&mut caller, &[ON_64, 1, 0x4000_8000, 1]);
    target.init(Init { features: common::PSCI_0_2 }).unwrap();
    assert_eq!((pc(&mut target), x0(&mut target)), (0, 0));
}

#[test]
fn userspace_turns_a_cpu_on_by_init_first_and_registers_second() {
    let vm = new_vm();
    let mut target = secondary(&vm, 1);
    let x0_id = RegisterId::general(0).unwrap();
    target.set_register(x0_id, 0x1111).unwrap();
    target.init(Init { features: common::PSCI_0_2 }).unwrap();
    assert_eq!(x0(&mut target), 0, "an INIT zeroes what was there");
    assert_eq!(target.mp_state(), MpState::Runnable, "and turns it on");
    target.set_register(RegisterId::PC, 0x4000_8000).unwrap();
    target.set_register(x0_id, 0x2222).unwrap();
    assert_eq!(target.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!((pc(&mut target), x0(&mut target)), (0x4000_8000, 0x2222));
}

#[test]
fn power_off_belongs_to_one_init_and_not_to_the_features() {
    let vm = new_vm();
    let mut target = secondary(&vm, 1);
    assert_eq!(target.mp_state(), MpState::Stopped);
    target.init(Init { features: common::PSCI_0_2 }).unwrap();
    assert_eq!(target.mp_state(), MpState::Runnable, "without the bit: not EINVAL");
    let stashed = Init { features: common::PSCI_0_2.union(VcpuFeatures::POWER_OFF) };
    target.init(stashed).unwrap();
    assert_eq!(target.mp_state(), MpState::Stopped, "with it, off again: to be stripped for a CPU_ON");
}

#[test]
fn cpu_off_stops_the_caller_alone_and_others_see_it_at_once() {
    let vm = new_vm();
    let mut stays = running(&vm, 0);
    let mut goes = running(&vm, 1);
    assert_eq!(info(&mut stays, 1), 0);
    assert_eq!(hvc_next(&mut goes, &[0x8400_0002]), Next::Stopped);
    assert_eq!(results(&goes), [0, 0, 0, 0]);
    assert_eq!(goes.mp_state(), MpState::Stopped);
    assert_eq!(info(&mut stays, 1), 1);
    assert_eq!(goes.enter(Interruption::None), Ok(Entry::Stopped), "it does not return");
    assert_eq!(stays.mp_state(), MpState::Runnable);
}

#[test]
fn a_cpu_that_is_off_can_be_turned_on_again_and_starts_anew() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = running(&vm, 1);
    hvc_next(&mut target, &[0x8400_0002]);
    assert_eq!(hvc(&mut caller, &[ON_64, 1, 0x4000_9000, 3])[0], 0);
    assert_eq!(target.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!((pc(&mut target), x0(&mut target)), (0x4000_9000, 3));
}

#[test]
fn affinity_info_masks_the_target_too_and_knows_four_levels() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let _off = secondary(&vm, 16); // Affinity 0x100.
    for (target, level, expected) in [
        (0x0000_0100, 0, 1),
        (0x0000_01ff, 1, 1), // Aff0 is ignored.
        (0x0000_0101, 0, INVALID_PARAMETERS),
        (0x0000_0100, 2, 0), // Aff2 0: the caller is in it, and on.
        (0x00ff_ffff, 3, 0),
        (0x0000_0200, 1, INVALID_PARAMETERS),
        (0x0000_0000, 4, INVALID_PARAMETERS),
        (0x0000_0000, 0x1_0000_0000, INVALID_PARAMETERS),
        (0x8000_0000, 3, INVALID_PARAMETERS),
    ] {
        let answer = hvc(&mut caller, &[INFO_64, target, level]);
        assert_eq!(answer, [expected, 0, 0, 0], "{target:#x} at level {level}");
    }
}

#[test]
fn cpu_suspend_is_a_wait_for_an_interrupt_with_its_result_preset() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    for id in [0x8400_0001, 0xc400_0001] {
        // A power-down state and an entry point, which are not looked at.
        assert_eq!(hvc_next(&mut vcpu, &[id, 1 << 16, 0xffff, 0xffff]), Next::WaitForInterrupt);
        assert_eq!(results(&vcpu), [0, 0, 0, 0]);
        assert_eq!(vcpu.call_registers()[4..], JUNK[4..], "standby: registers are kept");
        assert_eq!((pc(&mut vcpu), vcpu.mp_state()), (HERE + 4, MpState::Runnable));
    }
    vcpu.set_interrupt_line(Line::High);
    assert_eq!(hvc(&mut vcpu, &[0xc400_0001]), [0, 0, 0, 0], "there is one already");
}

#[test]
fn suspended_by_userspace_is_sticky_until_userspace_says_runnable() {
    let wake_up = Ok(Entry::Exit(Exit::SystemEvent(SystemEvent::WakeUp)));
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    vcpu.set_mp_state(MpState::Suspended);
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Suspended));
    vcpu.set_interrupt_line(Line::High);
    assert_eq!(vcpu.enter(Interruption::None), wake_up);
    assert_eq!(vcpu.enter(Interruption::None), wake_up, "again and again");
    assert_eq!(vcpu.mp_state(), MpState::Suspended);
    vcpu.set_mp_state(MpState::Runnable);
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!((SystemEvent::WakeUp.kind(), SystemEvent::WakeUp.data()), (4, None));
}

#[test]
fn x0_written_before_a_suspended_cpu_goes_on_is_what_it_finds() {
    let vm = new_vm();
    common::forward(&vm, 0xc400_0001, 1);
    let mut vcpu = running(&vm, 0);
    hvc_next(&mut vcpu, &[0xc400_0001]);
    vcpu.set_register(RegisterId::general(0).unwrap(), 0).unwrap();
    vcpu.set_mp_state(MpState::Suspended);
    vcpu.set_interrupt_line(Line::High);
    assert!(matches!(vcpu.enter(Interruption::None), Ok(Entry::Exit(_))));
    vcpu.set_mp_state(MpState::Runnable);
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!((x0(&mut vcpu), pc(&mut vcpu)), (0, HERE + 4));
}

#[test]
fn migration_is_not_there_and_there_is_no_trusted_os_to_migrate() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0006]), [2, 0, 0, 0]);
    for id in [0x8400_0005, 0xc400_0005, 0x8400_0007, 0xc400_0007] {
        assert_eq!(hvc(&mut vcpu, &[id]), [NOT_SUPPORTED, 0, 0, 0], "{id:#x}");
    }
}

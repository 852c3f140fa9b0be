//! `PSCI_SET_SUSPEND_MODE` (section 5.1.20).

use super::*;

const SET_SUSPEND_MODE: u32 = 0x8400_000f;
const PLATFORM_COORDINATED: u64 = 0;
const OS_INITIATED: u64 = 1;

fn set(machine: &mut Machine, mode: u64) -> Outcome {
    machine.call(SET_SUSPEND_MODE, [mode, 0, 0])
}

#[test]
fn a_cpu_that_is_alone_may_change_the_mode_in_both_directions() {
    let mut machine = Machine::new();
    assert!(!machine.psci.is_os_initiated(), "what a machine starts with");
    assert_eq!(set(&mut machine, OS_INITIATED), returns(SUCCESS));
    assert!(machine.psci.is_os_initiated());
    assert_eq!(set(&mut machine, PLATFORM_COORDINATED), returns(SUCCESS));
    assert!(!machine.psci.is_os_initiated());
}

#[test]
fn with_all_cpus_on_the_mode_may_become_os_initiated() {
    let mut machine = Machine::new();
    machine.turn_all_on();
    assert_eq!(set(&mut machine, OS_INITIATED), returns(SUCCESS));
    assert!(machine.psci.is_os_initiated());
}

#[test]
fn with_all_cpus_on_the_mode_may_not_become_platform_coordinated() {
    let mut machine = Machine::new();
    machine.turn_all_on();
    set(&mut machine, OS_INITIATED);
    assert_eq!(set(&mut machine, PLATFORM_COORDINATED), returns(DENIED));
    assert!(machine.psci.is_os_initiated());
}

#[test]
fn with_one_other_cpu_on_and_one_off_the_change_is_denied_in_both_directions() {
    let mut machine = Machine::new();
    machine.turn_on(1);
    assert_eq!(set(&mut machine, OS_INITIATED), returns(DENIED));
    machine.call_by(1, CPU_OFF, [0; 3]);
    assert_eq!(set(&mut machine, OS_INITIATED), returns(SUCCESS));
    machine.turn_on(1);
    assert_eq!(set(&mut machine, PLATFORM_COORDINATED), returns(DENIED));
}

#[test]
fn with_another_cpu_asleep_the_change_is_denied_in_both_directions() {
    for power_state in [STANDBY, POWER_DOWN] {
        let mut machine = Machine::new();
        machine.turn_all_on();
        machine.call_by(1, CPU_SUSPEND, [power_state, ENTRY, 0]);
        assert_eq!(set(&mut machine, OS_INITIATED), returns(DENIED), "{power_state:#x}");
        machine.wake(1);
        assert_eq!(set(&mut machine, OS_INITIATED), returns(SUCCESS));
        machine.call_by(1, CPU_SUSPEND, [power_state, ENTRY, 0]);
        assert_eq!(set(&mut machine, PLATFORM_COORDINATED), returns(DENIED), "{power_state:#x}");
    }
}

#[test]
fn with_another_cpu_about_to_be_on_the_change_is_denied() {
    let mut machine = Machine::new();
    machine.disable(&[2, 3]);
    machine.call(CPU_ON, [1, ENTRY, 0]);
    assert_eq!(set(&mut machine, OS_INITIATED), returns(DENIED));
    let _ = machine.power.next(CpuIndex(1));
    assert_eq!(set(&mut machine, OS_INITIATED), returns(SUCCESS), "all are on that the guest may have");
}

#[test]
fn the_mode_that_there_is_already_is_success_whoever_is_on() {
    let mut machine = Machine::new();
    machine.turn_on(1);
    assert_eq!(set(&mut machine, PLATFORM_COORDINATED), returns(SUCCESS));
    machine.call_by(1, CPU_OFF, [0; 3]);
    set(&mut machine, OS_INITIATED);
    machine.turn_on(1);
    assert_eq!(set(&mut machine, OS_INITIATED), returns(SUCCESS));
}

#[test]
fn a_mode_that_nobody_defines_is_invalid_parameters() {
    let mut machine = Machine::new();
    for mode in [2, 0x8000_0000, 0xffff_ffff, 0xdead_beef_0000_0002] {
        assert_eq!(set(&mut machine, mode), returns(INVALID_PARAMETERS), "{mode:#x}");
    }
    assert!(!machine.psci.is_os_initiated());
}

#[test]
fn the_mode_is_a_w_register() {
    let mut machine = Machine::new();
    assert_eq!(set(&mut machine, 0xdead_beef_0000_0001), returns(SUCCESS));
    assert!(machine.psci.is_os_initiated());
}

#[test]
fn set_suspend_mode_has_no_smc64_form_and_is_not_supported_with_0_2() {
    assert_eq!(Machine::new().call(0xc400_000f, [1, 0, 0]), returns(NOT_SUPPORTED));
    assert_eq!(set(&mut Machine::of(PsciVersion::V0_2), OS_INITIATED), returns(NOT_SUPPORTED));
}

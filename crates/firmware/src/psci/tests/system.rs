//! `SYSTEM_OFF`, `SYSTEM_OFF2`, `SYSTEM_RESET`, `SYSTEM_RESET2` and `SYSTEM_SUSPEND` (sections 5.1.9 to 5.1.13, 5.1.19).

use super::*;
use crate::{MemoryAtReset, OffKind, ResetKind};

const OFF2: [u32; 2] = [0x8400_0015, 0xc400_0015];
const RESET2: [u32; 2] = [0x8400_0012, 0xc400_0012];
const SUSPEND: [u32; 2] = [0x8400_000e, 0xc400_000e];

#[test]
fn system_off_and_system_reset_are_two_things_and_do_not_return() {
    let off = Machine::new().call(0x8400_0008, [0; 3]);
    assert_eq!(off, Outcome::SystemOff(OffKind::Off));
    assert_eq!(off.results(), None);
    let reset = Machine::new().call(0x8400_0009, [0; 3]);
    assert_eq!(reset, Outcome::SystemReset(ResetKind::Cold, MemoryAtReset::Cleared));
    assert_eq!(reset.results(), None);
}

#[test]
fn system_off_and_system_reset_look_at_no_argument_and_may_be_called_while_others_are_on() {
    for function in [0x8400_0008, 0x8400_0009] {
        let mut machine = Machine::new();
        machine.turn_all_on();
        assert_eq!(machine.call_by(2, function, [1, 2, 3]).results(), None, "{function:#x}");
        assert!(machine.registers.reads.is_empty());
    }
}

#[test]
fn system_off2_of_type_0_or_1_hibernates() {
    for function in OFF2 {
        for off_type in [0, 1] {
            let outcome = Machine::new().call(function, [off_type, 0, 0]);
            assert_eq!(outcome, Outcome::SystemOff(OffKind::Hibernate), "{function:#x} {off_type}");
            assert_eq!(outcome.results(), None);
        }
    }
}

#[test]
fn system_off2_of_another_type_is_invalid_parameters() {
    for function in OFF2 {
        for off_type in [2, 3, 0x8000_0000, 0x8000_0001, 0xffff_ffff] {
            let outcome = Machine::new().call(function, [off_type, 0, 0]);
            assert_eq!(outcome, returns(INVALID_PARAMETERS), "{function:#x} {off_type:#x}");
        }
    }
}

#[test]
fn system_off2_with_a_cookie_is_invalid_parameters() {
    for function in OFF2 {
        for (off_type, cookie) in [(0, 1), (1, 1), (1, 0x8000_0000)] {
            let outcome = Machine::new().call(function, [off_type, cookie, 0]);
            assert_eq!(outcome, returns(INVALID_PARAMETERS), "{function:#x} {off_type} {cookie:#x}");
        }
    }
}

#[test]
fn the_type_of_system_off2_is_a_w_register_and_its_cookie_as_wide_as_the_call() {
    let hibernate = Outcome::SystemOff(OffKind::Hibernate);
    assert_eq!(Machine::new().call(0x8400_0015, [DIRTY | 1, DIRTY, 0]), hibernate);
    assert_eq!(Machine::new().call(0xc400_0015, [DIRTY | 1, 0, 0]), hibernate);
    assert_eq!(Machine::new().call(0xc400_0015, [1, 0x1_0000_0000, 0]), returns(INVALID_PARAMETERS));
}

#[test]
fn system_reset2_of_type_0_is_a_warm_reset_that_keeps_memory() {
    for function in RESET2 {
        for cookie in [0, 1, u64::MAX] {
            let outcome = Machine::new().call(function, [0, cookie, 0]);
            assert_eq!(outcome, Outcome::SystemReset(ResetKind::Warm, MemoryAtReset::Kept), "{function:#x}");
            assert_eq!(outcome.results(), None);
        }
    }
}

#[test]
fn system_reset2_clears_memory_while_the_guest_has_it_protected() {
    for function in RESET2 {
        let mut machine = Machine::new();
        machine.call(0x8400_0013, [1, 0, 0]);
        let outcome = machine.call(function, [0, 0, 0]);
        assert_eq!(outcome, Outcome::SystemReset(ResetKind::Warm, MemoryAtReset::Cleared), "{function:#x}");
        machine.call(0x8400_0013, [0, 0, 0]);
        let outcome = machine.call(function, [0, 0, 0]);
        assert_eq!(outcome, Outcome::SystemReset(ResetKind::Warm, MemoryAtReset::Kept), "{function:#x}");
    }
}

#[test]
fn system_reset2_of_another_type_or_a_vendors_is_invalid_parameters() {
    for function in RESET2 {
        for reset_type in [1, 2, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff] {
            let outcome = Machine::new().call(function, [reset_type, 0, 0]);
            assert_eq!(outcome, returns(INVALID_PARAMETERS), "{function:#x} {reset_type:#x}");
        }
    }
}

#[test]
fn the_type_of_system_reset2_is_a_w_register() {
    for function in RESET2 {
        let outcome = Machine::new().call(function, [DIRTY, 0, 0]);
        assert_eq!(outcome, Outcome::SystemReset(ResetKind::Warm, MemoryAtReset::Kept), "{function:#x}");
    }
}

#[test]
fn system_suspend_of_the_only_cpu_resumes_at_its_entry_with_its_context() {
    for (function, context) in [(0x8400_000e, 0xdead_beef), (0xc400_000e, 0xfeed_f00d_dead_beef)] {
        let mut machine = Machine::new();
        let outcome = machine.call(function, [ENTRY, CONTEXT, 0]);
        assert_eq!(outcome, Outcome::SystemSuspend(entry_point(ENTRY, context)));
        assert_eq!(outcome.results(), None);
        assert_eq!(machine.state(0), CpuPower::PowerDown);
        machine.wake(0);
        assert_eq!(machine.state(0), CpuPower::On);
        assert!(machine.power.is_alone());
    }
}

#[test]
fn system_suspend_in_smc32_narrows_entry_and_context() {
    let outcome = Machine::new().call(0x8400_000e, [DIRTY | ENTRY, CONTEXT, 0]);
    assert_eq!(outcome, Outcome::SystemSuspend(entry_point(ENTRY, 0xdead_beef)));
}

#[test]
fn system_suspend_while_another_cpu_is_on_is_denied() {
    for function in SUSPEND {
        let mut machine = Machine::new();
        machine.turn_on(3);
        assert_eq!(machine.call(function, [ENTRY, 0, 0]), returns(DENIED), "{function:#x}");
        assert_eq!(machine.state(0), CpuPower::On);
    }
}

#[test]
fn system_suspend_while_another_cpu_is_claimed_or_pending_is_denied() {
    for function in SUSPEND {
        let mut machine = Machine::new();
        let power = Arc::clone(&machine.power);
        let claim = power.claim(CpuIndex(1)).unwrap();
        assert_eq!(machine.call(function, [ENTRY, 0, 0]), returns(DENIED), "{function:#x} claimed");
        claim.start(start(ENTRY, 0));
        assert_eq!(machine.call(function, [ENTRY, 0, 0]), returns(DENIED), "{function:#x} pending");
    }
}

#[test]
fn system_suspend_while_another_cpu_sleeps_is_denied() {
    for power_state in [STANDBY, POWER_DOWN] {
        let mut machine = Machine::new();
        machine.turn_on(1);
        machine.call_by(1, CPU_SUSPEND, [power_state, ENTRY, 0]);
        for function in SUSPEND {
            assert_eq!(machine.call(function, [ENTRY, 0, 0]), returns(DENIED), "{function:#x}");
        }
    }
}

#[test]
fn system_suspend_is_allowed_while_all_others_are_off_frozen_or_disabled() {
    for function in SUSPEND {
        let mut machine = Machine::new();
        machine.turn_on(1);
        machine.turn_on(2);
        machine.call_by(1, 0x8400_0002, [0; 3]);
        machine.call_by(2, 0x8400_000b, [0; 3]);
        machine.disable(&[3]);
        let outcome = machine.call(function, [ENTRY, 7, 0]);
        assert_eq!(outcome, Outcome::SystemSuspend(entry_point(ENTRY, 7)), "{function:#x}");
    }
}

#[test]
fn system_suspend_may_be_called_by_any_cpu_that_is_alone() {
    let mut machine = Machine::new();
    machine.turn_on(2);
    machine.call(CPU_OFF, [0; 3]);
    let outcome = machine.call_by(2, 0xc400_000e, [ENTRY, 7, 0]);
    assert_eq!(outcome, Outcome::SystemSuspend(entry_point(ENTRY, 7)));
    assert_eq!(machine.state(2), CpuPower::PowerDown);
}

#[test]
fn system_suspend_with_an_entry_that_is_none_is_invalid_address() {
    for function in SUSPEND {
        let mut machine = Machine::new();
        for entry in [0, 0x3fff_fffc, 0x8000_0000, ENTRY + 2] {
            assert_eq!(
                machine.call(function, [entry, 0, 0]),
                returns(INVALID_ADDRESS),
                "{function:#x} {entry:#x}"
            );
        }
        assert_eq!(machine.state(0), CpuPower::On);
    }
}

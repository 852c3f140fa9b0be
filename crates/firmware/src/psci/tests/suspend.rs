//! `CPU_SUSPEND` (section 5.1.2) and `CPU_DEFAULT_SUSPEND` (section 5.1.17).

use super::*;

const BOTH_WIDTHS: [u32; 2] = [0x8400_0001, 0xc400_0001];
const DEFAULT_IN_BOTH_WIDTHS: [u32; 2] = [0x8400_000c, 0xc400_000c];

#[test]
fn standby_returns_success_once_an_interrupt_has_come() {
    for function in BOTH_WIDTHS {
        let mut machine = Machine::new();
        let outcome = machine.call(function, [0x0000_0001, 0, 0]);
        assert_eq!(outcome, Outcome::Standby, "{function:#x}");
        assert_eq!(outcome.results(), Some(Results::of(SUCCESS)));
        assert_eq!(machine.state(0), CpuPower::Standby);
        machine.wake(0);
        assert_eq!(machine.state(0), CpuPower::On);
    }
}

#[test]
fn standby_does_not_look_at_entry_and_context() {
    for function in BOTH_WIDTHS {
        let mut machine = Machine::new();
        machine.call(function, [0x0000_0001, 0x3, 0]);
        assert_eq!(machine.registers.reads, [Register::X1], "{function:#x}");
    }
}

#[test]
fn power_down_resumes_at_its_entry_with_its_context() {
    for (function, context) in [(0x8400_0001, 0xdead_beef), (0xc400_0001, 0xfeed_f00d_dead_beef)] {
        let mut machine = Machine::new();
        let outcome = machine.call(function, [0x0001_0001, ENTRY, CONTEXT]);
        assert_eq!(outcome, Outcome::PowerDown(entry_point(ENTRY, context)));
        assert_eq!(outcome.results(), None);
        assert_eq!(machine.state(0), CpuPower::PowerDown);
        machine.wake(0);
        assert_eq!(machine.state(0), CpuPower::On);
    }
}

#[test]
fn cpu_suspend_in_smc32_narrows_entry_and_context() {
    let outcome = Machine::new().call(0x8400_0001, [POWER_DOWN, DIRTY | ENTRY, CONTEXT]);
    assert_eq!(outcome, Outcome::PowerDown(entry_point(ENTRY, 0xdead_beef)));
}

#[test]
fn the_power_state_is_32_bits_wide_in_either_width() {
    let mut machine = Machine::new();
    for function in BOTH_WIDTHS {
        assert_eq!(machine.call(function, [0xdead_beef_0000_0001, 0, 0]), Outcome::Standby);
    }
}

#[test]
fn cpu_suspend_to_an_unknown_power_state_is_invalid_parameters() {
    let mut machine = Machine::new();
    for function in BOTH_WIDTHS {
        for power_state in
            [0, 2, 0x0001_0000, 0x0001_0002, 0x0002_0001, 0x0100_0001, 0x4000_0001, 0x8001_0001]
        {
            let outcome = machine.call(function, [power_state, ENTRY, 0]);
            assert_eq!(outcome, returns(INVALID_PARAMETERS), "{function:#x} {power_state:#x}");
        }
    }
    assert_eq!(machine.state(0), CpuPower::On);
}

#[test]
fn a_power_down_with_an_entry_that_is_none_is_invalid_address() {
    let mut machine = Machine::new();
    for function in BOTH_WIDTHS {
        for entry in [0, 0x3fff_fffc, 0x8000_0000, ENTRY + 1, ENTRY + 2] {
            let outcome = machine.call(function, [POWER_DOWN, entry, 0]);
            assert_eq!(outcome, returns(INVALID_ADDRESS), "{function:#x} {entry:#x}");
        }
    }
    assert_eq!(machine.state(0), CpuPower::On);
}

#[test]
fn a_power_down_with_an_entry_that_is_none_is_invalid_parameters_before_1_0() {
    for function in BOTH_WIDTHS {
        let outcome = Machine::of(PsciVersion::V0_2).call(function, [POWER_DOWN, 0, 0]);
        assert_eq!(outcome, returns(INVALID_PARAMETERS), "{function:#x}");
    }
}

#[test]
fn every_power_state_of_the_device_tree_can_be_entered_in_either_mode() {
    for state in idle_states() {
        let mut machine = Machine::new();
        let power_state = u64::from(state.power_state);
        let outcome = machine.call(CPU_SUSPEND, [power_state, ENTRY, CONTEXT]);
        let entered = match state.kind {
            IdleKind::Standby => Outcome::Standby,
            IdleKind::PowerDown => Outcome::PowerDown(entry_point(ENTRY, CONTEXT)),
        };
        assert_eq!(outcome, entered, "{}", state.name);
        machine.wake(0);
        assert_eq!(machine.call(0x8400_000f, [1, 0, 0]), returns(SUCCESS));
        assert_eq!(machine.call(CPU_SUSPEND, [power_state, ENTRY, CONTEXT]), entered, "OS-initiated");
    }
}

#[test]
fn a_cpu_that_sleeps_is_on_to_the_others_and_they_are_not_alone() {
    for power_state in [STANDBY, POWER_DOWN] {
        let mut machine = Machine::new();
        machine.turn_on(1);
        machine.call_by(1, CPU_SUSPEND, [power_state, ENTRY, 0]);
        assert_eq!(machine.call(AFFINITY_INFO, [1, 0, 0]), returns(0));
        assert!(!machine.power.is_alone());
    }
}

#[test]
fn cpu_default_suspend_resumes_at_its_entry_with_its_context() {
    for (function, context) in [(0x8400_000c, 0xdead_beef), (0xc400_000c, 0xfeed_f00d_dead_beef)] {
        let mut machine = Machine::new();
        let outcome = machine.call(function, [ENTRY, CONTEXT, 0]);
        assert_eq!(outcome, Outcome::PowerDown(entry_point(ENTRY, context)));
        assert_eq!(outcome.results(), None);
        assert_eq!(machine.state(0), CpuPower::PowerDown);
    }
}

#[test]
fn cpu_default_suspend_in_smc32_narrows_entry_and_context() {
    let outcome = Machine::new().call(0x8400_000c, [DIRTY | ENTRY, CONTEXT, 0]);
    assert_eq!(outcome, Outcome::PowerDown(entry_point(ENTRY, 0xdead_beef)));
}

#[test]
fn cpu_default_suspend_with_an_entry_that_is_none_is_invalid_address() {
    let mut machine = Machine::new();
    for function in DEFAULT_IN_BOTH_WIDTHS {
        for entry in [0, 0x3fff_fffc, 0x8000_0000, ENTRY + 2] {
            assert_eq!(
                machine.call(function, [entry, 0, 0]),
                returns(INVALID_ADDRESS),
                "{function:#x} {entry:#x}"
            );
        }
    }
    assert_eq!(machine.state(0), CpuPower::On);
}

#[test]
fn cpu_default_suspend_is_not_supported_with_0_2() {
    for function in DEFAULT_IN_BOTH_WIDTHS {
        assert_eq!(Machine::of(PsciVersion::V0_2).call(function, [ENTRY, 0, 0]), returns(NOT_SUPPORTED));
    }
}

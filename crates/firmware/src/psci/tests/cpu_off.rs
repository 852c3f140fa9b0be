//! `CPU_OFF` (section 5.1.3) and `CPU_FREEZE` (section 5.1.16).

use super::*;

const OFF_AND_FREEZE: [u32; 2] = [0x8400_0002, 0x8400_000b];

#[test]
fn cpu_off_and_cpu_freeze_do_not_return() {
    for function in OFF_AND_FREEZE {
        let outcome = Machine::new().call(function, [0x1_0000, 0, 0]);
        assert_eq!(outcome, Outcome::Off, "{function:#x}");
        assert_eq!(outcome.results(), None);
    }
}

#[test]
fn a_cpu_that_is_off_or_frozen_reads_off_and_waits() {
    for function in OFF_AND_FREEZE {
        let mut machine = Machine::new();
        machine.turn_on(1);
        machine.call_by(1, function, [0; 3]);
        assert_eq!(machine.call(AFFINITY_INFO, [1, 0, 0]), returns(1), "{function:#x}");
        assert_eq!(machine.state(1), CpuPower::Off);
        assert_eq!(machine.power.next(CpuIndex(1)), Next::Wait);
    }
}

#[test]
fn a_cpu_that_is_off_or_frozen_can_be_started_again() {
    for function in OFF_AND_FREEZE {
        let mut machine = Machine::new();
        machine.turn_on(1);
        machine.call_by(1, function, [0; 3]);
        assert_eq!(machine.call(CPU_ON, [1, ENTRY, CONTEXT]), Outcome::Start(CpuIndex(1)), "{function:#x}");
        assert_eq!(machine.power.next(CpuIndex(1)), Next::Start(start(ENTRY, CONTEXT)));
    }
}

#[test]
fn whoever_is_left_when_the_others_are_off_or_frozen_is_alone() {
    let mut machine = Machine::new();
    machine.turn_on(1);
    machine.turn_on(2);
    machine.call_by(1, 0x8400_0002, [0; 3]);
    assert!(!machine.power.is_alone());
    machine.call_by(2, 0x8400_000b, [0; 3]);
    assert!(machine.power.is_alone());
}

#[test]
fn the_last_cpu_may_turn_itself_off() {
    for function in OFF_AND_FREEZE {
        let mut machine = Machine::new();
        machine.call(function, [0; 3]);
        assert_eq!(machine.state(0), CpuPower::Off);
        assert!(!machine.power.is_alone());
    }
}

#[test]
fn cpu_off_and_cpu_freeze_read_no_register() {
    for function in OFF_AND_FREEZE {
        let mut machine = Machine::new();
        machine.call(function, [0; 3]);
        assert!(machine.registers.reads.is_empty(), "{function:#x}");
    }
}

#[test]
fn cpu_off_and_cpu_freeze_have_no_smc64_form() {
    for function in [0xc400_0002, 0xc400_000b] {
        let mut machine = Machine::new();
        assert_eq!(machine.call(function, [0; 3]), returns(NOT_SUPPORTED), "{function:#x}");
        assert_eq!(machine.state(0), CpuPower::On);
    }
}

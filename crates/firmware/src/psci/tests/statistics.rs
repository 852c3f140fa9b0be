//! `PSCI_STAT_RESIDENCY` and `PSCI_STAT_COUNT` (sections 5.1.21 and 5.1.22).

use super::*;

const RESIDENCY: [u32; 2] = [0x8400_0010, 0xc400_0010];
const COUNT: [u32; 2] = [0x8400_0011, 0xc400_0011];
const ALL: [u32; 4] = [0x8400_0010, 0xc400_0010, 0x8400_0011, 0xc400_0011];

/// A stay of CPU `cpu` in a power state, from one time to another, in microseconds.
fn stay(machine: &mut Machine, cpu: usize, power_state: u64, from: u64, to: u64) {
    machine.set_clock(from);
    machine.call_by(cpu, CPU_SUSPEND, [power_state, ENTRY, 0]);
    machine.set_clock(to);
    machine.wake(cpu);
}

#[test]
fn both_are_zero_before_a_cpu_has_slept() {
    let mut machine = Machine::new();
    for function in ALL {
        assert_eq!(machine.call(function, [0, STANDBY, 0]), returns(0), "{function:#x}");
        assert_eq!(machine.call(function, [0, POWER_DOWN, 0]), returns(0), "{function:#x}");
    }
}

#[test]
fn stat_count_grows_with_each_completed_stay_in_that_state() {
    let mut machine = Machine::new();
    stay(&mut machine, 0, STANDBY, 10, 20);
    stay(&mut machine, 0, POWER_DOWN, 30, 40);
    stay(&mut machine, 0, POWER_DOWN, 50, 60);
    for function in COUNT {
        assert_eq!(machine.call(function, [0, STANDBY, 0]), returns(1), "{function:#x}");
        assert_eq!(machine.call(function, [0, POWER_DOWN, 0]), returns(2), "{function:#x}");
    }
}

#[test]
fn stat_residency_is_the_sum_of_the_stays_in_that_state_in_microseconds() {
    let mut machine = Machine::new();
    stay(&mut machine, 0, STANDBY, 1_000_000, 1_000_250);
    stay(&mut machine, 0, STANDBY, 2_000_000, 2_001_000);
    stay(&mut machine, 0, POWER_DOWN, 3_000_000, 3_000_007);
    for function in RESIDENCY {
        assert_eq!(machine.call(function, [0, STANDBY, 0]), returns(1250), "{function:#x}");
        assert_eq!(machine.call(function, [0, POWER_DOWN, 0]), returns(7), "{function:#x}");
    }
}

#[test]
fn each_cpu_has_its_own_and_any_cpu_may_ask() {
    let mut machine = Machine::new();
    machine.turn_on(3);
    stay(&mut machine, 3, STANDBY, 100, 105);
    assert_eq!(machine.call(0xc400_0011, [0x1_0000_0000, STANDBY, 0]), returns(1));
    assert_eq!(machine.call(0xc400_0010, [0x1_0000_0000, STANDBY, 0]), returns(5));
    assert_eq!(machine.call(0xc400_0011, [0, STANDBY, 0]), returns(0));
    assert_eq!(machine.call(0xc400_0010, [0, STANDBY, 0]), returns(0));
}

#[test]
fn a_stay_that_has_not_ended_is_in_neither() {
    let mut machine = Machine::new();
    machine.turn_on(1);
    machine.set_clock(100);
    machine.call_by(1, CPU_SUSPEND, [STANDBY, 0, 0]);
    machine.set_clock(5000);
    for function in ALL {
        assert_eq!(machine.call(function, [1, STANDBY, 0]), returns(0), "{function:#x}");
    }
    machine.wake(1);
    assert_eq!(machine.call(0xc400_0011, [1, STANDBY, 0]), returns(1));
    assert_eq!(machine.call(0xc400_0010, [1, STANDBY, 0]), returns(4900));
}

#[test]
fn cpu_default_suspend_is_a_stay_in_the_power_down_state() {
    for function in [0x8400_000c, 0xc400_000c] {
        let mut machine = Machine::new();
        machine.set_clock(1);
        machine.call(function, [ENTRY, 0, 0]);
        machine.set_clock(4);
        machine.wake(0);
        assert_eq!(machine.call(0xc400_0011, [0, POWER_DOWN, 0]), returns(1), "{function:#x}");
        assert_eq!(machine.call(0xc400_0010, [0, POWER_DOWN, 0]), returns(3), "{function:#x}");
    }
}

#[test]
fn system_suspend_and_cpu_off_are_stays_in_no_state_of_a_cpu() {
    let mut machine = Machine::new();
    machine.set_clock(1);
    machine.call(0xc400_000e, [ENTRY, 0, 0]);
    machine.set_clock(1000);
    machine.wake(0);
    machine.turn_on(1);
    machine.call_by(1, CPU_OFF, [0; 3]);
    for function in ALL {
        for (cpu, state) in [(0, STANDBY), (0, POWER_DOWN), (1, STANDBY), (1, POWER_DOWN)] {
            assert_eq!(machine.call(function, [cpu, state, 0]), returns(0), "{function:#x} {cpu} {state:#x}");
        }
    }
}

#[test]
fn a_suspend_that_is_refused_is_no_stay() {
    let mut machine = Machine::new();
    machine.call(CPU_SUSPEND, [POWER_DOWN, 0, 0]);
    machine.call(0xc400_000c, [0, 0, 0]);
    machine.wake(0);
    assert_eq!(machine.call(0xc400_0011, [0, POWER_DOWN, 0]), returns(0));
}

#[test]
fn statistics_of_a_cpu_outlive_its_being_off() {
    let mut machine = Machine::new();
    machine.turn_on(1);
    stay(&mut machine, 1, STANDBY, 0, 9);
    machine.call_by(1, CPU_OFF, [0; 3]);
    assert_eq!(machine.call(0xc400_0011, [1, STANDBY, 0]), returns(1));
    machine.disable(&[1]);
    assert_eq!(machine.call(0xc400_0010, [1, STANDBY, 0]), returns(9));
}

#[test]
fn arguments_that_make_no_sense_are_zero_and_no_error() {
    let mut machine = Machine::new();
    stay(&mut machine, 0, STANDBY, 0, 9);
    for function in ALL {
        for (target, power_state) in
            [(7, STANDBY), (0x8000_0000, STANDBY), (0, 0), (0, 2), (0, 0x0100_0001), (0, 0x4000_0001)]
        {
            let outcome = machine.call(function, [target, power_state, 0]);
            assert_eq!(outcome, returns(0), "{function:#x} {target:#x} {power_state:#x}");
        }
    }
}

#[test]
fn an_smc32_result_is_the_low_half_and_an_smc64_result_all_64_bits() {
    let mut machine = Machine::new();
    stay(&mut machine, 0, STANDBY, 0, 0x1_8000_0005);
    assert_eq!(machine.call(0x8400_0010, [0, STANDBY, 0]), returns(0x8000_0005), "not sign-extended");
    assert_eq!(machine.call(0xc400_0010, [0, STANDBY, 0]), returns(0x1_8000_0005));
}

#[test]
fn an_smc32_target_is_narrowed_and_the_power_state_is_in_either_width() {
    let mut machine = Machine::new();
    stay(&mut machine, 0, STANDBY, 0, 9);
    assert_eq!(machine.call(0x8400_0011, [DIRTY, DIRTY | STANDBY, 0]), returns(1));
    assert_eq!(machine.call(0xc400_0011, [0, DIRTY | STANDBY, 0]), returns(1));
    assert_eq!(machine.call(0xc400_0011, [DIRTY, STANDBY, 0]), returns(0), "no such CPU");
}

#[test]
fn without_a_clock_stays_are_counted_and_take_no_time() {
    let mut machine = Machine::new();
    machine.call(CPU_SUSPEND, [STANDBY, 0, 0]);
    machine.wake(0);
    assert_eq!(machine.call(0xc400_0011, [0, STANDBY, 0]), returns(1));
    assert_eq!(machine.call(0xc400_0010, [0, STANDBY, 0]), returns(0));
}

#[test]
fn a_clock_that_goes_back_takes_no_time_away() {
    let mut machine = Machine::new();
    stay(&mut machine, 0, STANDBY, 100, 200);
    stay(&mut machine, 0, STANDBY, 500, 300);
    assert_eq!(machine.call(0xc400_0010, [0, STANDBY, 0]), returns(100));
}

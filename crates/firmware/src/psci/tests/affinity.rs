//! `AFFINITY_INFO` (section 5.1.5) and `NODE_HW_STATE` (section 5.1.18).

use super::*;

const BOTH_WIDTHS: [u32; 2] = [0x8400_0004, 0xc400_0004];
const HW_STATE_IN_BOTH_WIDTHS: [u32; 2] = [0x8400_000d, 0xc400_000d];

/// Brings CPU 1 into a state.
type Bring = fn(&mut Machine);

/// Each state of CPU 1, what `AFFINITY_INFO` says of it, and what `NODE_HW_STATE` does.
const STATES: [(CpuPower, Bring, u64, u64); 6] = [
    (CpuPower::Disabled, |machine| machine.disable(&[1]), 1, 1),
    (CpuPower::Off, |_| {}, 1, 1),
    (CpuPower::Pending, |machine| machine.power.start(CpuIndex(1), start(ENTRY, 0)).unwrap(), 2, 1),
    (CpuPower::On, |machine| machine.turn_on(1), 0, 0),
    (CpuPower::Standby, |machine| sleep(machine, STANDBY), 0, 2),
    (CpuPower::PowerDown, |machine| sleep(machine, POWER_DOWN), 0, 1),
];

fn sleep(machine: &mut Machine, power_state: u64) {
    machine.turn_on(1);
    machine.call_by(1, CPU_SUSPEND, [power_state, ENTRY, 0]);
}

#[test]
fn affinity_info_is_on_off_or_on_pending_by_the_state_of_the_cpu() {
    for (state, bring, info, _) in STATES {
        let mut machine = Machine::new();
        bring(&mut machine);
        assert_eq!(machine.state(1), state);
        for function in BOTH_WIDTHS {
            assert_eq!(machine.call(function, [1, 0, 0]), returns(info), "{state:?} {function:#x}");
        }
    }
}

#[test]
fn affinity_info_of_a_cpu_that_the_guest_may_not_have_is_off_with_every_version() {
    for version in PsciVersion::ALL {
        let mut machine = Machine::of(version);
        machine.disable(&[1, 2, 3]);
        for function in BOTH_WIDTHS {
            assert_eq!(machine.call(function, [1, 0, 0]), returns(1), "{version} {function:#x}");
            assert_eq!(machine.call(function, [0x100, 1, 0]), returns(1), "its whole cluster");
        }
    }
}

#[test]
fn affinity_info_looks_at_all_cpus_that_share_the_levels_above() {
    let mut machine = Machine::new();
    let info = |machine: &mut Machine, target, level| machine.call(0xc400_0004, [target, level, 0]);
    assert_eq!(info(&mut machine, 1, 0), returns(1));
    assert_eq!(info(&mut machine, 1, 1), returns(0), "CPU 0 is in the same cluster, and on");
    assert_eq!(info(&mut machine, 0x1ff, 1), returns(1), "lower fields are ignored");
    assert_eq!(info(&mut machine, 0x1_0000_0000, 3), returns(1));
    assert_eq!(info(&mut machine, 0, 3), returns(0));
    machine.turn_on(3);
    assert_eq!(info(&mut machine, 0x1_0000_0000, 2), returns(0));
}

#[test]
fn affinity_info_of_a_node_is_on_pending_if_none_is_on_and_one_is_about_to_be() {
    let mut machine = Machine::new();
    machine.turn_on(2);
    machine.call(CPU_OFF, [0; 3]);
    assert_eq!(machine.call_by(2, CPU_ON, [0, ENTRY, 0]), Outcome::Start(BOOT));
    assert_eq!(machine.call_by(2, AFFINITY_INFO, [1, 1, 0]), returns(2), "CPU 0 pending, CPU 1 off");
    let _ = machine.power.next(BOOT);
    assert_eq!(machine.call_by(2, AFFINITY_INFO, [1, 1, 0]), returns(0));
}

#[test]
fn affinity_info_of_no_cpu_or_no_level_is_invalid_parameters() {
    let mut machine = Machine::new();
    for function in BOTH_WIDTHS {
        for (target, level) in [(7, 0), (0, 4), (0, 0xffff_ffff), (0x0100_0000, 0), (0x0002_0000, 2)] {
            let outcome = machine.call(function, [target, level, 0]);
            assert_eq!(outcome, returns(INVALID_PARAMETERS), "{function:#x} {target:#x} {level}");
        }
    }
}

#[test]
fn affinity_info_in_smc32_narrows_its_target_and_in_either_width_its_level() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(0x8400_0004, [DIRTY | 1, DIRTY, 0]), returns(1));
    assert_eq!(machine.call(0xc400_0004, [1, DIRTY, 0]), returns(1));
    assert_eq!(machine.call(0xc400_0004, [DIRTY | 1, 0, 0]), returns(INVALID_PARAMETERS));
}

#[test]
fn node_hw_state_is_on_off_or_standby_by_the_state_of_the_cpu() {
    for (state, bring, _, hardware) in STATES {
        let mut machine = Machine::new();
        bring(&mut machine);
        for function in HW_STATE_IN_BOTH_WIDTHS {
            assert_eq!(machine.call(function, [1, 0, 0]), returns(hardware), "{state:?} {function:#x}");
        }
    }
}

#[test]
fn node_hw_state_of_no_cpu_or_of_a_level_above_the_cpus_is_invalid_parameters() {
    let mut machine = Machine::new();
    for function in HW_STATE_IN_BOTH_WIDTHS {
        for (target, level) in [(7, 0), (0x8000_0000, 0), (0, 1), (0, 3), (0, 0xffff_ffff)] {
            let outcome = machine.call(function, [target, level, 0]);
            assert_eq!(outcome, returns(INVALID_PARAMETERS), "{function:#x} {target:#x} {level}");
        }
    }
}

#[test]
fn node_hw_state_in_smc32_narrows_its_target_and_in_either_width_its_level() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(0x8400_000d, [DIRTY, DIRTY, 0]), returns(0));
    assert_eq!(machine.call(0xc400_000d, [0, DIRTY, 0]), returns(0));
    assert_eq!(machine.call(0xc400_000d, [0x1_0000_0000, 0, 0]), returns(1), "CPU 3");
}

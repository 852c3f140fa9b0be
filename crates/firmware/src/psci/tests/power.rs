//! `PowerTable`: the states of CPUs, who may change them, and the count.

use std::vec::Vec;

use super::*;

/// Brings CPU 1 into a state.
type Bring = fn(&PowerTable);

const STATES: [(CpuPower, Bring); 5] = [
    (CpuPower::Off, |_| {}),
    (CpuPower::Pending, |power| power.start(CpuIndex(1), start(ENTRY, 0)).unwrap()),
    (CpuPower::On, turn_on),
    (CpuPower::Standby, |power| {
        turn_on(power);
        power.standby(CpuIndex(1));
    }),
    (CpuPower::PowerDown, |power| {
        turn_on(power);
        power.power_down(CpuIndex(1));
    }),
];

fn turn_on(power: &PowerTable) {
    power.start(CpuIndex(1), start(ENTRY, 0)).unwrap();
    let _ = power.next(CpuIndex(1));
}

/// Three CPUs; the first is on.
fn table() -> PowerTable {
    let power = PowerTable::new(&[0, 1, 2].map(Mpidr::from_register));
    power.start(BOOT, start(0, 0)).unwrap();
    let _ = power.next(BOOT);
    power
}

#[test]
fn a_new_table_has_all_cpus_off_and_enabled() {
    let power = PowerTable::new(&[0, 1].map(Mpidr::from_register));
    assert_eq!(power.len(), 2);
    assert!(!power.is_empty());
    for cpu in [BOOT, CpuIndex(1)] {
        assert_eq!(power.state(cpu), CpuPower::Off);
        assert_eq!(power.next(cpu), Next::Wait);
        assert!(!power.enable(cpu), "the guest has it already");
    }
    assert!(!power.is_alone() && !power.all_on() && !power.is_stopped());
}

#[test]
fn a_cpu_that_is_off_can_be_taken_away_and_given_back() {
    let power = table();
    assert_eq!(power.disable(CpuIndex(1)), Ok(()));
    assert_eq!(power.state(CpuIndex(1)), CpuPower::Disabled);
    assert!(power.enable(CpuIndex(1)));
    assert_eq!(power.state(CpuIndex(1)), CpuPower::Off);
    power.start(CpuIndex(1), start(ENTRY, CONTEXT)).unwrap();
    assert_eq!(power.next(CpuIndex(1)), Next::Start(start(ENTRY, CONTEXT)));
}

#[test]
fn a_cpu_that_has_been_taken_away_cannot_be_taken_away_again() {
    let power = table();
    power.disable(CpuIndex(1)).unwrap();
    assert_eq!(power.disable(CpuIndex(1)), Err(CpuPower::Disabled));
    assert_eq!(power.state(CpuIndex(1)), CpuPower::Disabled);
}

#[test]
fn a_cpu_that_is_not_off_cannot_be_taken_away_and_the_refusal_says_how_it_is() {
    for (state, bring) in &STATES[1..] {
        let power = table();
        bring(&power);
        assert_eq!(power.disable(CpuIndex(1)), Err(*state));
        assert_eq!(power.state(CpuIndex(1)), *state, "it is as it was");
    }
}

#[test]
fn a_cpu_that_somebody_has_claimed_cannot_be_taken_away() {
    let power = table();
    let claim = power.claim(CpuIndex(1)).unwrap();
    assert_eq!(power.disable(CpuIndex(1)), Err(CpuPower::Pending));
    drop(claim);
    assert_eq!(power.disable(CpuIndex(1)), Ok(()));
}

#[test]
fn enabling_a_cpu_that_the_guest_has_changes_nothing() {
    for (state, bring) in STATES {
        let power = table();
        bring(&power);
        assert!(!power.enable(CpuIndex(1)));
        assert_eq!(power.state(CpuIndex(1)), state);
    }
}

#[test]
fn a_start_is_refused_by_the_state_of_the_cpu() {
    let disabled: (CpuPower, Bring) = (CpuPower::Disabled, |power| power.disable(CpuIndex(1)).unwrap());
    let refusals = [
        Ok(()),
        Err(Refusal::OnPending),
        Err(Refusal::AlreadyOn),
        Err(Refusal::AlreadyOn),
        Err(Refusal::AlreadyOn),
        Err(Refusal::Disabled),
    ];
    for ((state, bring), refusal) in STATES.into_iter().chain([disabled]).zip(refusals) {
        let power = table();
        bring(&power);
        assert_eq!(power.start(CpuIndex(1), start(ENTRY, 0)), refusal, "{state:?}");
    }
}

#[test]
fn the_thread_of_a_cpu_waits_unless_a_start_is_there() {
    for (state, bring) in STATES {
        let power = table();
        bring(&power);
        let next = power.next(CpuIndex(1));
        let wanted = if state == CpuPower::Pending { Next::Start(start(ENTRY, 0)) } else { Next::Wait };
        assert_eq!(next, wanted, "{state:?}");
    }
}

#[test]
fn the_thread_of_a_cpu_leaves_once_the_cpu_is_taken_away_and_waits_again_once_it_is_back() {
    let power = table();
    power.disable(CpuIndex(1)).unwrap();
    assert_eq!(power.next(CpuIndex(1)), Next::Leave);
    power.enable(CpuIndex(1));
    assert_eq!(power.next(CpuIndex(1)), Next::Wait);
}

#[test]
fn the_thread_of_every_cpu_leaves_once_the_machine_has_stopped_even_one_that_was_to_start() {
    for (state, bring) in STATES {
        let power = table();
        bring(&power);
        power.stop();
        for cpu in 0..3 {
            assert_eq!(power.next(CpuIndex(cpu)), Next::Leave, "{state:?}");
        }
    }
}

#[test]
fn of_those_who_stop_the_machine_exactly_one_is_told_that_it_was_the_first() {
    let power = table();
    let first: Vec<_> = (0..3).map(|_| power.stop()).collect();
    assert_eq!(first, [true, false, false]);
    assert!(power.is_stopped());
    power.reset();
    assert!(!power.is_stopped());
    assert!(power.stop(), "of a new life there is a first one again");
}

#[test]
fn a_reset_turns_every_cpu_off_and_keeps_what_the_guest_may_have() {
    for (state, bring) in STATES {
        let power = table();
        bring(&power);
        power.disable(CpuIndex(2)).unwrap();
        power.stop();
        power.reset();
        assert_eq!(power.state(BOOT), CpuPower::Off);
        assert_eq!(power.state(CpuIndex(1)), CpuPower::Off, "it was {state:?}");
        assert_eq!(power.state(CpuIndex(2)), CpuPower::Disabled);
        assert_eq!(power.next(CpuIndex(1)), Next::Wait, "a start of the old life is not taken");
        assert_eq!(power.next(CpuIndex(2)), Next::Leave);
    }
}

#[test]
fn a_reset_counts_anew() {
    let power = table();
    turn_on(&power);
    power.stop();
    power.reset();
    assert!(!power.is_alone(), "nobody is on");
    power.start(BOOT, start(0, 0)).unwrap();
    let _ = power.next(BOOT);
    assert!(power.is_alone());
}

#[test]
fn a_cpu_is_alone_exactly_while_no_other_is_claimed_pending_on_or_asleep() {
    for (state, bring) in STATES {
        let power = table();
        bring(&power);
        assert_eq!(power.is_alone(), state == CpuPower::Off, "{state:?}");
    }
    let power = table();
    power.disable(CpuIndex(1)).unwrap();
    assert!(power.is_alone(), "one that is taken away does not count");
    power.enable(CpuIndex(1));
    assert!(power.is_alone(), "nor one that could be started");
    let claim = power.claim(CpuIndex(1)).unwrap();
    assert!(!power.is_alone());
    drop(claim);
    assert!(power.is_alone(), "a claim that comes to nothing");
}

#[test]
fn a_claim_that_is_dropped_leaves_the_cpu_off_and_free_for_the_next() {
    let power = table();
    for _ in 0..3 {
        let claim = power.claim(CpuIndex(1)).unwrap();
        assert_eq!(power.state(CpuIndex(1)), CpuPower::Pending);
        assert_eq!(power.claim(CpuIndex(1)).err(), Some(Refusal::OnPending));
        drop(claim);
        assert_eq!(power.state(CpuIndex(1)), CpuPower::Off);
    }
    turn_on(&power);
    power.off(CpuIndex(1));
    assert!(power.is_alone(), "the count is exact after all that");
}

#[test]
fn going_to_sleep_and_waking_up_does_not_change_the_count() {
    let power = table();
    turn_on(&power);
    for sleep in [PowerTable::standby, PowerTable::power_down] {
        sleep(&power, CpuIndex(1));
        assert!(!power.is_alone());
        power.resume(CpuIndex(1));
        assert_eq!(power.state(CpuIndex(1)), CpuPower::On);
    }
    power.off(CpuIndex(1));
    assert!(power.is_alone());
}

#[test]
fn all_are_on_exactly_if_each_cpu_is_on_or_taken_away() {
    for (state, bring) in STATES {
        let power = table();
        power.disable(CpuIndex(2)).unwrap();
        bring(&power);
        assert_eq!(power.all_on(), state == CpuPower::On, "{state:?}");
    }
}

#[test]
fn cpus_are_found_by_affinity_whatever_their_order() {
    let power = PowerTable::new(&[0x1_0000_0000, 0x100, 0, 1].map(Mpidr::from_register));
    for (affinity, index) in [(0x1_0000_0000, 0), (0x100, 1), (0, 2), (1, 3)] {
        assert_eq!(power.find(Mpidr::from_register(affinity)), Some(CpuIndex(index)), "{affinity:#x}");
    }
    assert_eq!(power.find(Mpidr::from_register(2)), None);
}

//! Saving and restoring.

use std::string::ToString;

use super::*;

#[test]
fn the_state_is_what_the_guest_set_and_who_asked() {
    let guest = Guest::new();
    assert_eq!(guest.hyper_v.state(), HyperVState::default());
    guest.set(GUEST_OS_ID, 7);
    guest.set(CRASH_P0 + 1, 8);
    guest.get_on(2, VP_INDEX);
    let expected = HyperVState {
        guest_os_id: 7,
        crash_parameters: [0, 8, 0, 0, 0],
        asked_for_vp_index: vec![CpuIndex(2)],
    };
    assert_eq!(guest.hyper_v.state(), expected);
}

#[test]
fn a_restored_guest_finds_what_it_had_set_and_nothing_of_before() {
    let state = HyperVState {
        guest_os_id: 1,
        crash_parameters: [2, 3, 4, 5, 6],
        asked_for_vp_index: vec![CpuIndex(1)],
    };
    let guest = Guest::new();
    guest.get_on(0, VP_INDEX);
    guest.hyper_v.restore(&state).unwrap();
    assert_eq!(guest.hyper_v.state(), state);
    assert_eq!(guest.get(GUEST_OS_ID), [1, 0]);
    assert_eq!(guest.get(CRASH_P0 + 4), [6, 0]);
}

#[test]
fn a_state_of_more_cpus_is_refused_and_changes_nothing() {
    let guest = Guest::new();
    for cpu in [3, 64, usize::MAX].map(CpuIndex) {
        let state = HyperVState {
            guest_os_id: 1,
            asked_for_vp_index: vec![CpuIndex(0), cpu],
            ..HyperVState::default()
        };
        assert_eq!(guest.hyper_v.restore(&state), Err(RestoreError::NoSuchCpu(cpu)));
    }
    assert_eq!(guest.hyper_v.state(), HyperVState::default());
    assert_eq!(
        RestoreError::NoSuchCpu(CpuIndex(3)).to_string(),
        "the saved state of Hyper-V is of a guest with CPU 3, which this one has not"
    );
}

#[test]
fn the_reference_time_goes_on_from_what_was_saved_on_another_clock() {
    let saved = Guest::new().hyper_v.reference_time(Duration::from_millis(1500));
    assert_eq!(saved, 15_000_000);
    for now in [Duration::ZERO, Duration::from_secs(7), Duration::from_secs(1_000_000)] {
        let guest = Guest::new();
        guest.hyper_v.set_reference_time(saved, now);
        guest.now.set(Some(now));
        assert_eq!(guest.get(TIME_REF_COUNT), [15_000_000, 0]);
        guest.now.set(Some(now + Duration::from_micros(1)));
        assert_eq!(guest.get(TIME_REF_COUNT), [15_000_010, 0]);
    }
}

#[test]
fn a_life_can_begin_at_zero_on_a_clock_that_does_not() {
    let guest = Guest::new();
    guest.hyper_v.set_reference_time(0, Duration::from_millis(1500));
    assert_eq!(guest.get(TIME_REF_COUNT), [0, 0]);
}

//! Saving and restoring.

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_state_is_the_timeout_and_the_time_left() {
    let state = |machine: &Machine, now| machine.watchdog.state(seconds(now));
    assert_eq!(state(&Machine::new(), 100), WatchdogState { timeout: seconds(3600), time_left: None });
    let machine = Machine::running(10);
    assert_eq!(state(&machine, 103), WatchdogState { timeout: seconds(10), time_left: Some(seconds(7)) });
    assert_eq!(state(&machine, 111).time_left, Some(Duration::ZERO));
}

#[test]
fn a_restored_watchdog_has_the_time_that_was_left_on_another_clock() {
    let saved = Machine::running(10).watchdog.state(seconds(103));
    let restored = Machine::new();
    restored.watchdog.restore(saved, seconds(5000));
    assert_eq!(restored.expired(5000), Expiry::At(seconds(5007)));
    restored.set_clock(5001);
    assert_eq!(restored.call(PET, 0).outcome, success_until(5011));
}

#[test]
fn a_restored_watchdog_that_does_not_run_does_not_run() {
    let machine = Machine::running(10);
    machine.watchdog.restore(WatchdogState { timeout: seconds(20), time_left: None }, seconds(100));
    assert_eq!(machine.expired(1_000_000), Expiry::Never);
    assert_eq!(machine.call(ENABLE, 1).outcome, success_until(120));
}

#[test]
fn a_restored_watchdog_without_time_left_bites_at_once() {
    for now in [0, 100] {
        let machine = Machine::new();
        let state = WatchdogState { timeout: seconds(10), time_left: Some(Duration::ZERO) };
        machine.watchdog.restore(state, seconds(now));
        assert!(matches!(machine.expired(now + 1), Expiry::SystemReset(..)), "{now}");
    }
}

#[test]
fn a_state_that_no_watchdog_has_becomes_the_nearest_that_one_has() {
    for (timeout, time_left, expected) in
        [(Duration::ZERO, Duration::ZERO, (1, 0)), (Duration::MAX, Duration::MAX, (3600, 3600))]
    {
        let machine = Machine::new();
        machine.watchdog.restore(WatchdogState { timeout, time_left: Some(time_left) }, seconds(100));
        let state = machine.watchdog.state(seconds(100));
        assert_eq!(
            state,
            WatchdogState { timeout: seconds(expected.0), time_left: Some(seconds(expected.1)) }
        );
    }
}

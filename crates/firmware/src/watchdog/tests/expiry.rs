//! What happens when time is up.

use std::{sync::Barrier, thread};

use super::*;
use crate::{MemoryAtReset, OffKind, ResetKind};

const RESET: Expiry = Expiry::SystemReset(ResetKind::Cold, MemoryAtReset::Cleared);

#[test]
fn a_watchdog_that_was_never_started_never_bites() {
    assert_eq!(Machine::new().expired(u64::MAX), Expiry::Never);
}

#[test]
fn it_bites_at_the_deadline_and_not_before() {
    let machine = Machine::running(10);
    assert_eq!(machine.expired(100), Expiry::At(Duration::from_secs(110)));
    let just_before = Duration::from_secs(110) - Duration::from_micros(1);
    assert_eq!(machine.watchdog.expired(just_before), Expiry::At(Duration::from_secs(110)));
    assert_eq!(machine.expired(110), RESET);
    assert_eq!(machine.expired(1_000_000), RESET);
}

#[test]
fn a_guest_that_goes_on_petting_it_is_not_bitten() {
    let machine = Machine::running(10);
    for now in (100..1000).step_by(9) {
        machine.set_clock(now);
        assert_eq!(machine.call(PET, 0).outcome, success_until(now + 10));
        assert_eq!(machine.expired(now), Expiry::At(Duration::from_secs(now + 10)));
    }
}

#[test]
fn a_pet_after_the_deadline_counts_if_nobody_has_asked_before() {
    let machine = Machine::running(10);
    machine.set_clock(111);
    assert_eq!(machine.call(PET, 0).outcome, success_until(121));
    assert_eq!(machine.expired(111), Expiry::At(Duration::from_secs(121)));
}

#[test]
fn it_switches_off_if_that_was_asked_for() {
    let machine = Machine { watchdog: Watchdog::new(Bite::Off), ..Machine::new() };
    machine.call(ENABLE, 1);
    assert_eq!(machine.expired(3700), Expiry::SystemOff(OffKind::Off));
}

#[test]
fn a_deadline_is_never_before_its_time_whatever_the_clock_shows() {
    let machine = Machine::new();
    machine.call(SET_TIMEOUT, 1);
    for nanoseconds in [0, 1, 999, 1000, 1001, 123_456_789, 1_000_000_001] {
        let now = Duration::from_nanos(nanoseconds);
        machine.clock.0.set(Some(now));
        let Outcome::ReturnUntil(_, deadline) = machine.call(ENABLE, 1).outcome else { panic!() };
        let due = now + Duration::from_secs(1);
        assert!((due..due + Duration::from_micros(1)).contains(&deadline), "{nanoseconds}");
    }
}

#[test]
fn a_clock_at_its_end_is_survived() {
    let machine = Machine::new();
    machine.clock.0.set(Some(Duration::MAX));
    for command in 0..=4 {
        machine.call(command, 1);
    }
    machine.watchdog.expired(Duration::MAX);
    machine.watchdog.expired(Duration::ZERO);
}

/// One CPU changes the timeout while another pets: the deadline always belongs to a timeout that was set.
#[test]
fn timeout_and_deadline_change_together_while_cpus_race() {
    const ROUNDS: usize = 20_000;
    let watchdog = Watchdog::new(Bite::Reset);
    let barrier = Barrier::new(2);
    let now = Duration::from_secs(100);
    struct At(Duration);
    impl Host for At {
        fn monotonic(&self) -> Option<Duration> {
            Some(self.0)
        }
    }
    answer(&watchdog, &At(now), FUNCTION, [SET_TIMEOUT, 10, 0]);
    answer(&watchdog, &At(now), FUNCTION, [ENABLE, 1, 0]);
    thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            for round in 0..ROUNDS {
                let timeout = if round % 2 == 0 { 20 } else { 10 };
                answer(&watchdog, &At(now), FUNCTION, [SET_TIMEOUT, timeout, 0]);
            }
        });
        barrier.wait();
        for _ in 0..ROUNDS {
            answer(&watchdog, &At(now), FUNCTION, [PET, 0, 0]);
            let state = watchdog.state(now);
            assert_eq!(state.time_left, Some(state.timeout));
        }
    });
}

//! The rate limit.

use std::{num::NonZeroU64, sync::Barrier, thread, time::Duration};

use super::*;

/// Always enough, at the time that it is.
struct Plenty(Option<Duration>);

impl Host for Plenty {
    fn entropy(&self, bytes: &mut [u8]) -> Result<(), crate::NoEntropy> {
        bytes.fill(0xff);
        Ok(())
    }

    fn monotonic(&self) -> Option<Duration> {
        self.0
    }
}

fn limited(bits_per_second: u64, burst: u64) -> Trng {
    let bits = |number| NonZeroU64::new(number).unwrap();
    Trng::new(Some(RateLimit { bits_per_second: bits(bits_per_second), burst: bits(burst) }))
}

/// How many of the calls for 64 bits at this time succeed.
fn successes(trng: &Trng, calls: usize, now: Option<Duration>) -> usize {
    let host = Plenty(now);
    (0..calls).filter(|_| answer(trng, &host, RND_64, [64, 0, 0]).x0() == SUCCESS).count()
}

#[test]
fn the_burst_is_there_at_once_and_then_as_many_bits_as_time_has_passed_for() {
    let trng = limited(64, 256);
    let at = |milliseconds| Some(Duration::from_millis(1_000_000_u64 + milliseconds));
    assert_eq!(successes(&trng, 10, at(0)), 4);
    assert_eq!(successes(&trng, 10, at(999)), 0);
    assert_eq!(successes(&trng, 10, at(1000)), 1);
    assert_eq!(successes(&trng, 10, at(3000)), 2);
}

#[test]
fn however_long_nobody_calls_there_is_no_more_than_the_burst() {
    let trng = limited(64, 256);
    assert_eq!(successes(&trng, 10, Some(Duration::from_secs(1))), 4);
    assert_eq!(successes(&trng, 10, Some(Duration::from_secs(1_000_000))), 4);
}

#[test]
fn above_the_limit_it_is_no_entropy_and_the_host_is_not_asked() {
    let trng = limited(1, 64);
    let host = all_set();
    assert_eq!(answer(&trng, &host, RND_64, [64, 0, 0]).x0(), SUCCESS);
    assert_eq!(answer(&trng, &host, RND_32, [1, 0, 0]).x0_to_x3(), [NO_ENTROPY, 0, 0, 0]);
    assert_eq!(asked(&host), [8]);
}

#[test]
fn a_refused_call_takes_nothing_of_the_limit() {
    let trng = limited(1, 64);
    let host = Plenty(Some(Duration::ZERO));
    assert_eq!(answer(&trng, &host, RND_64, [65, 0, 0]).x0(), NO_ENTROPY);
    assert_eq!(answer(&trng, &host, RND_64, [193, 0, 0]).x0(), INVALID_PARAMETERS);
    assert_eq!(answer(&trng, &host, RND_64, [64, 0, 0]).x0(), SUCCESS);
}

#[test]
fn more_bits_than_the_burst_are_never_there() {
    let trng = limited(1_000_000, 100);
    for seconds in [0, 1, 1_000_000] {
        let host = Plenty(Some(Duration::from_secs(seconds)));
        assert_eq!(answer(&trng, &host, RND_64, [101, 0, 0]).x0(), NO_ENTROPY);
    }
}

#[test]
fn without_a_clock_the_burst_is_all_there_is() {
    let trng = limited(64, 128);
    assert_eq!(successes(&trng, 1000, None), 2);
    assert_eq!(successes(&trng, 1000, None), 0);
}

#[test]
fn a_call_takes_a_nanosecond_at_least_and_a_burst_is_whole() {
    assert_eq!(successes(&limited(u64::MAX, 1000), 10, None), 1);
    // A bit takes a third of a second.
    let trng = limited(3, 3);
    let taken = (0..10).filter(|_| answer(&trng, &Plenty(None), RND_64, [1, 0, 0]).x0() == SUCCESS);
    assert_eq!(taken.count(), 3);
    assert_eq!(answer(&limited(3, 3), &Plenty(None), RND_64, [3, 0, 0]).x0(), SUCCESS);
}

#[test]
fn a_clock_that_jumps_to_its_end_and_limits_at_theirs_are_survived() {
    for (rate, burst) in [(1, 1), (1, u64::MAX), (u64::MAX, 1), (u64::MAX, u64::MAX)] {
        let trng = limited(rate, burst);
        for now in [Duration::MAX, Duration::ZERO, Duration::MAX] {
            successes(&trng, 10, Some(now));
        }
    }
}

#[test]
fn functions_that_return_no_bits_have_no_limit() {
    let trng = limited(1, 1);
    let host = Plenty(Some(Duration::ZERO));
    for _ in 0..100 {
        assert_eq!(answer(&trng, &host, 0x8400_0050, [0; 3]).x0(), 0x1_0000);
    }
}

#[test]
fn racing_cpus_get_no_more_than_the_burst_together() {
    const CALLERS: usize = 4;
    let trng = limited(1, 64 * 1000);
    let barrier = Barrier::new(CALLERS);
    let taken: usize = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    successes(&trng, 1000, Some(Duration::ZERO))
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    assert!(taken <= 1000, "{taken}");
    assert!(taken >= 500, "{taken}: a call that loses a few races is refused, but few are");
}

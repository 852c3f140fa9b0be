//! How much of something a guest gets in how much time, without a lock.

use core::{
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How much there is: on average, and at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// So much, on average.
    pub amount: NonZeroU64,
    /// In so much time.
    pub per: Duration,
    /// At once, after a while in which nothing was taken. More than that is never to be had.
    pub burst: NonZeroU64,
}

/// An allowance and what has been taken of it. A virtual scheduler (the generic cell rate algorithm of ITU-T I.371): the
/// only state is the time at which everything taken so far will have been paid for, so one atomic step takes some more.
#[derive(Debug)]
pub struct Limiter {
    allowance: Allowance,
    /// In nanoseconds of [`Host::monotonic`](crate::Host::monotonic).
    paid_at: AtomicU64,
}

impl Limiter {
    /// Of which nothing has been taken.
    #[must_use]
    pub const fn new(allowance: Allowance) -> Self {
        Self { allowance, paid_at: AtomicU64::new(0) }
    }

    /// Takes so much, if it is to be had now. Without a clock time stands still, and the burst is all there ever is.
    pub fn take(&self, amount: u64, now: Option<Duration>) -> bool {
        let now = u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX);
        // Rounded down, or the last of a burst would be too dear; and nothing is free.
        let price = self.nanoseconds(amount, Rounding::Down).max(1);
        let credit = self.nanoseconds(self.allowance.burst.get(), Rounding::Up);
        let mut paid_at = self.paid_at.load(Ordering::Relaxed);
        loop {
            let after = paid_at.max(now).saturating_add(price);
            if after - now > credit {
                return false;
            }
            // No other memory goes with it: the order of this word's values is all that counts.
            match self.paid_at.compare_exchange(paid_at, after, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                // Somebody else has taken something: each failure is another one's success.
                Err(changed) => paid_at = changed,
            }
        }
    }

    /// In how much time there is so much.
    fn nanoseconds(&self, amount: u64, rounding: Rounding) -> u64 {
        let time = self.allowance.per.as_nanos().saturating_mul(u128::from(amount));
        let of = u128::from(self.allowance.amount.get());
        let nanoseconds = match rounding {
            Rounding::Down => time / of,
            Rounding::Up => time.div_ceil(of),
        };
        u64::try_from(nanoseconds).unwrap_or(u64::MAX)
    }
}

/// Of what is no whole nanosecond.
#[derive(Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn number(number: u64) -> NonZeroU64 {
        NonZeroU64::new(number).expect("not zero")
    }

    fn limiter() -> Limiter {
        Limiter::new(Allowance { amount: number(60), per: Duration::from_secs(60), burst: number(3) })
    }

    fn take(limiter: &Limiter, seconds: u64) -> bool {
        limiter.take(1, Some(Duration::from_secs(seconds)))
    }

    #[test]
    fn after_the_burst_it_comes_at_its_rate() {
        let limiter = limiter();
        assert_eq!([0, 0, 0, 0].map(|now| take(&limiter, now)), [true, true, true, false]);
        assert_eq!([1, 1, 2].map(|now| take(&limiter, now)), [true, false, true]);
        assert_eq!([100, 100, 100, 100].map(|now| take(&limiter, now)), [true, true, true, false]);
    }

    #[test]
    fn a_burst_is_whole_where_the_rate_does_not_divide_the_time() {
        for amount in [3, 7, 30, 59] {
            let per = Duration::from_secs(1);
            let limiter = Limiter::new(Allowance { amount: number(amount), per, burst: number(amount) });
            let taken = (0..2 * amount).filter(|_| limiter.take(1, Some(Duration::from_secs(9)))).count();
            assert_eq!(u64::try_from(taken).unwrap(), amount);
        }
    }

    #[test]
    fn more_than_the_burst_is_never_to_be_had_and_takes_nothing() {
        let limiter = limiter();
        assert!(!limiter.take(4, Some(Duration::from_secs(1000))));
        assert!(limiter.take(3, Some(Duration::from_secs(1000))));
    }

    #[test]
    fn without_a_clock_the_burst_is_all_there_is() {
        let limiter = limiter();
        assert_eq!([(); 4].map(|()| limiter.take(1, None)), [true, true, true, false]);
    }
}

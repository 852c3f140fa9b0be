//! How many random bits a guest gets.

use core::{
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::random::BitCount;

/// How many random bits a guest gets: on average, and at once.
///
/// Random bits are the host's, and cost it something; a guest that asks without end gets NO_ENTROPY, and has to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// On average.
    pub bits_per_second: NonZeroU64,
    /// At once, after a while without a call. A call that asks for more never succeeds: Linux asks for up to 192.
    pub burst: NonZeroU64,
}

/// A rate limit and what has been taken of it. A virtual scheduler (the generic cell rate algorithm of ITU-T I.371): the
/// only state is the time at which everything taken so far will have been paid for, so one atomic step takes some more.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: RateLimit,
    /// In nanoseconds of [`Host::monotonic`](crate::Host::monotonic).
    paid_at: AtomicU64,
}

/// How often taking is tried while other CPUs take at the same time. Each failure is a success of another one.
const TRIES: usize = 8;
const NANOSECONDS: u64 = 1_000_000_000;

impl Limiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, paid_at: AtomicU64::new(0) }
    }

    /// Takes bits, if the limit has them now. Without a clock time stands still, and the burst is all there ever is.
    pub(super) fn take(&self, count: BitCount, now: Option<Duration>) -> bool {
        let now = u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX);
        let price = self.nanoseconds(u64::from(count.bits()));
        let credit = self.nanoseconds(self.limit.burst.get());
        let mut paid_at = self.paid_at.load(Ordering::Relaxed);
        for _ in 0..TRIES {
            let after = paid_at.max(now).saturating_add(price);
            if after - now > credit {
                return false;
            }
            // No other memory goes with it: the order of this word's values is all that counts.
            match self.paid_at.compare_exchange(paid_at, after, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(changed) => paid_at = changed,
            }
        }
        false
    }

    /// How long that many bits take at the limit's rate, rounded up: many small calls get a little less than few large
    /// ones, and none is free.
    fn nanoseconds(&self, bits: u64) -> u64 {
        let bit_nanoseconds = u128::from(bits) * u128::from(NANOSECONDS);
        let nanoseconds = bit_nanoseconds.div_ceil(u128::from(self.limit.bits_per_second.get()));
        u64::try_from(nanoseconds).unwrap_or(u64::MAX)
    }
}

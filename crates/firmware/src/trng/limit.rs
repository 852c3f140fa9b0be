//! How many random bits a guest gets.

use core::{num::NonZeroU64, time::Duration};

use crate::Allowance;

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

impl From<RateLimit> for Allowance {
    fn from(limit: RateLimit) -> Self {
        Self { amount: limit.bits_per_second, per: Duration::from_secs(1), burst: limit.burst }
    }
}

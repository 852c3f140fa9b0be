//! Filters by the shape of their boundaries, for tests and benchmarks.
#![allow(dead_code, reason = "every test and benchmark uses some of it")]

use switchboard_filter::{Action, Filter, Range};
use switchboard_smccc::FunctionId;

/// A small generator of numbers that look random (xorshift64*, Vigna 2016), the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let [.., b4, b5, b6, b7] = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
        u32::from_le_bytes([b4, b5, b6, b7])
    }
}

/// Ranges between every first boundary and the second that follows it, denied and forwarded in turn; the rest, and
/// whatever would touch a reserved range, is handled.
pub(crate) fn between(boundaries: &[u32]) -> Filter {
    let mut filter = Filter::new();
    for (pair, action) in boundaries.chunks_exact(2).zip([Action::Deny, Action::Forward].into_iter().cycle())
    {
        let range = Range::literal(FunctionId(pair[0]), pair[1] - pair[0]);
        if !Filter::RESERVED.iter().any(|reserved| reserved.overlaps(range)) {
            filter.insert(range, action).expect("boundaries ascend");
        }
    }
    filter
}

/// `ranges` ranges at random all over the function IDs.
pub(crate) fn spread(ranges: usize) -> Filter {
    let mut random = Random::new(0x5bd1_e995);
    let mut boundaries: Vec<u32> = (0..2 * ranges).map(|_| random.next()).collect();
    loop {
        boundaries.sort_unstable();
        boundaries.dedup();
        let filter = between(&boundaries);
        if filter.rules().count() >= ranges {
            return filter;
        }
        // Two boundaries were the same, or a range has touched a reserved one.
        boundaries.extend([random.next(), random.next()]);
    }
}

/// `ranges` ranges whose boundaries lie `per_page` to a page of 65,536 IDs, `apart` IDs from one to the next. Pages
/// are `stride` apart. All of it is below the reserved ranges.
pub(crate) fn clustered(ranges: usize, per_page: usize, apart: usize, stride: usize) -> Filter {
    let boundaries: Vec<u32> = (0..2 * ranges)
        .map(|n| (n / per_page * stride) << 16 | (n % per_page * apart + 1))
        .map(|id| u32::try_from(id).expect("it fits below the reserved ranges"))
        .collect();
    between(&boundaries)
}

/// `ranges` single IDs from `base` on, denied and forwarded in turn: none does what its neighbours do.
pub(crate) fn alternating(base: u32, ranges: usize) -> Filter {
    let mut filter = Filter::new();
    for (id, action) in
        (base..=u32::MAX).zip([Action::Deny, Action::Forward].into_iter().cycle()).take(ranges)
    {
        filter.insert(Range::literal(FunctionId(id), 1), action).expect("IDs ascend");
    }
    filter
}

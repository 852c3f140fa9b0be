//! Ranges by their ends, and sets of function IDs.

use switchboard_filter::Range;
use switchboard_smccc::{Conduit, FunctionId};

/// Both conduits, in the order in which everything is listed.
pub(crate) const CONDUITS: [Conduit; 2] = [Conduit::Hvc, Conduit::Smc];

/// Bit 30: the other width.
const SMC64: u32 = 1 << 30;

/// The range from `first` to `last`; `None` if it ends before it starts.
pub(crate) fn range(first: FunctionId, last: FunctionId) -> Option<Range> {
    match last.0.checked_sub(first.0)?.checked_add(1) {
        Some(count) => Range::new(first, count).ok(),
        None => Some(Range::ALL),
    }
}

/// The range of one function ID.
pub(crate) fn single(id: FunctionId) -> Range {
    Range::literal(id, 1)
}

/// What two ranges share.
pub(crate) fn intersection(a: Range, b: Range) -> Option<Range> {
    range(a.first().max(b.first()), a.last().min(b.last()))
}

/// The ID after a range; `None` at the end of the space.
pub(crate) fn following(range: Range) -> Option<FunctionId> {
    range.last().0.checked_add(1).map(FunctionId)
}

/// A set of function IDs: sorted, disjoint ranges with a gap between any two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IdSet(Vec<Range>);

impl IdSet {
    pub(crate) fn of(ranges: impl IntoIterator<Item = Range>) -> Self {
        let mut ranges: Vec<Range> = ranges.into_iter().collect();
        ranges.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
        for next in ranges {
            match merged.last_mut() {
                Some(last) if following(*last).is_none_or(|after| next.first() <= after) => {
                    *last = range(last.first(), last.last().max(next.last())).unwrap_or(*last);
                }
                _ => merged.push(next),
            }
        }
        Self(merged)
    }

    pub(crate) fn ranges(&self) -> &[Range] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, id: FunctionId) -> bool {
        let at = self.0.partition_point(|range| range.last() < id);
        self.0.get(at).is_some_and(|range| range.contains(id))
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        Self::of(self.0.iter().chain(&other.0).copied())
    }

    /// What is in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.0.as_slice(), other.0.as_slice());
        let mut shared = Vec::new();
        while let ([left, rest_a @ ..], [right, rest_b @ ..]) = (a, b) {
            shared.extend(intersection(*left, *right));
            if left.last() < right.last() {
                a = rest_a;
            } else {
                b = rest_b;
            }
        }
        Self(shared)
    }

    /// What is in this one alone.
    pub(crate) fn without(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(FunctionId(0));
        for present in &self.0 {
            let before = present.first().0.checked_sub(1).map(FunctionId);
            gaps.extend(next.zip(before).and_then(|(first, last)| range(first, last)));
            next = following(*present);
        }
        gaps.extend(next.and_then(|first| range(first, FunctionId(u32::MAX))));
        Self(gaps)
    }

    /// The same functions in the other width.
    pub(crate) fn other_width(&self) -> Self {
        let quarters = (0..4_u32).map(|top| {
            let first = FunctionId(top << 30);
            Range::literal(first, SMC64)
        });
        Self::of(quarters.flat_map(|quarter| {
            self.0.iter().filter_map(move |present| {
                let part = intersection(quarter, *present)?;
                range(part.first().other_width(), part.last().other_width())
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u32, u32)]) -> IdSet {
        IdSet::of(ranges.iter().map(|&(first, last)| range(FunctionId(first), FunctionId(last)).unwrap()))
    }

    #[test]
    fn neighbours_and_overlapping_ranges_become_one() {
        assert_eq!(set(&[(5, 9), (0, 3), (4, 4), (7, 12)]), set(&[(0, 12)]));
        assert_eq!(set(&[(0, u32::MAX), (1, 2)]).ranges(), [Range::ALL]);
    }

    #[test]
    fn what_is_in_one_alone_is_cut_out_at_both_ends() {
        assert_eq!(set(&[(0, 9)]).without(&set(&[(3, 4)])), set(&[(0, 2), (5, 9)]));
        assert_eq!(set(&[(0, u32::MAX)]).without(&set(&[(0, 0)])), set(&[(1, u32::MAX)]));
        assert!(set(&[(3, 4)]).without(&set(&[(0, u32::MAX)])).is_empty());
    }

    #[test]
    fn a_range_over_both_widths_is_its_own_alias() {
        assert_eq!(set(&[(0, u32::MAX)]).other_width(), set(&[(0, u32::MAX)]));
        assert_eq!(
            set(&[(0xbfff_ffff, 0xc000_0000)]).other_width(),
            set(&[(0x8000_0000, 0x8000_0000), (0xffff_ffff, 0xffff_ffff)])
        );
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_none() {
        assert_eq!(range(FunctionId(2), FunctionId(1)), None);
        assert_eq!(range(FunctionId(0), FunctionId(u32::MAX)), Some(Range::ALL));
    }
}

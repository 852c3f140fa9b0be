//! Function IDs mapped to something, by interval arithmetic.

use switchboard_filter::Range;
use switchboard_smccc::FunctionId;

use crate::range::{IdSet, following, intersection, range};

/// Sorted, disjoint ranges, each with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map<T>(Vec<(Range, T)>);

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone + PartialEq> Map<T> {
    /// A map of disjoint ranges, in any order.
    pub(crate) fn of(mut entries: Vec<(Range, T)>) -> Self {
        entries.sort_unstable_by_key(|(range, _)| *range);
        Self(entries)
    }

    pub(crate) fn entries(&self) -> &[(Range, T)] {
        &self.0
    }

    pub(crate) fn get(&self, id: FunctionId) -> Option<&T> {
        let at = self.0.partition_point(|(range, _)| range.last() < id);
        self.0.get(at).filter(|(range, _)| range.contains(id)).map(|(_, value)| value)
    }

    /// The first entry that shares an ID with this range.
    pub(crate) fn first_in(&self, range: Range) -> Option<&(Range, T)> {
        let at = self.0.partition_point(|(here, _)| here.last() < range.first());
        self.0.get(at).filter(|(here, _)| here.overlaps(range))
    }

    /// Which of the IDs have such a value.
    pub(crate) fn ids(&self, has: impl Fn(&T) -> bool) -> IdSet {
        IdSet::of(self.0.iter().filter(|(_, value)| has(value)).map(|(range, _)| *range))
    }

    /// All 2^32 IDs: those that have no value get this one.
    pub(crate) fn completed(&self, value: &T) -> Self {
        let mut all = Vec::with_capacity(2 * self.0.len() + 1);
        let mut next = Some(FunctionId(0));
        for entry in &self.0 {
            let before = entry.0.first().0.checked_sub(1).map(FunctionId);
            let gap = next.zip(before).and_then(|(first, last)| range(first, last));
            all.extend(gap.map(|gap| (gap, value.clone())));
            all.push(entry.clone());
            next = following(entry.0);
        }
        let rest = next.and_then(|first| range(first, FunctionId(u32::MAX)));
        all.extend(rest.map(|rest| (rest, value.clone())));
        Self(all)
    }

    /// This map with another one on top, whose values hide those below.
    pub(crate) fn overlaid(&self, upper: &Self) -> Self {
        let hidden = upper.ids(|_| true);
        let mut entries = upper.0.clone();
        let visible = IdSet::of([Range::ALL]).without(&hidden);
        let (mut below, mut gaps) = (self.0.as_slice(), visible.ranges());
        while let ([(here, value), rest_below @ ..], [gap, rest_gaps @ ..]) = (below, gaps) {
            entries.extend(intersection(*here, *gap).map(|part| (part, value.clone())));
            if here.last() < gap.last() {
                below = rest_below;
            } else {
                gaps = rest_gaps;
            }
        }
        Self::of(entries)
    }

    /// Where both have a value, the two together.
    pub(crate) fn zip<U: Clone + PartialEq>(&self, other: &Map<U>) -> Map<(T, U)> {
        let (mut a, mut b) = (self.0.as_slice(), other.0.as_slice());
        let mut both = Vec::with_capacity(a.len() + b.len());
        while let ([(left, x), rest_a @ ..], [(right, y), rest_b @ ..]) = (a, b) {
            both.extend(intersection(*left, *right).map(|part| (part, (x.clone(), y.clone()))));
            if left.last() < right.last() {
                a = rest_a;
            } else if right.last() < left.last() {
                b = rest_b;
            } else {
                (a, b) = (rest_a, rest_b);
            }
        }
        Map(both)
    }

    /// Other values in the same places, neighbours with the same one joined.
    pub(crate) fn map<U: PartialEq>(&self, change: impl Fn(Range, &T) -> U) -> Map<U> {
        let mut joined: Vec<(Range, U)> = Vec::with_capacity(self.0.len());
        for (here, value) in &self.0 {
            let value = change(*here, value);
            match joined.last_mut() {
                Some((last, same)) if *same == value && following(*last) == Some(here.first()) => {
                    *last = range(last.first(), here.last()).unwrap_or(*last);
                }
                _ => joined.push((*here, value)),
            }
        }
        Map(joined)
    }
}

/// Every ID, and whether it is in the set.
pub(crate) fn membership(set: &IdSet) -> Map<bool> {
    Map::of(set.ranges().iter().map(|range| (*range, true)).collect()).completed(&false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(u32, u32, char)]) -> Map<char> {
        Map::of(
            entries
                .iter()
                .map(|&(first, last, value)| (range(FunctionId(first), FunctionId(last)).unwrap(), value))
                .collect(),
        )
    }

    #[test]
    fn what_lies_on_top_hides_what_is_below_and_leaves_the_rest() {
        let below = map(&[(0, 9, 'a'), (20, 29, 'b')]);
        let upper = map(&[(3, 4, 'x'), (8, 22, 'y')]);
        assert_eq!(
            below.overlaid(&upper),
            map(&[(0, 2, 'a'), (3, 4, 'x'), (5, 7, 'a'), (8, 22, 'y'), (23, 29, 'b')])
        );
    }

    #[test]
    fn a_completed_map_covers_all_ids() {
        assert_eq!(map(&[(1, 1, 'a')]).completed(&'-'), map(&[(0, 0, '-'), (1, 1, 'a'), (2, u32::MAX, '-')]));
        assert_eq!(map(&[]).completed(&'-').entries(), [(Range::ALL, '-')]);
    }

    #[test]
    fn two_maps_are_cut_at_the_boundaries_of_both() {
        let both = map(&[(0, 9, 'a')]).zip(&map(&[(5, 6, 'x'), (9, 12, 'y')]));
        let parts: Vec<_> = both.entries().iter().map(|(range, pair)| (range.first().0, *pair)).collect();
        assert_eq!(parts, [(5, ('a', 'x')), (9, ('a', 'y'))]);
    }

    #[test]
    fn neighbours_that_become_the_same_are_joined() {
        let joined = map(&[(0, 1, 'a'), (2, 3, 'b'), (5, 6, 'a')]).map(|_, _| 'z');
        assert_eq!(joined, map(&[(0, 3, 'z'), (5, 6, 'z')]));
    }
}

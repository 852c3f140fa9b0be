//! Where two filters differ, by interval arithmetic.

use core::{fmt, iter::FusedIterator};

use switchboard_smccc::FunctionId;

use crate::{Action, Filter, Range, Rule, Segments, segments::following};

/// A run of function IDs to which two filters do different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Which function IDs.
    pub range: Range,
    /// What the first filter does with them.
    pub left: Action,
    /// What the second does: something else.
    pub right: Action,
}

/// Where two filters differ: every function ID to which they do different things, in order, as the fewest possible
/// ranges. None means that they do the same to all 2^32 IDs, by whatever ranges.
///
/// Takes time linear in the number of ranges; the IDs are not enumerated.
#[must_use]
pub fn difference<'a>(a: &'a Filter, b: &'a Filter) -> Differences<'a> {
    Differences { left: Side::new(a), right: Side::new(b), next: Some(FunctionId(0)) }
}

/// Do two filters do the same to every function ID? The ranges by which they do it, and whether they are frozen,
/// do not matter; `==` compares those.
#[must_use]
pub fn equivalent(a: &Filter, b: &Filter) -> bool {
    difference(a, b).next().is_none()
}

/// The iterator that [`difference`] returns.
#[derive(Debug, Clone)]
pub struct Differences<'a> {
    left: Side<'a>,
    right: Side<'a>,
    /// Where the next run begins; `None` after the last function ID.
    next: Option<FunctionId>,
}

/// One filter: the segment that holds the current function ID, and those after it.
#[derive(Debug, Clone)]
struct Side<'a> {
    current: Rule,
    rest: Segments<'a>,
}

impl<'a> Side<'a> {
    fn new(filter: &'a Filter) -> Self {
        let nothing = Rule { range: Range::ALL, action: Action::Handle };
        let mut rest = filter.segments();
        Self { current: rest.next().unwrap_or(nothing), rest }
    }

    /// Goes on to the segment that holds `id`.
    fn advance(&mut self, id: FunctionId) {
        while self.current.range.last() < id {
            let Some(next) = self.rest.next() else { return };
            self.current = next;
        }
    }
}

impl Iterator for Differences<'_> {
    type Item = Difference;

    fn next(&mut self) -> Option<Difference> {
        // Neighbouring segments of one filter differ in action, so each run found here is as long as it can be.
        while let Some(first) = self.next {
            self.left.advance(first);
            self.right.advance(first);
            let (left, right) = (self.left.current, self.right.current);
            let range = Range::between(first, left.range.last().min(right.range.last()));
            self.next = following(range);
            if left.action != right.action {
                return Some(Difference { range, left: left.action, right: right.action });
            }
        }
        None
    }
}

impl FusedIterator for Differences<'_> {}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: left {}, right {}", self.range, self.left, self.right)
    }
}

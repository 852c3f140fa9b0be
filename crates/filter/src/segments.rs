//! All function IDs, in order, as ranges of one action each.

use core::iter::FusedIterator;

use switchboard_smccc::FunctionId;

use crate::{Action, Range, Rule};

/// The iterator of [`Filter::segments`](crate::Filter::segments): at least one segment; each begins where the one
/// before it ended, with another action; the last ends at 0xffffffff.
#[derive(Debug, Clone)]
pub struct Segments<'a> {
    /// What does not end before `next`.
    rules: &'a [Rule],
    /// Where the next segment begins; `None` after the last function ID.
    next: Option<FunctionId>,
}

/// The segments of sorted, disjoint rules.
pub(crate) const fn segments(rules: &[Rule]) -> Segments<'_> {
    Segments { rules, next: Some(FunctionId(0)) }
}

impl Segments<'_> {
    /// Takes the run that begins here: the rest of one rule, or the gap before one.
    fn piece(&mut self, first: FunctionId) -> Rule {
        let (last, action) = match self.rules {
            [rule, rest @ ..] if rule.range.contains(first) => {
                self.rules = rest;
                (rule.range.last(), rule.action)
            }
            [rule, ..] => (FunctionId(rule.range.first().0 - 1), Action::Handle),
            [] => (FunctionId(u32::MAX), Action::Handle),
        };
        Rule { range: Range::between(first, last), action }
    }
}

impl Iterator for Segments<'_> {
    type Item = Rule;

    fn next(&mut self) -> Option<Rule> {
        let mut segment = self.piece(self.next?);
        loop {
            self.next = following(segment.range);
            let Some(next) = self.next else { return Some(segment) };
            let before = self.rules;
            let piece = self.piece(next);
            if piece.action != segment.action {
                self.rules = before;
                return Some(segment);
            }
            segment.range = Range::between(segment.range.first(), piece.range.last());
        }
    }
}

impl FusedIterator for Segments<'_> {}

/// The function ID after a range; `None` at the end of the space.
pub(crate) fn following(range: Range) -> Option<FunctionId> {
    range.last().0.checked_add(1).map(FunctionId)
}

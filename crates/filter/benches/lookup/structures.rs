//! What is measured: the compiled lookup, and what a program would otherwise use.

use std::collections::BTreeMap;

use rangemap::RangeInclusiveMap;
use switchboard_filter::{Action, Filter, Lookup, Rule};
use switchboard_smccc::FunctionId;

/// A way to look an action up.
pub(crate) trait Structure {
    const NAME: &'static str;
    fn of(filter: &Filter) -> Self;
    fn find(&self, id: u32) -> Action;
}

impl Structure for Lookup {
    const NAME: &'static str = "Lookup";

    fn of(filter: &Filter) -> Self {
        filter.compile()
    }

    #[inline]
    fn find(&self, id: u32) -> Action {
        self.action(FunctionId(id))
    }
}

/// The ranges in a sorted array, searched by halving.
pub(crate) struct SortedArray(Vec<Rule>);

impl Structure for SortedArray {
    const NAME: &'static str = "sorted array";

    fn of(filter: &Filter) -> Self {
        Self(filter.rules().collect())
    }

    #[inline]
    fn find(&self, id: u32) -> Action {
        let id = FunctionId(id);
        let at = self.0.partition_point(|rule| rule.range.last() < id);
        self.0.get(at).filter(|rule| rule.range.contains(id)).map_or(Action::Handle, |rule| rule.action)
    }
}

/// The ranges in a tree, by their first function ID.
pub(crate) struct Tree(BTreeMap<u32, Rule>);

impl Structure for Tree {
    const NAME: &'static str = "BTreeMap";

    fn of(filter: &Filter) -> Self {
        Self(filter.rules().map(|rule| (rule.range.first().0, rule)).collect())
    }

    #[inline]
    fn find(&self, id: u32) -> Action {
        let below = self.0.range(..=id).next_back();
        below
            .filter(|(_, rule)| rule.range.contains(FunctionId(id)))
            .map_or(Action::Handle, |(_, rule)| rule.action)
    }
}

impl Structure for RangeInclusiveMap<u32, Action> {
    const NAME: &'static str = "rangemap";

    fn of(filter: &Filter) -> Self {
        filter.rules().map(|rule| (rule.range.first().0..=rule.range.last().0, rule.action)).collect()
    }

    #[inline]
    fn find(&self, id: u32) -> Action {
        self.get(&id).copied().unwrap_or(Action::Handle)
    }
}

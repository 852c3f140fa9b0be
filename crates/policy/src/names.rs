//! Names of functions: the only user of the catalogue.

use std::sync::OnceLock;

use switchboard_filter::Range;
use switchboard_smccc::{
    FunctionId, Width,
    catalogue::{self, Function, Named, Widths},
};

use crate::range::{IdSet, single};

/// The function of this name, with or without the prefix of its document, and the width that is asked for, if any.
pub(crate) use switchboard_smccc::catalogue::find_by_name;

/// What a name stands for.
pub(crate) fn set(named: Named) -> IdSet {
    IdSet::of(named.ids().map(single))
}

/// The function with this ID.
pub(crate) fn find(id: FunctionId) -> Option<&'static Function> {
    catalogue::find(id).filter(|function| function.has(id))
}

/// The name of a function ID, where it has one.
pub(crate) fn name_of(id: FunctionId) -> Option<&'static str> {
    find(id).map(|function| function.name)
}

/// Every function.
pub(crate) fn functions() -> impl Iterator<Item = &'static Function> {
    catalogue::functions().iter()
}

/// The function's ID in each width that it has.
pub(crate) fn ids(function: &Function) -> impl Iterator<Item = FunctionId> {
    let other = (function.widths == Widths::Both).then(|| function.id.other_width());
    core::iter::once(function.id).chain(other)
}

/// The IDs of this width.
pub(crate) fn of_width(width: Width) -> IdSet {
    let quarters: [u32; 2] = match width {
        Width::Smc32 => [0, 0x8000_0000],
        Width::Smc64 => [0x4000_0000, 0xc000_0000],
    };
    IdSet::of(quarters.map(|first| Range::literal(FunctionId(first), 0x4000_0000)))
}

/// Every function ID that has a name, in order.
fn named() -> &'static [(FunctionId, &'static str)] {
    static NAMED: OnceLock<Vec<(FunctionId, &'static str)>> = OnceLock::new();
    NAMED.get_or_init(|| {
        let mut all: Vec<_> =
            functions().flat_map(|function| ids(function).map(|id| (id, function.name))).collect();
        all.sort_unstable();
        all
    })
}

/// The functions in a range, for people: `CPU_ON`, or `PSCI_VERSION to SYSTEM_OFF2`; nothing where none has a name.
pub(crate) fn describe(range: Range) -> Option<String> {
    let first = named().partition_point(|(id, _)| *id < range.first());
    let after = named().partition_point(|(id, _)| *id <= range.last());
    match named().get(first..after)? {
        [] => None,
        [(_, only)] => Some((*only).to_owned()),
        [(_, low), .., (_, high)] => Some(format!("{low} to {high}")),
    }
}

/// The name that `word` was probably meant to be.
pub(crate) fn closest_function(word: &str) -> Option<&'static str> {
    catalogue::closest(word).next().map(|function| function.name)
}

/// The candidate with the fewest edits, if they are few.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody means a name of four letters by a text of a thousand.
    if word.len() > 64 {
        return None;
    }
    let most = (word.chars().count() / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (edits(word, candidate), candidate));
    near.filter(|(edits, _)| *edits <= most).min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

/// The fewest insertions, deletions, replacements and swaps of neighbours that make one of the other.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: [Vec<usize>; 3] = [Vec::new(), (0..=b.len()).collect(), Vec::new()];
    for (i, x) in a.iter().enumerate() {
        let [before, above, row] = &mut rows;
        row.clear();
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != y);
            let mut best = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        rows.rotate_left(1);
    }
    rows[1].last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_the_specification_and_as_linux_write_it() {
        let id = |name| find_by_name(name).map(|named| named.function.id);
        assert_eq!(id("CPU_ON"), Some(FunctionId(0x8400_0003)));
        assert_eq!(id("PSCI_CPU_ON"), Some(FunctionId(0x8400_0003)));
        assert_eq!(id("PSCI_VERSION"), Some(FunctionId(0x8400_0000)));
        assert_eq!(id("PSCI_TRNG_RND"), None);
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_noise_is_not() {
        assert_eq!(closest_function("CPU_ONN"), Some("CPU_ON"));
        assert_eq!(closest_function("SYSTEM_RESTE"), Some("SYSTEM_RESET"));
        assert_eq!(closest_function("xyzzy"), None);
        assert_eq!(closest("", ["a"]), Some("a"));
        assert_eq!(closest("pcsi", ["psci", "sdei"]), Some("psci"));
    }

    #[test]
    fn a_range_is_described_by_its_first_and_last_function() {
        assert_eq!(describe(single(FunctionId(0xc400_0003))).as_deref(), Some("CPU_ON"));
        let psci = Range::literal(FunctionId(0x8400_0000), 0x20);
        assert_eq!(describe(psci).as_deref(), Some("PSCI_VERSION to SYSTEM_OFF2"));
        assert_eq!(describe(single(FunctionId(5))), None);
    }
}

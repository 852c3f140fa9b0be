//! Every one of the 2^32 function IDs, looked up.

mod placements;

use std::thread;

use switchboard_filter::{Action, Filter, Lookup, Range, Rule};
use switchboard_smccc::FunctionId;

use placements::{alternating, clustered, spread};

/// What a filter does, by definition: each rule in order, and before, between and after them, handle. Nothing of how
/// the compiled form does it, nor of [`Filter::segments`].
fn runs(filter: &Filter) -> Vec<(u32, u32, Action)> {
    let mut runs = Vec::new();
    let mut next = Some(0);
    for Rule { range, action } in filter.rules() {
        let (first, last) = (range.first().0, range.last().0);
        match next {
            Some(next) if next < first => runs.push((next, first - 1, Action::Handle)),
            _ => {}
        }
        runs.push((first, last, action));
        next = last.checked_add(1);
    }
    runs.extend(next.map(|next| (next, u32::MAX, Action::Handle)));
    runs
}

/// The first ID from `first` to `last` that is looked up wrongly.
fn first_mistake(lookup: &Lookup, runs: &[(u32, u32, Action)], first: u32, last: u32) -> Option<FunctionId> {
    let mut looked_up = 0_u64;
    for &(from, to, action) in runs {
        let (from, to) = (from.max(first), to.min(last));
        if from > to {
            continue;
        }
        let wrong = |&id: &u32| lookup.action(FunctionId(id)) != action;
        // Two parts, because loops over ranges that include their end are slow.
        if let Some(id) = (from..to).find(wrong).or(Some(to).filter(wrong)) {
            return Some(FunctionId(id));
        }
        looked_up += u64::from(to - from) + 1;
    }
    assert_eq!(looked_up, u64::from(last - first) + 1, "every ID, once");
    None
}

/// Looks every ID up, on two threads.
fn check(name: &str, filter: &Filter) {
    let lookup = filter.compile();
    let runs = runs(filter);
    let halves = if cfg!(miri) {
        [(0, 99), (0xffff_ff00, u32::MAX)]
    } else {
        [(0, 0x7fff_ffff), (0x8000_0000, u32::MAX)]
    };
    let mistakes = thread::scope(|scope| {
        let (lookup, runs) = (&lookup, &runs);
        halves
            .map(|(first, last)| scope.spawn(move || first_mistake(lookup, runs, first, last)))
            .map(|thread| thread.join().expect("looking up does not panic"))
    });
    assert_eq!(mistakes, [None, None], "{name}");
}

#[test]
fn a_filter_of_services_at_both_ends_of_the_space_is_right_for_every_id() {
    let mut filter = Filter::new();
    for (base, count, action) in [
        (0, 1, Action::Forward),
        (0x7fff_ffff, 1, Action::Deny),
        (0x8001_0000, 0x10, Action::Deny),
        (0x8400_0000, 0x20, Action::Forward),
        (0x8400_0020, 0x30, Action::Deny),
        (0x8400_0050, 4, Action::Forward),
        (0x8600_ff01, 1, Action::Deny),
        (0xbfff_0000, 0x1_0000, Action::Forward),
        (0xc001_0000, 1, Action::Deny),
        (0xc400_0000, 0x20, Action::Forward),
        (0xffff_ffff, 1, Action::Deny),
    ] {
        filter.insert(Range::literal(FunctionId(base), count), action).unwrap();
    }
    check("services", &filter);
}

#[test]
fn a_filter_of_4096_ranges_anywhere_is_right_for_every_id() {
    check("anywhere", &spread(if cfg!(miri) { 16 } else { 4096 }));
}

#[test]
fn filters_of_crowded_pages_are_right_for_every_id() {
    // Pages with 5 and 300 boundaries, and single IDs through two whole pages: lines that are shared, and trees of
    // two and five levels.
    let mut filter = clustered(4096, 5, 11, 3);
    let crowded = [clustered(600, 300, 3, 2), alternating(0, if cfg!(miri) { 300 } else { 200_000 })];
    for (offset, other) in [0xd000_0000, 0xe000_0000].into_iter().zip(crowded) {
        for rule in other.rules() {
            let count = rule.range.last().0 - rule.range.first().0 + 1;
            let range = Range::literal(FunctionId(rule.range.first().0 + offset), count);
            filter.insert(range, rule.action).unwrap();
        }
    }
    check("crowded", &filter);
}

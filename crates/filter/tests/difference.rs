//! Two filters are the same, or the exact ranges where they are not.

use proptest::{collection::vec, prelude::*};
use switchboard_filter::{Action, Filter, Range, difference, equivalent};
use switchboard_smccc::FunctionId;

fn filter(ranges: &[(u32, u32, Action)]) -> Filter {
    let mut filter = Filter::new();
    for &(base, count, action) in ranges {
        filter.insert(Range::literal(FunctionId(base), count), action).unwrap();
    }
    filter
}

fn printed(a: &Filter, b: &Filter) -> Vec<String> {
    difference(a, b).map(|difference| difference.to_string()).collect()
}

#[test]
fn the_exact_ranges_are_printed() {
    let a = filter(&[(0x8400_0000, 0x20, Action::Forward), (0xc400_0000, 0x20, Action::Forward)]);
    let b = filter(&[
        (0x8400_0000, 0x10, Action::Forward),
        (0x8400_0010, 0x20, Action::Deny),
        (0xffff_ffff, 1, Action::Deny),
    ]);
    assert_eq!(
        printed(&a, &b),
        [
            "0x84000010..=0x8400001f: left forward, right deny",
            "0x84000020..=0x8400002f: left handle, right deny",
            "0xc4000000..=0xc400001f: left forward, right handle",
            "0xffffffff..=0xffffffff: left handle, right deny",
        ]
    );
    assert!(!equivalent(&a, &b));
}

#[test]
fn the_same_actions_by_other_ranges_are_no_difference() {
    let a = filter(&[(0x8400_0000, 0x20, Action::Forward)]);
    let b = filter(&[
        (0x8400_0010, 0x10, Action::Forward),
        (0x8400_0000, 0x10, Action::Forward),
        (0x9000_0000, 0x10, Action::Handle),
    ]);
    assert_eq!(printed(&a, &b), [""; 0]);
    assert!(equivalent(&a, &b));
    assert_ne!(a, b);
}

#[test]
fn a_frozen_filter_is_equivalent_to_an_open_one() {
    let open = filter(&[(0x8400_0000, 0x20, Action::Forward)]);
    let mut frozen = open.clone();
    frozen.freeze();
    assert!(equivalent(&open, &frozen));
}

#[test]
fn a_difference_of_everything_but_the_reserved_ranges_is_three_ranges() {
    let most = filter(&[
        (0, 0x8000_0000, Action::Deny),
        (0x8001_0000, 0x3fff_0000, Action::Deny),
        (0xc001_0000, 0x3fff_0000, Action::Deny),
    ]);
    assert_eq!(
        printed(&Filter::new(), &most),
        [
            "0x00000000..=0x7fffffff: left handle, right deny",
            "0x80010000..=0xbfffffff: left handle, right deny",
            "0xc0010000..=0xffffffff: left handle, right deny",
        ]
    );
}

/// How many IDs brute force looks at.
const WINDOW: u32 = 512;

/// Filters whose ranges lie in the first IDs, and perhaps one at the end of all.
fn small() -> impl Strategy<Value = Filter> {
    let action = prop_oneof![Just(Action::Handle), Just(Action::Deny), Just(Action::Forward)];
    (vec((0..WINDOW - 64, 1..64_u32, action), 0..24), any::<bool>()).prop_map(|(ranges, at_the_end)| {
        let mut filter = Filter::new();
        for (base, count, action) in ranges {
            let _ = filter.insert(Range::literal(FunctionId(base), count), action);
        }
        if at_the_end {
            filter.insert(Range::literal(FunctionId(u32::MAX), 1), Action::Deny).unwrap();
        }
        filter
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 512 }))]

    #[test]
    fn differences_are_those_that_brute_force_finds(a in small(), b in small()) {
        let mut expected: Vec<(u32, Action, Action)> = Vec::new();
        for id in (0..WINDOW).chain([u32::MAX - 1, u32::MAX]) {
            let (left, right) = (a.action(FunctionId(id)), b.action(FunctionId(id)));
            if left != right {
                expected.push((id, left, right));
            }
        }
        let differences: Vec<_> = difference(&a, &b).collect();
        let found: Vec<(u32, Action, Action)> = differences
            .iter()
            .flat_map(|d| (d.range.first().0..=d.range.last().0).map(|id| (id, d.left, d.right)))
            .collect();
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(equivalent(&a, &b), expected.is_empty());
        // As few ranges as possible.
        for pair in differences.windows(2) {
            let touch = pair[0].range.last().0 + 1 == pair[1].range.first().0;
            prop_assert!(!touch || (pair[0].left, pair[0].right) != (pair[1].left, pair[1].right));
        }
    }

    #[test]
    fn a_filter_made_of_anothers_segments_is_equivalent(a in small()) {
        let mut copy = Filter::new();
        for segment in a.segments().filter(|segment| segment.action != Action::Handle) {
            copy.insert(segment.range, segment.action).unwrap();
        }
        prop_assert!(equivalent(&a, &copy));
        prop_assert!(equivalent(&copy, &a));
    }
}

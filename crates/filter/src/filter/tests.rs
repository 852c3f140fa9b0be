use alloc::vec::Vec;
use std::{string::ToString, vec};

use super::*;
use crate::RangeError;

const PSCI: Range = Range::literal(FunctionId(0x8400_0000), 0x20);
const EINVAL: i32 = 22;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;

fn request(base: u32, nr_functions: u32, action: u8) -> Request {
    Request { base, nr_functions, action, pad: [0; 15] }
}

/// What a fresh VM answers: 0 or an errno.
fn fresh(empty_range: EmptyRangeRule, base: u32, nr_functions: u32) -> i32 {
    let mut filter = Filter::with_rule(empty_range);
    let answer = filter.request(&request(base, nr_functions, 2));
    answer.map_or_else(|error| error.errno(), |()| 0)
}

#[test]
fn corner_ranges_get_the_answers_of_both_kernels() {
    for (base, nr_functions, since_the_fix, before) in [
        (0xffff_ffff, 1, 0, 0),
        (0xffff_ffff, 2, EINVAL, EINVAL),
        (0xffff_ffff, 0xffff_ffff, EINVAL, EINVAL),
        (5, 0, EINVAL, EINVAL),
        (0xffff_ffff, 0, EINVAL, EINVAL),
        (0, 0, EINVAL, EEXIST),
        (1, 0xffff_ffff, EEXIST, EEXIST),
        (0, 0xffff_ffff, EEXIST, EEXIST),
        (0, 0x8000_0000, 0, 0),
        (0x8001_0000, 0x3fff_0000, 0, 0),
        (0xc001_0000, 0x3fff_0000, 0, 0),
        (0xffff_fff0, 0x10, 0, 0),
        // Legal bases that are no proper function IDs: yielding, hint bits, KVM's private PSCI 0.1.
        (0x0000_0000, 1, 0, 0),
        (0x4000_ffff, 1, 0, 0),
        (0x8001_0000, 1, 0, 0),
        (0x95c1_ba5e, 4, 0, 0),
    ] {
        let answers = [EmptyRangeRule::Invalid, EmptyRangeRule::WrapsAtZero]
            .map(|empty_range| fresh(empty_range, base, nr_functions));
        assert_eq!(answers, [since_the_fix, before], "base {base:#x}, nr_functions {nr_functions:#x}");
    }
}

#[test]
fn a_wrapped_empty_range_is_all_function_ids_and_obeys_the_same_order() {
    let mut filter = Filter::with_rule(EmptyRangeRule::WrapsAtZero);
    assert_eq!(filter.request(&request(0, 0, 3)), Err(RequestError::Action { value: 3 }));
    assert_eq!(
        filter.request(&request(0, 0, 2)),
        Err(RequestError::Insert(InsertError::Reserved { range: Range::ALL, reserved: Filter::RESERVED[0] }))
    );
    filter.freeze();
    assert_eq!(filter.request(&request(0, 0, 2)).unwrap_err().errno(), EBUSY);
}

#[test]
fn each_of_the_15_padding_bytes_must_be_zero() {
    for index in 0..15 {
        for value in [1, 0x80, 0xff] {
            let mut filter = Filter::new();
            let mut padded = request(0x8400_0000, 0x20, 2);
            padded.pad[index] = value;
            let error = filter.request(&padded).unwrap_err();
            assert_eq!(error, RequestError::Padding { index, value });
            assert_eq!(error.errno(), EINVAL);
            assert_eq!(filter, Filter::new());
        }
    }
}

#[test]
fn every_action_above_2_is_invalid() {
    let mut filter = Filter::new();
    for value in 3..=255 {
        let error = filter.request(&request(0x8400_0000, 0x20, value)).unwrap_err();
        assert_eq!((error, error.errno()), (RequestError::Action { value }, EINVAL));
    }
    assert_eq!(filter, Filter::new());
}

#[test]
fn einval_beats_ebusy_and_ebusy_beats_eexist() {
    let mut filter = Filter::new();
    filter.insert(PSCI, Action::Forward).unwrap();
    let mut padded = request(0x8400_0000, 0x20, 2);
    padded.pad[14] = 1;
    let malformed = [padded, request(5, 0, 2), request(0xffff_ffff, 2, 2), request(0x8400_0000, 0x20, 3)];
    let overlapping = [request(0x8400_001f, 1, 2), request(0x8000_0000, 1, 0)];
    let good = request(0xc400_0000, 0x20, 2);
    let mut errno = |request: &Request| filter.request(request).unwrap_err().errno();

    assert_eq!(malformed.each_ref().map(&mut errno), [EINVAL; 4]);
    assert_eq!(overlapping.each_ref().map(&mut errno), [EEXIST; 2]);

    filter.freeze();
    let mut errno = |request: &Request| filter.request(request).unwrap_err().errno();
    assert_eq!(malformed.each_ref().map(&mut errno), [EINVAL; 4]);
    assert_eq!(overlapping.each_ref().map(&mut errno), [EBUSY; 2]);
    assert_eq!(errno(&good), EBUSY);
}

#[test]
fn padding_is_checked_before_the_range_and_the_range_before_the_action() {
    let mut everything_wrong = request(5, 0, 3);
    everything_wrong.pad[3] = 7;
    let mut filter = Filter::new();
    assert_eq!(filter.request(&everything_wrong), Err(RequestError::Padding { index: 3, value: 7 }));
    assert_eq!(
        filter.request(&request(5, 0, 3)),
        Err(RequestError::Range { base: 5, nr_functions: 0, reason: RangeError::Empty })
    );
}

#[test]
fn an_id_in_no_range_is_handled() {
    let mut filter = Filter::new();
    filter.insert(PSCI, Action::Forward).unwrap();
    assert_eq!(filter.action(FunctionId(0x83ff_ffff)), Action::Handle);
    assert_eq!(filter.action(FunctionId(0x8400_0000)), Action::Forward);
    assert_eq!(filter.action(FunctionId(0x8400_001f)), Action::Forward);
    assert_eq!(filter.action(FunctionId(0x8400_0020)), Action::Handle);
}

#[test]
fn an_identical_range_is_refused() {
    let mut filter = Filter::new();
    filter.insert(PSCI, Action::Forward).unwrap();
    assert_eq!(
        filter.insert(PSCI, Action::Forward),
        Err(InsertError::Overlap { range: PSCI, existing: PSCI })
    );
}

#[test]
fn every_kind_of_overlap_is_refused_and_changes_nothing() {
    let mut filter = Filter::new();
    filter.insert(PSCI, Action::Forward).unwrap();
    filter.insert(Range::literal(FunctionId(0x8400_0050), 4), Action::Deny).unwrap();
    let before = filter.clone();
    for (base, count, existing) in [
        (0x83ff_0000, 0x2_0000, 0x8400_0000),
        (0x83ff_ffff, 2, 0x8400_0000),
        (0x8400_0010, 1, 0x8400_0000),
        (0x8400_001f, 0x31, 0x8400_0000),
        (0x8400_001f, 0x32, 0x8400_0000),
        (0x8400_0020, 0x31, 0x8400_0050),
        (0x8400_0053, 1, 0x8400_0050),
    ] {
        let range = Range::literal(FunctionId(base), count);
        let error = filter.insert(range, Action::Deny).unwrap_err();
        let InsertError::Overlap { existing: first, .. } = error else { panic!("{error}") };
        assert_eq!((first.first(), error.errno()), (FunctionId(existing), EEXIST), "{range}");
    }
    assert_eq!(filter, before);
}

#[test]
fn neighbours_are_taken_and_stay_apart() {
    let mut filter = Filter::new();
    for (base, count) in [(0x8400_0020, 0x30), (0x8400_0000, 0x20), (0x8400_0050, 1), (0x8000_ffff + 1, 1)] {
        filter.insert(Range::literal(FunctionId(base), count), Action::Forward).unwrap();
    }
    let firsts: Vec<u32> = filter.rules().map(|rule| rule.range.first().0).collect();
    assert_eq!(firsts, [0x8001_0000, 0x8400_0000, 0x8400_0020, 0x8400_0050]);
}

#[test]
fn a_range_touching_a_reserved_one_is_refused_even_to_be_handled() {
    let mut filter = Filter::new();
    for (base, count) in [
        (0x8000_0000, 1),
        (0x8000_8000, 1),
        (0x8000_ffff, 1),
        (0x8000_0000, 0x1_0000),
        (0x7fff_ffff, 2),
        (0x8000_ffff, 2),
        (0xbfff_ffff, 2),
        (0xc000_0000, 1),
        (0xc000_ffff, 1),
        (0x7fff_0000, 0x5000_0000),
    ] {
        let range = Range::literal(FunctionId(base), count);
        let error = filter.insert(range, Action::Handle).unwrap_err();
        assert!(matches!(error, InsertError::Reserved { .. }), "{range}");
        assert_eq!(error.errno(), EEXIST);
    }
    assert_eq!(filter, Filter::new());
}

#[test]
fn a_first_request_that_fails_leaves_every_action_as_it_was() {
    let mut filter = Filter::new();
    assert_eq!(filter.request(&request(0x8000_0000, 1, 1)).unwrap_err().errno(), EEXIST);
    assert_eq!(filter.segments().collect::<Vec<_>>(), [Rule { range: Range::ALL, action: Action::Handle }]);
    filter.request(&request(0x8001_0000, 1, 1)).unwrap();
}

#[test]
fn everything_but_the_reserved_ranges_fits_in_three() {
    let mut filter = Filter::new();
    for (base, count) in [(0, 0x8000_0000), (0x8001_0000, 0x3fff_0000), (0xc001_0000, 0x3fff_0000)] {
        filter.insert(Range::literal(FunctionId(base), count), Action::Forward).unwrap();
    }
    let lookup = filter.freeze();
    for (id, action) in [
        (0, Action::Forward),
        (0x7fff_ffff, Action::Forward),
        (0x8000_0000, Action::Handle),
        (0x8000_ffff, Action::Handle),
        (0x8001_0000, Action::Forward),
        (0xbfff_ffff, Action::Forward),
        (0xc000_0000, Action::Handle),
        (0xc000_ffff, Action::Handle),
        (0xc001_0000, Action::Forward),
        (0xffff_ffff, Action::Forward),
    ] {
        assert_eq!(
            (filter.action(FunctionId(id)), lookup.action(FunctionId(id))),
            (action, action),
            "{id:#x}"
        );
    }
}

#[test]
fn a_frozen_filter_takes_nothing_and_freezes_to_the_same_lookup_again() {
    let mut filter = Filter::new();
    filter.insert(PSCI, Action::Forward).unwrap();
    assert!(!filter.is_frozen());
    let first = filter.freeze();
    let trng = Range::literal(FunctionId(0x8400_0050), 4);
    assert_eq!(filter.insert(trng, Action::Deny), Err(InsertError::Frozen { range: trng }));
    let second = filter.freeze();
    assert!(filter.is_frozen());
    for id in [0x8400_0000, 0x8400_001f, 0x8400_0020, 0x8400_0050] {
        assert_eq!(first.action(FunctionId(id)), second.action(FunctionId(id)));
    }
}

#[test]
fn compiling_does_not_freeze() {
    let mut filter = Filter::new();
    let before = filter.compile();
    filter.insert(PSCI, Action::Deny).unwrap();
    assert_eq!(before.action(FunctionId(0x8400_0000)), Action::Handle);
    assert_eq!(filter.compile().action(FunctionId(0x8400_0000)), Action::Deny);
}

#[test]
fn segments_cover_all_ids_and_merge_neighbours_that_do_the_same() {
    let mut filter = Filter::new();
    for (base, count, action) in [
        (0x8400_0000, 0x20, Action::Forward),
        (0x8400_0020, 0x10, Action::Forward),
        (0x8400_0030, 1, Action::Deny),
        // Handled explicitly: part of the gap around it.
        (0x8500_0000, 0x10, Action::Handle),
        (0xffff_ffff, 1, Action::Deny),
    ] {
        filter.insert(Range::literal(FunctionId(base), count), action).unwrap();
    }
    let segments: Vec<_> = filter.segments().map(|segment| segment.to_string()).collect();
    assert_eq!(
        segments,
        vec![
            "0x00000000..=0x83ffffff handle",
            "0x84000000..=0x8400002f forward",
            "0x84000030..=0x84000030 deny",
            "0x84000031..=0xfffffffe handle",
            "0xffffffff..=0xffffffff deny",
        ]
    );
}

#[test]
fn a_filter_prints_a_line_a_range_in_order() {
    let mut filter = Filter::new();
    filter.insert(Range::literal(FunctionId(0xc400_0000), 0x20), Action::Forward).unwrap();
    filter.insert(PSCI, Action::Deny).unwrap();
    assert_eq!(filter.to_string(), "0x84000000..=0x8400001f deny\n0xc4000000..=0xc400001f forward\n");
}

#[test]
fn errors_say_what_is_wrong_with_which_range() {
    let mut filter = Filter::new();
    filter.insert(PSCI, Action::Forward).unwrap();
    let mut message = |request| filter.request(&request).unwrap_err().to_string();
    let mut padded = request(0, 1, 0);
    padded.pad[2] = 9;
    assert_eq!(message(padded), "padding byte 2 is 0x09; all 15 must be zero");
    assert_eq!(
        message(request(5, 0, 0)),
        "base 0x00000005, nr_functions 0x0: the range holds no function ID"
    );
    assert_eq!(message(request(5, 1, 7)), "there is no action 7; 0 is handle, 1 deny, 2 forward");
    assert_eq!(
        message(request(0x8400_0001, 1, 1)),
        "the range 0x84000001..=0x84000001 overlaps 0x84000000..=0x8400001f"
    );
    filter.freeze();
    assert_eq!(
        filter.request(&request(7, 1, 1)).unwrap_err().to_string(),
        "the range 0x00000007..=0x00000007 comes too late: a vCPU has run, and the filter is frozen"
    );
}

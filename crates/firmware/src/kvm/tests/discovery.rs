//! The UID, the features, and what is declared.

use std::boxed::Box;

use switchboard_filter::Action;
use switchboard_smccc::{Conduit, FunctionId};

use super::*;
use crate::{Call, CpuIndex, Firmware, Supported, testing::ScriptedRegisters};

const FEATURES: u32 = 0x8600_0000;

fn features(implementations: Vec<Implementation>, host: &ScriptedHost) -> [u64; 4] {
    answer(&KvmVendor::new(implementations), host, FEATURES, [0; 3]).x0_to_x3()
}

#[test]
fn the_uid_is_kvms_in_four_words_and_takes_no_register_and_four_writes() {
    let answer = call(0x8600_ff01, [0; 3]);
    assert_eq!(answer.x0_to_x3(), [0xb66f_b428, 0xe911_c52e, 0x564b_caa9, 0x743a_004d]);
    assert!(answer.reads.is_empty());
    assert_eq!(answer.writes.len(), 4);
}

#[test]
fn there_is_no_revision_and_no_call_count_as_in_kvm() {
    for id in [0x8600_ff00, 0x8600_ff02, 0x8600_ff03, 0xc600_ff01] {
        assert_eq!(call(id, [0; 3]).outcome, returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn the_features_are_those_that_the_host_and_the_implementations_make_possible() {
    let without_clock = ScriptedHost::default();
    assert_eq!(features(vec![], &without_clock), [0x1, 0, 0, 0]);
    assert_eq!(features(vec![], &with_clock()), [0x3, 0, 0, 0]);
    assert_eq!(features(two(), &without_clock), [0x1, 0, 0x3, 0]);
    assert_eq!(features(two(), &with_clock()), [0x3, 0, 0x3, 0]);
}

#[test]
fn kvm_features_takes_no_register_and_four_writes() {
    let answer = call(FEATURES, [0; 3]);
    assert!(answer.reads.is_empty());
    assert_eq!(answer.writes.len(), 4);
}

#[test]
fn a_call_with_the_sve_hint_is_the_same_call() {
    assert_eq!(call(0x8601_ff01, [0; 3]).x0(), 0xb66f_b428);
    assert_eq!(call(0x8601_0000, [0; 3]).x0_to_x3(), [0x3, 0, 0x3, 0]);
}

#[test]
fn what_is_answered_is_forwarded_and_the_rest_of_the_vendors_range_is_denied() {
    let firmware = Firmware::new(vec![Box::new(KvmVendor::new(vec![]))]).unwrap();
    let forwarded = [
        0x8600_0000,
        0x8600_0001,
        0xc600_0040,
        0xc600_0041,
        0x8600_ff00,
        0x8600_ff01,
        0x8600_ff02,
        0x8600_ff03,
    ];
    for id in (0x8600_0000..=0x8600_ffff).chain(0xc600_0000..=0xc600_ffff) {
        let expected = if forwarded.contains(&id) { Action::Forward } else { Action::Deny };
        assert_eq!(firmware.filter().action(FunctionId(id)), expected, "{id:#x}");
    }
    for id in [0x8500_ffff, 0x8601_0000, 0xc5ff_ffff, 0xc601_0000, 0x8601_ff01, 0x0600_ff01] {
        assert_eq!(firmware.filter().action(FunctionId(id)), Action::Handle, "{id:#x}");
    }
}

/// Every function number of the range in both widths, with and without the hint, for everything the features depend on.
#[test]
fn what_the_features_say_what_is_answered_and_the_support_table_agree() {
    let rows: Vec<_> = support().filter(|row| row.supported == Supported::Yes).collect();
    for implementations in [vec![], two()] {
        for host in [ScriptedHost::default(), with_clock()] {
            let words = features(implementations.clone(), &host);
            let firmware = Firmware::new(vec![Box::new(KvmVendor::new(implementations.clone()))]).unwrap();
            let is_answered = |id| {
                let mut registers = ScriptedRegisters::default();
                let mut call = Call::new(FunctionId(id), Conduit::Hvc, CpuIndex(0), &mut registers);
                firmware.answer(&mut call, &host) != returns(NOT_SUPPORTED)
            };
            for number in 0..=0xffff_u32 {
                let widths = [0x8600_0000 | number, 0xc600_0000 | number];
                let word = usize::try_from(number / 32).unwrap();
                let is_feature = words.get(word).is_some_and(|word| word & 1 << (number % 32) != 0);
                let answered = widths.map(is_answered);
                assert_eq!(widths.map(|id| is_answered(id | 0x1_0000)), answered, "{number:#x}");
                // The UID has no bit, for without it nobody asks for the features.
                assert_eq!(answered[0] || answered[1], is_feature || number == 0xff01, "{number:#x}");
                for (id, is_answered) in widths.into_iter().zip(answered) {
                    let may_be = rows.iter().any(|row| row.function.has(FunctionId(id)));
                    let is_complete = !implementations.is_empty() && host.wall_clock.is_some();
                    assert!(if is_complete { is_answered == may_be } else { may_be || !is_answered });
                }
            }
        }
    }
}

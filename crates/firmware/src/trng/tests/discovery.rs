//! `TRNG_VERSION`, `TRNG_FEATURES`, `TRNG_GET_UUID`, and what is declared.

use std::{boxed::Box, vec};

use switchboard_filter::Action;
use switchboard_smccc::{Conduit, FunctionId};

use super::*;
use crate::{Call, CpuIndex, Firmware, Supported, testing::ScriptedRegisters};

const FEATURES: u32 = 0x8400_0051;

#[test]
fn trng_version_is_1_0_and_takes_no_register_and_one_write() {
    let answer = call(&ScriptedHost::default(), 0x8400_0050, 0);
    assert_eq!(answer.outcome, returns(0x1_0000));
    assert!(answer.reads.is_empty());
    assert_eq!(answer.writes, [(Register::X0, 0x1_0000)]);
}

#[test]
fn trng_get_uuid_is_switchboards_own_in_four_words_of_32_bits() {
    let answer = call(&ScriptedHost::default(), 0x8400_0052, 0);
    assert_eq!(answer.x0_to_x3(), [0x13b8_9051, 0x7544_9ea5, 0x9e60_d980, 0xcfac_c5ff]);
    assert!(answer.reads.is_empty());
    assert_eq!(answer.writes.len(), 4);
}

#[test]
fn trng_features_knows_the_five_functions_and_takes_one_register_and_one_write() {
    for id in [0x8400_0050, 0x8400_0051, 0x8400_0052, 0x8400_0053, 0xc400_0053] {
        let answer = call(&ScriptedHost::default(), FEATURES, id);
        assert_eq!(answer.outcome, returns(SUCCESS), "{id:#x}");
        assert_eq!(answer.reads, [Register::X1]);
        assert_eq!(answer.writes, [(Register::X0, SUCCESS)]);
    }
}

#[test]
fn trng_features_takes_the_function_from_w1() {
    assert_eq!(call(&ScriptedHost::default(), FEATURES, DIRTY | 0xc400_0053).x0(), SUCCESS);
}

#[test]
fn trng_features_does_not_know_functions_of_others_nor_an_id_with_the_sve_hint() {
    for id in [0x8400_0000, 0x8400_0054, 0xc400_0050, 0xc400_0051, 0x8600_0000, 0x8401_0053, 0, 0xffff_ffff] {
        assert_eq!(call(&ScriptedHost::default(), FEATURES, id).outcome, returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn the_other_ids_of_its_ranges_are_not_supported_and_read_nothing() {
    for id in (0x8400_0054..=0x8400_005f).chain(0xc400_0050..=0xc400_0052).chain(0xc400_0054..=0xc400_005f) {
        let answer = call(&all_set(), id, 32);
        assert_eq!(answer.outcome, returns(NOT_SUPPORTED), "{id:#x}");
        assert!(answer.reads.is_empty());
        assert_eq!(answer.writes.len(), 1);
    }
}

#[test]
fn a_call_with_the_sve_hint_is_the_same_call() {
    assert_eq!(call(&ScriptedHost::default(), 0x8401_0050, 0).outcome, returns(0x1_0000));
    assert_eq!(call(&all_set(), 0xc401_0053, 8).x0_to_x3(), [SUCCESS, 0, 0, 0xff]);
}

#[test]
fn both_widths_are_forwarded_and_nothing_else() {
    let firmware = Firmware::new(vec![Box::new(Trng::new(None))]).unwrap();
    let action = |id| firmware.filter().action(FunctionId(id));
    for id in (0x8400_0050..=0x8400_005f).chain(0xc400_0050..=0xc400_005f) {
        assert_eq!(action(id), Action::Forward, "{id:#x}");
    }
    for id in [0x8400_004f, 0x8400_0060, 0xc400_004f, 0xc400_0060, 0x8401_0053] {
        assert_eq!(action(id), Action::Handle, "{id:#x}");
    }
}

/// Every function number of the Standard Secure Services, in both widths, with and without the hint.
#[test]
fn what_trng_features_says_what_is_answered_and_the_support_table_agree() {
    let host = all_set();
    let firmware = Firmware::new(vec![Box::new(Trng::new(None))]).unwrap();
    let rows: Vec<_> = support().filter(|row| row.supported == Supported::Yes).collect();
    for number in 0..=0xffff_u32 {
        for id in [0x8400_0000 | number, 0xc400_0000 | number] {
            let is_known = call(&host, FEATURES, u64::from(id)).x0() == SUCCESS;
            let knows_hinted = call(&host, FEATURES, u64::from(id | 0x1_0000)).x0() == SUCCESS;
            // With no bits asked for TRNG_RND is INVALID_PARAMETERS: it is there.
            let is_answered = [id, id | 0x1_0000].map(|id| {
                let mut registers = ScriptedRegisters::default();
                let mut call = Call::new(FunctionId(id), Conduit::Hvc, CpuIndex(0), &mut registers);
                // TRNG_FEATURES is asked for function 0, which is not supported, and is there nevertheless.
                id & 0xfffe_ffff == FEATURES || firmware.answer(&mut call, &host) != returns(NOT_SUPPORTED)
            });
            let is_in_table = rows.iter().any(|row| row.function.has(FunctionId(id)));
            assert_eq!(is_known, is_in_table, "{id:#x}");
            assert_eq!(is_answered, [is_known; 2], "{id:#x}");
            assert!(!knows_hinted, "{id:#x}");
        }
    }
}

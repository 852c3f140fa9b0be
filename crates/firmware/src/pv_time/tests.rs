//! Paravirtualized time at the register level, with the values of the specification.

use std::{boxed::Box, vec, vec::Vec};

use switchboard_filter::Action;
use switchboard_smccc::{Conduit, FunctionId, Ipa, Register};

use super::*;
use crate::{
    Call, CpuIndex, Firmware, Outcome, Results, Supported,
    testing::{Answer, ScriptedHost, ScriptedRegisters, answer, answer_to},
};

const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
const FEATURES: u32 = 0xc500_0020;
const STOLEN_TIME: u32 = 0xc500_0021;
/// What a 32-bit argument must not be confused by.
const DIRTY: u64 = 0xdead_beef_0000_0000;
const RECORDS: Ipa = Ipa(0x0a00_0000);

/// A page for records.
fn host() -> ScriptedHost {
    ScriptedHost { memory: Some((0x0a00_0000, 0x0a00_1000)), ..ScriptedHost::default() }
}

fn call(id: u32, x1: u64) -> Answer {
    answer(&PvTime::new(RECORDS), &host(), id, [x1, 0, 0])
}

fn returns(x0: u64) -> Outcome {
    Outcome::Return(Results::of(x0))
}

#[test]
fn pv_time_features_knows_itself_and_stolen_time_and_takes_one_register_and_one_write() {
    for id in [0xc500_0020, 0xc500_0021] {
        let answer = call(FEATURES, id);
        assert_eq!(answer.outcome, returns(0), "{id:#x}");
        assert_eq!(answer.reads, [Register::X1]);
        assert_eq!(answer.writes, [(Register::X0, 0)]);
    }
}

#[test]
fn pv_time_features_takes_the_function_from_w1_though_the_call_is_smc64() {
    assert_eq!(call(FEATURES, DIRTY | 0xc500_0021).outcome, returns(0));
}

#[test]
fn pv_time_features_knows_nothing_beside() {
    for id in [0xc500_0022, 0x8500_0020, 0x8500_0021, 0xc501_0021, 0x8400_0053, 0, 0xffff_ffff] {
        assert_eq!(call(FEATURES, id).outcome, returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn pv_time_st_is_the_address_of_the_callers_record_64_bytes_from_the_next() {
    let (service, host) = (PvTime::new(RECORDS), host());
    for (cpu, address) in [(0, 0x0a00_0000), (1, 0x0a00_0040), (63, 0x0a00_0fc0)] {
        let answer = answer_to(CpuIndex(cpu), &service, &host, STOLEN_TIME, [0; 3]);
        assert_eq!(answer.outcome, returns(address), "{cpu}");
        assert!(answer.reads.is_empty());
        assert_eq!(answer.writes, [(Register::X0, address)]);
    }
}

#[test]
fn pv_time_st_clears_revision_attributes_and_stolen_time_and_nothing_else() {
    let (service, host) = (PvTime::new(RECORDS), host());
    answer_to(CpuIndex(2), &service, &host, STOLEN_TIME, [0; 3]);
    let written = host.written.borrow();
    assert_eq!(*written, [(Ipa(0x0a00_0080), vec![0; 16])]);
}

#[test]
fn pv_time_st_without_memory_for_the_record_is_not_supported() {
    let (service, host) = (PvTime::new(RECORDS), host());
    assert_eq!(answer_to(CpuIndex(64), &service, &host, STOLEN_TIME, [0; 3]).outcome, returns(NOT_SUPPORTED));
    let nothing = ScriptedHost::default();
    assert_eq!(answer(&service, &nothing, STOLEN_TIME, [0; 3]).outcome, returns(NOT_SUPPORTED));
}

#[test]
fn a_record_beyond_the_end_of_addresses_or_at_no_multiple_of_64_is_not_supported() {
    let all = ScriptedHost { memory: Some((0, u64::MAX)), ..ScriptedHost::default() };
    let outcome = |records, cpu| {
        let service = PvTime::new(Ipa(records));
        answer_to(CpuIndex(cpu), &service, &all, STOLEN_TIME, [0; 3]).outcome
    };
    assert_eq!(outcome(0xffff_ffff_ffff_ffc0, 1), returns(NOT_SUPPORTED));
    assert_eq!(outcome(0, usize::MAX), returns(NOT_SUPPORTED));
    for unaligned in [1, 16, 63, 0x0a00_0020] {
        assert_eq!(outcome(unaligned, 0), returns(NOT_SUPPORTED), "{unaligned:#x}");
    }
}

#[test]
fn there_are_no_smc32_forms_and_a_call_with_the_sve_hint_is_the_same_call() {
    assert_eq!(call(0x8500_0020, 0xc500_0021).outcome, returns(NOT_SUPPORTED));
    assert_eq!(call(0x8500_0021, 0).outcome, returns(NOT_SUPPORTED));
    assert_eq!(call(0xc501_0020, 0xc500_0021).outcome, returns(0));
    assert_eq!(call(0xc501_0021, 0).outcome, returns(0x0a00_0000));
}

#[test]
fn the_two_functions_are_forwarded_and_nothing_else() {
    let firmware = Firmware::new(vec![Box::new(PvTime::new(RECORDS))]).unwrap();
    let forwarded: Vec<u32> = (0xc500_0000..=0xc500_ffff)
        .filter(|&id| firmware.filter().action(FunctionId(id)) == Action::Forward)
        .collect();
    assert_eq!(forwarded, [0xc500_0020, 0xc500_0021]);
    for id in [0x8500_0020, 0x8500_0021, 0xc501_0020] {
        assert_eq!(firmware.filter().action(FunctionId(id)), Action::Handle, "{id:#x}");
    }
}

/// Every function number of the Standard Hypervisor Services, in both widths, with and without the hint.
#[test]
fn what_pv_time_features_says_what_is_answered_and_the_support_table_agree() {
    let host = host();
    let service = PvTime::new(RECORDS);
    let firmware = Firmware::new(vec![Box::new(PvTime::new(RECORDS))]).unwrap();
    let rows: Vec<_> = support().filter(|row| row.supported == Supported::Yes).collect();
    for number in 0..=0xffff_u32 {
        for id in [0x8500_0000 | number, 0xc500_0000 | number] {
            let knows = |id| answer(&service, &host, FEATURES, [u64::from(id), 0, 0]).x0() == 0;
            let is_answered = [id, id | 0x1_0000].map(|id| {
                let mut registers = ScriptedRegisters::new([(Register::X1, 0xc500_0021)]);
                let mut call = Call::new(FunctionId(id), Conduit::Smc, CpuIndex(0), &mut registers);
                firmware.answer(&mut call, &host) != returns(NOT_SUPPORTED)
            });
            let is_in_table = rows.iter().any(|row| row.function.has(FunctionId(id)));
            assert_eq!(knows(id), is_in_table, "{id:#x}");
            assert_eq!(is_answered, [is_in_table; 2], "{id:#x}");
            assert!(!knows(id | 0x1_0000), "{id:#x}");
        }
    }
}

//! The general queries at the register level.

use std::{boxed::Box, vec, vec::Vec};

use switchboard_filter::Action;
use switchboard_smccc::{Conduit, FunctionId, Owner, Register};

use super::*;
use crate::{
    Call, CpuIndex, Firmware, Outcome, Results, Supported,
    testing::{Answer, ScriptedHost, ScriptedRegisters, answer},
};

const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;

const ALL: [Owner; 3] = [Owner::SIP, Owner::STANDARD_SECURE, Owner::STANDARD_HYPERVISOR];

fn call(id: u32) -> Answer {
    answer(&GeneralQueries::new(&ALL), &ScriptedHost::default(), id, [0; 3])
}

fn returns(x0: u64) -> Outcome {
    Outcome::Return(Results::of(x0))
}

fn firmware(owners: &[Owner]) -> Firmware {
    Firmware::new(vec![Box::new(GeneralQueries::new(owners))]).unwrap()
}

/// What a guest finds in x0 if it calls this ID, with rubbish in the upper half of x0.
fn x0(firmware: &Firmware, id: u32) -> u64 {
    let mut registers = ScriptedRegisters::default();
    let function = FunctionId::from_x0(0xdead_beef_0000_0000 | u64::from(id));
    let mut call = Call::new(function, Conduit::Hvc, CpuIndex(0), &mut registers);
    firmware.answer(&mut call, &ScriptedHost::default()).results().unwrap().x0()
}

#[test]
fn call_uid_is_switchboards_own_for_each_owner_and_takes_no_register_and_four_writes() {
    for (id, words) in [
        (0x8200_ff01, [0xadc9_ea08, 0x6241_d271, 0x71c4_fea1, 0xe122_558c]),
        (0x8400_ff01, [0x1537_f1d8, 0xc947_7f0e, 0xef24_059c, 0xe867_71f3]),
        (0x8500_ff01, [0x63e6_a6f4, 0xc649_06a4, 0xddab_789d, 0x0fea_f368]),
    ] {
        let answer = call(id);
        assert_eq!(answer.x0_to_x3(), words, "{id:#x}");
        assert!(answer.reads.is_empty());
        assert_eq!(answer.writes.len(), 4);
    }
}

#[test]
fn revision_is_1_in_x0_and_0_in_x1_and_takes_no_register_and_two_writes() {
    for id in [0x8200_ff03, 0x8400_ff03, 0x8500_ff03] {
        let answer = call(id);
        assert_eq!(answer.outcome, Outcome::Return(Results::of(1).with(Register::X1, 0)), "{id:#x}");
        assert!(answer.reads.is_empty());
        assert_eq!(answer.writes, [(Register::X0, 1), (Register::X1, 0)]);
    }
}

#[test]
fn call_count_and_the_reserved_number_are_not_supported() {
    for id in [0x8200_ff00, 0x8400_ff00, 0x8500_ff00, 0x8200_ff02, 0x8400_ff02, 0x8500_ff02] {
        assert_eq!(call(id).outcome, returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn there_are_no_smc64_forms_and_no_yielding_ones() {
    let firmware = firmware(&ALL);
    for id in [0xc200_ff01, 0xc400_ff01, 0xc500_ff03, 0x0400_ff01, 0x4400_ff01] {
        assert_eq!(x0(&firmware, id), NOT_SUPPORTED, "{id:#x}");
        assert_eq!(call(id).outcome, returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn a_query_with_the_sve_hint_is_the_same_query() {
    let firmware = firmware(&ALL);
    assert_eq!(x0(&firmware, 0x8401_ff01), 0x1537_f1d8);
    assert_eq!(x0(&firmware, 0x8401_ff03), 1);
}

#[test]
fn only_the_owners_that_were_asked_for_are_answered_and_forwarded() {
    let firmware = firmware(&[Owner::STANDARD_SECURE, Owner::STANDARD_SECURE]);
    assert_eq!(x0(&firmware, 0x8400_ff01), 0x1537_f1d8);
    for id in [0x8200_ff01, 0x8500_ff01] {
        assert_eq!(x0(&firmware, id), NOT_SUPPORTED, "{id:#x}");
    }
    let forwarded: Vec<u32> = (0..=0x3f)
        .flat_map(|owner| (0..=0xffff).map(move |number| 0x8000_0000 | owner << 24 | number))
        .filter(|&id| firmware.filter().action(FunctionId(id)) == Action::Forward)
        .collect();
    assert_eq!(forwarded, [0x8400_ff00, 0x8400_ff01, 0x8400_ff02, 0x8400_ff03]);
}

/// No guest finds a Trusted OS, nor a hypervisor, that is not there.
#[test]
fn of_all_64_owners_three_can_be_had() {
    let all: Vec<Owner> = (0..=0x3f).map(|owner| FunctionId(owner << 24).owner()).collect();
    let firmware = firmware(&all);
    for owner in 0..=0x3f_u32 {
        for number in [0xff00, 0xff01, 0xff03] {
            let id = 0x8000_0000 | owner << 24 | number;
            let is_answered = x0(&firmware, id) != NOT_SUPPORTED;
            assert_eq!(is_answered, [2, 4, 5].contains(&owner) && number != 0xff00, "{id:#x}");
        }
    }
}

/// Every function number of each owner, in both widths, with and without the hint.
#[test]
fn what_is_answered_and_the_support_table_agree() {
    let firmware = firmware(&ALL);
    let rows: Vec<_> = support().filter(|row| row.supported == Supported::Yes).collect();
    for owner in [0x0200_0000, 0x0400_0000, 0x0500_0000_u32] {
        for number in 0..=0xffff_u32 {
            for id in [0x8000_0000 | owner | number, 0xc000_0000 | owner | number] {
                let is_in_table = rows.iter().any(|row| row.function.has(FunctionId(id)));
                for id in [id, id | 0x1_0000] {
                    assert_eq!(x0(&firmware, id) != NOT_SUPPORTED, is_in_table, "{id:#x}");
                }
            }
        }
    }
}

//! The UID, what is declared, and the support table.

use std::{boxed::Box, collections::HashSet};

use switchboard_filter::Action;

use super::*;
use crate::{Supported, kvm::KvmVendor};

const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;

fn firmware() -> Firmware {
    Firmware::new(vec![Box::new(HyperV::new(3))]).unwrap()
}

/// x0 to x3 after a call through the router.
fn routed(firmware: &Firmware, id: u32, conduit: Conduit) -> [u64; 4] {
    let mut registers = Cpu { x: [0x77; 18], reads: vec![], writes: vec![] };
    let mut call = Call::new(FunctionId(id), conduit, CpuIndex(0), &mut registers);
    let results = firmware.answer(&mut call, &Guest::new()).results().unwrap();
    call.complete(&results).unwrap();
    assert_eq!(registers.x[4..], [0x77; 14]);
    registers.x[..4].try_into().unwrap()
}

#[test]
fn the_uid_is_hyper_vs_in_four_words() {
    let words = routed(&firmware(), 0x8600_ff01, Conduit::Hvc);
    assert_eq!(words, [0x4d32_ba58, 0xcd24_4764, 0x8eef_6c75, 0x1659_7024]);
    assert_eq!(routed(&firmware(), 0x8601_ff01, Conduit::Hvc), words, "with the SVE hint");
}

#[test]
fn there_is_no_revision_and_no_call_count() {
    for id in [0x8600_ff00, 0x8600_ff02, 0x8600_ff03, 0xc600_ff01] {
        assert_eq!(routed(&firmware(), id, Conduit::Hvc)[0], NOT_SUPPORTED, "{id:#x}");
    }
}

#[test]
fn over_smc_there_is_nothing_of_it() {
    for id in [0x4600_0001, 0x8600_ff00, 0x8600_ff01, 0x8600_ff03] {
        assert_eq!(routed(&firmware(), id, Conduit::Smc)[0], NOT_SUPPORTED, "{id:#x}");
    }
}

#[test]
fn what_is_answered_is_forwarded_and_all_that_kvm_could_answer_is_denied() {
    let firmware = firmware();
    let filter = firmware.filter();
    let forwarded = [0x8600_ff00, 0x8600_ff01, 0x8600_ff02, 0x8600_ff03];
    for id in (0x8600_0000..=0x8600_ffff).chain(0xc600_0000..=0xc600_ffff) {
        let expected = if forwarded.contains(&id) { Action::Forward } else { Action::Deny };
        assert_eq!(filter.action(FunctionId(id)), expected, "{id:#x}");
    }
    assert_eq!(filter.action(FunctionId(0x4600_0001)), Action::Forward);
    for id in [0x4600_0000, 0x4600_0002, 0x0600_0001, 0x8500_ffff, 0x8601_0000, 0xc5ff_ffff, 0xc601_0000] {
        assert_eq!(filter.action(FunctionId(id)), Action::Handle, "{id:#x}");
    }
}

#[test]
fn it_stands_in_the_place_of_kvms_own_services_and_never_beside_them() {
    let both = Firmware::new(vec![Box::new(HyperV::new(1)), Box::new(KvmVendor::new(vec![]))]);
    assert!(both.is_err());
}

#[test]
fn the_support_table_has_the_function_and_the_queries_of_the_range() {
    let rows: Vec<_> = support().collect();
    let supported: HashSet<_> =
        rows.iter().filter(|row| row.supported == Supported::Yes).map(|row| row.function.id.0).collect();
    assert_eq!(supported, HashSet::from([0x4600_0001, 0x8600_ff01]));
    let all: HashSet<_> = rows.iter().map(|row| row.function.id.0).collect();
    assert_eq!(all, HashSet::from([0x4600_0001, 0x8600_ff00, 0x8600_ff01, 0x8600_ff03]));
}

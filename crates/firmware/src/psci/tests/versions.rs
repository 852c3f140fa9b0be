//! Each version of PSCI: which IDs are answered, and that `PSCI_FEATURES`, the answers and the support table agree.

use std::{format, string::ToString, vec::Vec};

use switchboard_smccc::{catalogue::Widths, psci::Version};

use super::*;
use crate::{RegisterFault, Registers, Supported, SystemRegister};

const FEATURES: u32 = 0x8400_000a;
const SVE_HINT: u32 = 0x0001_0000;

/// No width, SMC32, SMC64 or both.
const NONE: [bool; 2] = [false, false];
const W32: [bool; 2] = [true, false];
const BOTH: [bool; 2] = [true, true];

/// Every function number that PSCI has set aside: in which widths it is answered, from which version on (DEN0022,
/// table 5).
const NUMBERS: [([bool; 2], PsciVersion); 0x20] = [
    (W32, PsciVersion::V0_2),  // 0x00 PSCI_VERSION
    (BOTH, PsciVersion::V0_2), // 0x01 CPU_SUSPEND
    (W32, PsciVersion::V0_2),  // 0x02 CPU_OFF
    (BOTH, PsciVersion::V0_2), // 0x03 CPU_ON
    (BOTH, PsciVersion::V0_2), // 0x04 AFFINITY_INFO
    (NONE, PsciVersion::V0_2), // 0x05 MIGRATE
    (W32, PsciVersion::V0_2),  // 0x06 MIGRATE_INFO_TYPE
    (NONE, PsciVersion::V0_2), // 0x07 MIGRATE_INFO_UP_CPU
    (W32, PsciVersion::V0_2),  // 0x08 SYSTEM_OFF
    (W32, PsciVersion::V0_2),  // 0x09 SYSTEM_RESET
    (W32, PsciVersion::V1_0),  // 0x0a PSCI_FEATURES
    (W32, PsciVersion::V1_0),  // 0x0b CPU_FREEZE
    (BOTH, PsciVersion::V1_0), // 0x0c CPU_DEFAULT_SUSPEND
    (BOTH, PsciVersion::V1_0), // 0x0d NODE_HW_STATE
    (BOTH, PsciVersion::V1_0), // 0x0e SYSTEM_SUSPEND
    (W32, PsciVersion::V1_0),  // 0x0f PSCI_SET_SUSPEND_MODE
    (BOTH, PsciVersion::V1_0), // 0x10 PSCI_STAT_RESIDENCY
    (BOTH, PsciVersion::V1_0), // 0x11 PSCI_STAT_COUNT
    (BOTH, PsciVersion::V1_1), // 0x12 SYSTEM_RESET2
    (W32, PsciVersion::V1_1),  // 0x13 MEM_PROTECT
    (BOTH, PsciVersion::V1_1), // 0x14 MEM_PROTECT_CHECK_RANGE
    (BOTH, PsciVersion::V1_3), // 0x15 SYSTEM_OFF2
    (NONE, PsciVersion::V1_3), // 0x16
    (NONE, PsciVersion::V1_3), // 0x17
    (NONE, PsciVersion::V1_3), // 0x18
    (NONE, PsciVersion::V1_3), // 0x19
    (NONE, PsciVersion::V1_3), // 0x1a
    (NONE, PsciVersion::V1_3), // 0x1b
    (NONE, PsciVersion::V1_3), // 0x1c
    (NONE, PsciVersion::V1_3), // 0x1d
    (NONE, PsciVersion::V1_3), // 0x1e
    (NONE, PsciVersion::V1_3), // 0x1f
];

/// The 64 IDs, and whether a version answers them.
fn page(version: PsciVersion) -> impl Iterator<Item = (u32, bool)> {
    (0x8400_0000..).zip(NUMBERS).flat_map(move |(id, ([narrow, wide], since))| {
        let there = version >= since;
        [(id, narrow && there), (id | 0x4000_0000, wide && there)]
    })
}

/// What the support table says of an ID.
fn is_in_the_table(id: u32, version: Version) -> bool {
    support().any(|row| {
        matches!(row.supported, Supported::Since(since) if since <= version)
            && row.function.has(FunctionId(id))
    })
}

/// The same in every argument: mostly 0x8400_0000, which `PSCI_FEATURES` knows and no function does anything with.
struct Always(u64);

impl Registers for Always {
    fn read(&mut self, _: Register) -> Result<u64, RegisterFault> {
        Ok(self.0)
    }

    fn write(&mut self, _: Register, _: u64) -> Result<(), RegisterFault> {
        Ok(())
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(0)
    }
}

fn call(psci: &Psci, id: u32, arguments: u64) -> Outcome {
    let mut registers = Always(arguments);
    let mut call = Call::new(FunctionId(id), Conduit::Hvc, BOOT, &mut registers);
    psci.call(&mut call, &OneGigabyte)
}

#[test]
fn each_version_answers_the_ids_that_it_has_and_no_others() {
    for version in PsciVersion::ALL {
        for (id, there) in page(version) {
            let answered = call(&Machine::of(version).psci, id, 0x8400_0000) != returns(NOT_SUPPORTED);
            assert_eq!(answered, there, "{id:#x} with {version}");
        }
    }
}

#[test]
fn the_support_table_says_of_each_id_what_each_version_does() {
    for version in PsciVersion::ALL {
        for (id, there) in page(version) {
            assert_eq!(is_in_the_table(id, version.number()), there, "{id:#x} with {version}");
        }
    }
}

#[test]
fn the_support_table_has_a_row_for_each_named_function_in_the_order_of_its_numbers() {
    let rows: Vec<_> = support().map(|row| (row.function.id.0, row.function.widths)).collect();
    let wanted: Vec<_> = (0x8400_0000..0x8400_0016).collect();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), wanted);
    assert!(rows.iter().all(|row| row.1 != Widths::Smc64));
}

/// For every function number of owner 4: `PSCI_FEATURES` is NOT_SUPPORTED, or not, as the call is, and as the table says.
/// The SVE hint makes no difference to a call, and is no part of an ID that `PSCI_FEATURES` knows: KVM's filter does not
/// forward such a call.
#[test]
fn psci_features_agrees_with_the_answers_and_with_the_table_for_every_number_of_the_owner() {
    for version in &PsciVersion::ALL[1..] {
        let machine = Machine::of(*version);
        let known = |id| call(&machine.psci, FEATURES, u64::from(id)) != returns(NOT_SUPPORTED);
        for base in [0x8400_0000, 0xc400_0000] {
            for id in base..=base | 0xffff {
                let fresh = (id & 0xffff < 0x20).then(|| Machine::of(*version));
                let psci = fresh.as_ref().map_or(&machine.psci, |machine| &machine.psci);
                let answered = call(psci, id, 0x8400_0000) != returns(NOT_SUPPORTED);
                assert_eq!(known(id), answered, "{id:#x} with {version}");
                assert_eq!(is_in_the_table(id, version.number()), answered, "{id:#x} with {version}");
                assert!(!known(id | SVE_HINT), "{id:#x} with {version} and the hint");
            }
        }
    }
}

#[test]
fn the_sve_hint_makes_no_difference_to_a_call_of_any_number_of_the_owner() {
    for version in PsciVersion::ALL {
        let machine = Machine::of(version);
        for base in [0x8400_0000, 0xc400_0000] {
            for id in base..=base | 0xffff {
                let outcome = if id & 0xffff < 0x20 {
                    assert_eq!(
                        call(&Machine::of(version).psci, id | SVE_HINT, 0),
                        call(&Machine::of(version).psci, id, 0),
                        "{id:#x} with {version}"
                    );
                    continue;
                } else {
                    call(&machine.psci, id | SVE_HINT, 0)
                };
                assert_eq!(outcome, returns(NOT_SUPPORTED), "{id:#x} with {version}");
            }
        }
    }
}

#[test]
fn with_0_2_there_is_no_psci_features_and_so_no_way_to_smccc_1_1() {
    let machine = Machine::of(PsciVersion::V0_2);
    for id in [0x8000_0000, 0x8400_0000, 0x8400_0001, 0xc400_0003, FEATURES] {
        assert_eq!(call(&machine.psci, FEATURES, id.into()), returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn from_1_0_on_psci_features_leads_to_smccc_1_1() {
    for version in &PsciVersion::ALL[1..] {
        let machine = Machine::of(*version);
        assert_eq!(call(&machine.psci, FEATURES, 0x8000_0000), returns(SUCCESS), "{version}");
    }
}

#[test]
fn before_1_3_system_off2_is_not_supported_and_psci_features_says_so() {
    for version in &PsciVersion::ALL[1..4] {
        let machine = Machine::of(*version);
        for id in [0x8400_0015, 0xc400_0015] {
            assert_eq!(call(&machine.psci, id, 0), returns(NOT_SUPPORTED), "{version}");
            assert_eq!(call(&machine.psci, FEATURES, id.into()), returns(NOT_SUPPORTED), "{version}");
        }
    }
}

#[test]
fn a_version_is_read_as_it_is_written_and_nothing_else_is_one() {
    for (version, text) in PsciVersion::ALL.into_iter().zip(["0.2", "1.0", "1.1", "1.2", "1.3"]) {
        assert_eq!(text.parse(), Ok(version));
        assert_eq!(version.to_string(), text);
    }
    for text in ["", "0.1", "0.3", "1", "1.4", "1.03", " 1.3", "v1.3", "2.0"] {
        assert_eq!(text.parse::<PsciVersion>(), Err(UnknownVersion), "{text:?}");
    }
    assert_eq!(format!("{UnknownVersion}"), "there are 0.2, 1.0, 1.1, 1.2 and 1.3");
    assert_eq!(PsciVersion::default(), PsciVersion::V1_3);
}

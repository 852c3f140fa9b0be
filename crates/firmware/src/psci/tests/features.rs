//! `PSCI_VERSION` (section 5.1.1), migration (sections 5.1.6 to 5.1.8), `PSCI_FEATURES` (section 5.1.15), and the filter.

use std::{boxed::Box, vec};

use switchboard_filter::Action;

use super::*;
use crate::Firmware;

const FEATURES: u32 = 0x8400_000a;

fn features(machine: &mut Machine, id: u64) -> Outcome {
    machine.call(FEATURES, [id, 0, 0])
}

#[test]
fn psci_version_is_the_one_that_was_asked_for_and_reads_no_register() {
    for (version, value) in [
        (PsciVersion::V0_2, 0x0_0002),
        (PsciVersion::V1_0, 0x1_0000),
        (PsciVersion::V1_1, 0x1_0001),
        (PsciVersion::V1_2, 0x1_0002),
        (PsciVersion::V1_3, 0x1_0003),
    ] {
        let mut machine = Machine::of(version);
        assert_eq!(machine.call(0x8400_0000, [0; 3]), returns(value), "{version}");
        assert!(machine.registers.reads.is_empty());
    }
}

#[test]
fn migrate_info_type_says_that_there_is_nothing_to_migrate() {
    for version in PsciVersion::ALL {
        assert_eq!(Machine::of(version).call(0x8400_0006, [0; 3]), returns(2), "{version}");
    }
}

#[test]
fn migrate_and_migrate_info_up_cpu_are_not_supported() {
    for version in PsciVersion::ALL {
        for function in [0x8400_0005, 0xc400_0005, 0x8400_0007, 0xc400_0007] {
            let outcome = Machine::of(version).call(function, [0, 0, 0]);
            assert_eq!(outcome, returns(NOT_SUPPORTED), "{version} {function:#x}");
        }
    }
}

#[test]
fn psci_features_of_cpu_suspend_is_1_original_format_and_os_initiated_mode() {
    for version in &PsciVersion::ALL[1..] {
        let mut machine = Machine::of(*version);
        for id in [0x8400_0001, 0xc400_0001] {
            assert_eq!(features(&mut machine, id), returns(1), "{version} {id:#x}");
        }
    }
}

#[test]
fn psci_features_of_system_off2_is_1_hibernate_off() {
    for id in [0x8400_0015, 0xc400_0015] {
        assert_eq!(features(&mut Machine::new(), id), returns(1), "{id:#x}");
    }
}

#[test]
fn psci_features_of_every_other_function_is_0() {
    let mut machine = Machine::new();
    for id in [
        0x8400_0000,
        0x8400_0002,
        0x8400_0003,
        0xc400_0003,
        0x8400_0004,
        0xc400_0004,
        0x8400_0006,
        0x8400_0008,
        0x8400_0009,
        0x8400_000a,
        0x8400_000b,
        0x8400_000c,
        0xc400_000c,
        0x8400_000d,
        0xc400_000d,
        0x8400_000e,
        0xc400_000e,
        0x8400_000f,
        0x8400_0010,
        0xc400_0010,
        0x8400_0011,
        0xc400_0011,
        0x8400_0012,
        0xc400_0012,
        0x8400_0013,
        0x8400_0014,
        0xc400_0014,
    ] {
        assert_eq!(features(&mut machine, id), returns(0), "{id:#x}");
    }
}

#[test]
fn psci_features_of_migration_is_not_supported_but_for_its_type() {
    let mut machine = Machine::new();
    for id in [0x8400_0005, 0xc400_0005, 0x8400_0007, 0xc400_0007] {
        assert_eq!(features(&mut machine, id), returns(NOT_SUPPORTED), "{id:#x}");
    }
    assert_eq!(features(&mut machine, 0x8400_0006), returns(0));
}

#[test]
fn psci_features_of_smccc_version_is_success_and_of_other_services_not_supported() {
    let mut machine = Machine::new();
    assert_eq!(features(&mut machine, 0xdead_beef_8000_0000), returns(SUCCESS));
    for id in [0x8000_0001, 0x8400_0050, 0xc400_0053, 0x8600_ff01, 0x8401_0003, 0x0400_0003, 0xffff_ffff] {
        assert_eq!(features(&mut machine, id), returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn psci_features_reads_w1_and_has_no_smc64_form() {
    let mut machine = Machine::new();
    assert_eq!(features(&mut machine, 0xdead_beef_c400_0003), returns(0));
    assert_eq!(machine.registers.reads, [Register::X1]);
    assert_eq!(machine.call(0xc400_000a, [0x8400_0000, 0, 0]), returns(NOT_SUPPORTED));
}

#[test]
fn both_widths_are_forwarded_and_kvms_private_psci_is_denied_with_every_version() {
    for version in PsciVersion::ALL {
        let firmware = Firmware::new(vec![Box::new(Machine::of(version).psci)]).unwrap();
        let action = |id| firmware.filter().action(FunctionId(id));
        for id in (0..0x20).flat_map(|number| [0x8400_0000 + number, 0xc400_0000 + number]) {
            assert_eq!(action(id), Action::Forward, "{id:#x}");
        }
        for id in 0x95c1_ba5e..=0x95c1_ba61 {
            assert_eq!(action(id), Action::Deny, "{id:#x}");
        }
        for id in [0x8400_0020, 0xc400_0050, 0x8401_0003, 0x95c1_ba5d, 0x95c1_ba62, 0x8600_ff01] {
            assert_eq!(action(id), Action::Handle, "{id:#x}");
        }
    }
}

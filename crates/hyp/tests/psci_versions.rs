//! What each version of PSCI changes, on kernels that have it.

mod common;

use common::{DENIED, hvc, hvc_next, initialised, running_with, vm_of};
use switchboard_hyp::{Capability, Exit, Init, KvmVersion, Next, RegisterId, VcpuFeatures, Vm};

/// What a guest can tell versions apart by. Every probe is a call whose x1 to x3 are 0 where not given.
const PROBES: [(&str, &[u64]); 12] = [
    ("PSCI_VERSION", &[0x8400_0000]),
    ("CPU_ON of itself", &[0xc400_0003, 0]),
    ("AFFINITY_INFO of itself", &[0xc400_0004, 0, 0]),
    ("MIGRATE_INFO_TYPE", &[0x8400_0006]),
    ("FEATURES of PSCI_VERSION", &[0x8400_000a, 0x8400_0000]),
    ("FEATURES of SMCCC_VERSION", &[0x8400_000a, 0x8000_0000]),
    ("FEATURES of SYSTEM_RESET2", &[0x8400_000a, 0xc400_0012]),
    ("FEATURES of SYSTEM_OFF2", &[0x8400_000a, 0xc400_0015]),
    ("SYSTEM_SUSPEND", &[0xc400_000e, 0, 0]),
    ("SYSTEM_RESET2", &[0xc400_0012, 0]),
    ("SYSTEM_OFF2", &[0xc400_0015, 0, 0]),
    ("CPU_ON of 0.1, itself", &[0x95c1_ba60, 0]),
];

/// What comes of a probe: x0, or an exit of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    X0(u64),
    Event(u32),
}

use Seen::{Event, X0};

const NO: Seen = X0(0xffff_ffff_ffff_ffff);
const ALREADY_ON: Seen = X0(0xffff_ffff_ffff_fffc);
const INVALID: Seen = X0(0xffff_ffff_ffff_fffe);

const OF_0_1: [Seen; 12] = [NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, INVALID];
const OF_0_2: [Seen; 12] = [X0(2), ALREADY_ON, X0(0), X0(2), NO, NO, NO, NO, NO, NO, NO, NO];
const OF_1_0: [Seen; 12] =
    [X0(0x1_0000), ALREADY_ON, X0(0), X0(2), X0(0), X0(0), NO, NO, Event(5), NO, NO, NO];
const OF_1_1: [Seen; 12] =
    [X0(0x1_0001), ALREADY_ON, X0(0), X0(2), X0(0), X0(0), X0(0), NO, Event(5), Event(2), NO, NO];
const OF_1_2: [Seen; 12] =
    [X0(0x1_0002), ALREADY_ON, X0(0), X0(2), X0(0), X0(0), X0(0), NO, Event(5), Event(2), NO, NO];
const OF_1_3: [Seen; 12] =
    [X0(0x1_0003), ALREADY_ON, X0(0), X0(2), X0(0), X0(0), X0(0), X0(1), Event(5), Event(2), Event(1), NO];

fn probe(vm: &Vm, features: VcpuFeatures, choice: Option<u64>) -> [Seen; 12] {
    vm.enable(Capability::SystemSuspend);
    let mut vcpu = initialised(vm, 0, features);
    if let Some(version) = choice {
        vcpu.set_register(RegisterId::PSCI_VERSION, version).unwrap();
    }
    PROBES.map(|(_, values)| {
        vcpu.init(Init { features }).unwrap();
        let mut arguments = [0; 4];
        arguments[..values.len()].copy_from_slice(values);
        match hvc_next(&mut vcpu, &arguments) {
            Next::Resume => X0(common::results(&vcpu)[0]),
            Next::Exit(Exit::SystemEvent(event)) => Event(event.kind()),
            other => panic!("{other:?}"),
        }
    })
}

fn assert_seen(version: KvmVersion, features: VcpuFeatures, choice: Option<u64>, expected: [Seen; 12]) {
    let seen = probe(&vm_of(version), features, choice);
    for (((name, _), seen), expected) in PROBES.iter().zip(seen).zip(expected) {
        assert_eq!(seen, expected, "{name} on {version} with PSCI {choice:x?}");
    }
}

#[test]
fn without_the_feature_there_is_kvms_own_0_1_and_nothing_else() {
    for version in [KvmVersion::V6_12, KvmVersion::V7_2] {
        assert_seen(version, VcpuFeatures::default(), None, OF_0_1);
        assert_seen(version, VcpuFeatures::default(), Some(0x1), OF_0_1);
    }
}

#[test]
fn on_6_12_there_are_0_2_to_1_1_and_1_1_is_the_default() {
    let version = KvmVersion::V6_12;
    assert_seen(version, VcpuFeatures::PSCI_0_2, None, OF_1_1);
    assert_seen(version, VcpuFeatures::PSCI_0_2, Some(0x2), OF_0_2);
    assert_seen(version, VcpuFeatures::PSCI_0_2, Some(0x1_0000), OF_1_0);
    assert_seen(version, VcpuFeatures::PSCI_0_2, Some(0x1_0001), OF_1_1);
}

#[test]
fn on_7_2_there_are_0_2_to_1_3_and_1_3_is_the_default() {
    let version = KvmVersion::V7_2;
    assert_seen(version, VcpuFeatures::PSCI_0_2, None, OF_1_3);
    assert_seen(version, VcpuFeatures::PSCI_0_2, Some(0x2), OF_0_2);
    assert_seen(version, VcpuFeatures::PSCI_0_2, Some(0x1_0000), OF_1_0);
    assert_seen(version, VcpuFeatures::PSCI_0_2, Some(0x1_0001), OF_1_1);
    assert_seen(version, VcpuFeatures::PSCI_0_2, Some(0x1_0002), OF_1_2);
    assert_seen(version, VcpuFeatures::PSCI_0_2, Some(0x1_0003), OF_1_3);
}

#[test]
fn kvms_0_1_turns_a_cpu_on_and_off_and_has_no_already_on() {
    let vm = vm_of(KvmVersion::V7_2);
    let mut caller = running_with(&vm, 0, VcpuFeatures::default());
    let mut target = initialised(&vm, 1, VcpuFeatures::POWER_OFF);
    assert_eq!(hvc(&mut caller, &[0x95c1_ba60, 1, 0x4000_8000, 7]), [0, 0, 0, 0]);
    assert_eq!((common::pc(&mut target), common::x0(&mut target)), (0x4000_8000, 7));
    assert_eq!(hvc(&mut caller, &[0x95c1_ba60, 1, 0x4000_8000, 7])[0], 0xffff_ffff_ffff_fffe);
    assert_eq!(hvc_next(&mut target, &[0x95c1_ba5f]), Next::Stopped);
    // CPU_SUSPEND and MIGRATE have numbers, and that is all.
    assert_eq!(hvc(&mut caller, &[0x95c1_ba5e]), DENIED);
    assert_eq!(hvc(&mut caller, &[0x95c1_ba61]), DENIED);
    assert_eq!(hvc(&mut caller, &[0x95c1_ba62]), DENIED, "not one of them");
}

#[test]
fn a_filter_keeps_0_1_away_too() {
    let vm = vm_of(KvmVersion::V7_2);
    common::deny(&vm, 0x95c1_ba5e, 4);
    let mut caller = running_with(&vm, 0, VcpuFeatures::default());
    assert_eq!(hvc(&mut caller, &[0x95c1_ba5f]), DENIED, "CPU_OFF");
}

#[test]
fn features_must_know_smccc_version_or_guests_find_no_smccc_1_1() {
    let vm = vm_of(KvmVersion::V7_2);
    let mut vcpu = running_with(&vm, 0, VcpuFeatures::PSCI_0_2);
    assert_eq!(hvc(&mut vcpu, &[0x8400_000a, 0x8000_0000]), [0, 0, 0, 0]);
    // Of the argument the low half counts.
    assert_eq!(hvc(&mut vcpu, &[0x8400_000a, 0xdead_beef_8000_0000]), [0, 0, 0, 0]);
    // Of SMCCC's own functions it knows no other, nor TRNG's.
    for id in [0x8000_0001, 0x8000_8000, 0x8400_0050] {
        assert_eq!(hvc(&mut vcpu, &[0x8400_000a, id]), DENIED, "{id:#x}");
    }
}

#[test]
fn features_knows_every_function_that_is_there() {
    let vm = vm_of(KvmVersion::V7_2);
    let mut vcpu = running_with(&vm, 0, VcpuFeatures::PSCI_0_2);
    for number in [0x0, 0x1, 0x2, 0x3, 0x4, 0x6, 0x8, 0x9, 0xa, 0x12] {
        assert_eq!(hvc(&mut vcpu, &[0x8400_000a, 0x8400_0000 + number]), [0, 0, 0, 0], "{number:#x}");
    }
    for number in [0x1, 0x3, 0x4, 0x12] {
        assert_eq!(hvc(&mut vcpu, &[0x8400_000a, 0xc400_0000 + number]), [0, 0, 0, 0], "{number:#x}");
    }
    // What returns no address and takes none has no SMC64 form; MIGRATE and its CPU are not there.
    for id in [0xc400_0000, 0xc400_0002, 0xc400_0006, 0xc400_0008, 0xc400_000a, 0x8400_0005, 0x8400_0007] {
        assert_eq!(hvc(&mut vcpu, &[0x8400_000a, id]), DENIED, "{id:#x}");
    }
}

#[test]
fn functions_of_later_versions_that_kvm_has_not_are_minus_1() {
    let vm = vm_of(KvmVersion::V7_2);
    let mut vcpu = running_with(&vm, 0, VcpuFeatures::PSCI_0_2);
    for number in [0x0b, 0x0c, 0x0d, 0x0f, 0x10, 0x11, 0x13, 0x14, 0x16, 0x1f] {
        for base in [0x8400_0000, 0xc400_0000] {
            assert_eq!(hvc(&mut vcpu, &[base + number, 0, 0, 0]), DENIED, "{number:#x}");
            assert_eq!(hvc(&mut vcpu, &[0x8400_000a, base + number]), DENIED, "{number:#x}");
        }
    }
}

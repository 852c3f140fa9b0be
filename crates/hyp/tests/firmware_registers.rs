//! The firmware's pseudo-registers: their rules, version by version, and what they take from the guest.

mod common;

use common::{DENIED, PSCI_0_2, hvc, initialised, new_vm, running, vm_of};
use switchboard_hyp::{
    Errno, Init, Interruption, KvmVersion, Mitigations, RegisterId, Vcpu, VcpuFeatures, Vm, VmConfig,
    Workaround, Workaround2,
};

const PSCI_VERSION: RegisterId = RegisterId(0x6030_0000_0014_0000);
const WORKAROUND_1: RegisterId = RegisterId(0x6030_0000_0014_0001);
const WORKAROUND_2: RegisterId = RegisterId(0x6030_0000_0014_0002);
const WORKAROUND_3: RegisterId = RegisterId(0x6030_0000_0014_0003);
const STD_BMAP: RegisterId = RegisterId(0x6030_0000_0016_0000);
const STD_HYP_BMAP: RegisterId = RegisterId(0x6030_0000_0016_0001);
const VENDOR_HYP_BMAP: RegisterId = RegisterId(0x6030_0000_0016_0002);
const VENDOR_HYP_BMAP_2: RegisterId = RegisterId(0x6030_0000_0016_0003);

/// Each bitmap with its reset value and all of its bits.
const BITMAPS: [(RegisterId, u64, u64); 4] =
    [(STD_BMAP, 1, 1), (STD_HYP_BMAP, 1, 1), (VENDOR_HYP_BMAP, 3, 3), (VENDOR_HYP_BMAP_2, 0, 3)];

fn vcpu(vm: &Vm) -> Vcpu<'_> {
    initialised(vm, 0, PSCI_0_2)
}

fn host_with(workaround: Workaround, workaround_2: Workaround2) -> VmConfig {
    let mitigations = Mitigations { workaround_1: workaround, workaround_2, workaround_3: workaround };
    VmConfig { mitigations, ..VmConfig::new(KvmVersion::V7_2) }
}

#[test]
fn the_eight_registers_can_be_read_and_on_6_12_there_are_seven() {
    let all = [
        PSCI_VERSION,
        WORKAROUND_1,
        WORKAROUND_2,
        WORKAROUND_3,
        STD_BMAP,
        STD_HYP_BMAP,
        VENDOR_HYP_BMAP,
        VENDOR_HYP_BMAP_2,
    ];
    for (version, there_are) in [(KvmVersion::V7_2, 8), (KvmVersion::V6_12, 7)] {
        let vm = vm_of(version);
        let mut vcpu = vcpu(&vm);
        let read = all.map(|id| vcpu.get_register(id));
        assert_eq!(read.iter().filter(|value| value.is_ok()).count(), there_are, "{version}");
    }
}

#[test]
fn the_second_vendor_bitmap_came_with_6_15() {
    for (version, read, written) in [
        (KvmVersion::new(6, 14, 0), Err(Errno(2)), Err(Errno(2))),
        (KvmVersion::new(6, 15, 0), Ok(0), Ok(())),
    ] {
        let vm = vm_of(version);
        let mut vcpu = vcpu(&vm);
        assert_eq!(vcpu.get_register(VENDOR_HYP_BMAP_2), read, "{version}");
        assert_eq!(vcpu.set_register(VENDOR_HYP_BMAP_2, 3), written, "{version}");
    }
}

#[test]
fn bitmaps_are_1_1_3_0_at_first_and_take_every_subset_of_their_bits() {
    let vm = new_vm();
    let mut vcpu = vcpu(&vm);
    for (id, reset, all) in BITMAPS {
        assert_eq!(vcpu.get_register(id), Ok(reset), "{id:?}");
        for value in 0..=all {
            assert_eq!(vcpu.set_register(id, value), Ok(()));
            assert_eq!(vcpu.get_register(id), Ok(value), "{id:?}");
        }
    }
}

#[test]
fn a_bit_that_a_bitmap_has_not_is_einval_and_changes_nothing() {
    let vm = new_vm();
    let mut vcpu = vcpu(&vm);
    for (id, reset, all) in BITMAPS {
        for value in [all + 1, all | 1 << 32, 1 << 63] {
            assert_eq!(vcpu.set_register(id, value), Err(Errno(22)), "{id:?} {value:#x}");
        }
        assert_eq!(vcpu.get_register(id), Ok(reset));
    }
}

#[test]
fn after_a_run_a_bitmap_is_read_and_a_changed_value_is_ebusy() {
    let vm = new_vm();
    let mut vcpu = vcpu(&vm);
    for (id, ..) in BITMAPS {
        vcpu.set_register(id, 0).unwrap();
    }
    vcpu.enter(Interruption::None).unwrap();
    for (id, _, all) in BITMAPS {
        assert_eq!(vcpu.get_register(id), Ok(0));
        assert_eq!(vcpu.set_register(id, all), Err(Errno(16)));
    }
}

#[test]
fn after_a_run_the_same_value_is_taken_and_an_unknown_bit_is_still_einval() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    for (id, reset, all) in BITMAPS {
        assert_eq!(vcpu.set_register(id, reset), Ok(()));
        assert_eq!(vcpu.set_register(id, all + 1), Err(Errno(22)), "EINVAL before EBUSY");
    }
}

#[test]
fn any_vcpu_sets_a_bitmap_for_all_and_the_run_of_any_freezes_it() {
    let vm = new_vm();
    let mut first = initialised(&vm, 0, PSCI_0_2);
    let mut second = initialised(&vm, 1, PSCI_0_2);
    first.set_register(VENDOR_HYP_BMAP, 1).unwrap();
    assert_eq!(second.get_register(VENDOR_HYP_BMAP), Ok(1));
    second.enter(Interruption::ImmediateExit).unwrap_err();
    assert_eq!(first.set_register(VENDOR_HYP_BMAP, 3), Err(Errno(16)));
    first.init(Init { features: PSCI_0_2 }).unwrap();
    assert_eq!(first.get_register(VENDOR_HYP_BMAP), Ok(1), "a reset of a vCPU does not reset it");
}

#[test]
fn an_unknown_register_of_the_firmware_is_enoent() {
    let vm = new_vm();
    let mut vcpu = vcpu(&vm);
    for id in [0x6030_0000_0014_0004, 0x6030_0000_0016_0004, 0x6030_0000_0016_ffff, 0x6020_0000_0016_0000] {
        assert_eq!(vcpu.get_register(RegisterId(id)), Err(Errno(2)), "{id:#x}");
        assert_eq!(vcpu.set_register(RegisterId(id), 0), Err(Errno(2)), "{id:#x}");
    }
}

#[test]
fn of_another_architecture_it_is_einval_and_before_an_init_enoexec() {
    let vm = new_vm();
    let mut vcpu = vm.create_vcpu(0).unwrap();
    assert_eq!(vcpu.get_register(STD_BMAP), Err(Errno(8)));
    assert_eq!(vcpu.set_register(STD_BMAP, 1), Err(Errno(8)));
    vcpu.init(Init { features: PSCI_0_2 }).unwrap();
    assert_eq!(vcpu.get_register(RegisterId(0x2030_0000_0016_0000)), Err(Errno(22)));
    assert_eq!(vcpu.set_register(RegisterId(0x2030_0000_0016_0000), 1), Err(Errno(22)));
}

#[test]
fn the_psci_version_must_go_with_the_feature_and_exist_in_the_kernel() {
    let all = [0x0, 0x1, 0x2, 0x3, 0x1_0000, 0x1_0001, 0x1_0002, 0x1_0003, 0x1_0004, 0x2_0000, 0x1_0000_0002];
    let with = PSCI_0_2;
    let without = VcpuFeatures::default();
    for (version, features, expected, taken) in [
        (KvmVersion::V6_12, without, 0x1, &[0x1][..]),
        (KvmVersion::V6_12, with, 0x1_0001, &[0x2, 0x1_0000, 0x1_0001]),
        (KvmVersion::V7_2, without, 0x1, &[0x1]),
        (KvmVersion::V7_2, with, 0x1_0003, &[0x2, 0x1_0000, 0x1_0001, 0x1_0002, 0x1_0003]),
    ] {
        let vm = vm_of(version);
        let mut vcpu = initialised(&vm, 0, features);
        assert_eq!(vcpu.get_register(PSCI_VERSION), Ok(expected), "the default");
        for value in all {
            let expected = if taken.contains(&value) { Ok(()) } else { Err(Errno(22)) };
            assert_eq!(vcpu.set_register(PSCI_VERSION, value), expected, "{version} {features:?} {value:#x}");
        }
        assert_eq!(vcpu.get_register(PSCI_VERSION), Ok(*taken.last().unwrap()), "the last that was taken");
    }
}

#[test]
fn the_psci_version_is_never_frozen() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    assert_eq!(vcpu.set_register(PSCI_VERSION, 0x2), Ok(()));
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000]), [0x2, 0, 0, 0]);
    assert_eq!(vcpu.set_register(PSCI_VERSION, 0x1_0001), Ok(()));
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000]), [0x1_0001, 0, 0, 0]);
}

#[test]
fn a_workaround_of_the_host_or_a_lesser_one_is_taken_and_forgotten() {
    for (host, level) in
        [(Workaround::NotAvailable, 0), (Workaround::Available, 1), (Workaround::NotRequired, 2)]
    {
        let vm = Vm::new(host_with(host, Workaround2::NotRequired));
        let mut vcpu = vcpu(&vm);
        for id in [WORKAROUND_1, WORKAROUND_3] {
            for value in 0..=4 {
                let expected = if value <= level { Ok(()) } else { Err(Errno(22)) };
                assert_eq!(vcpu.set_register(id, value), expected, "{host:?} {value}");
                assert_eq!(vcpu.get_register(id), Ok(level), "it stays the host's");
            }
            assert_eq!(vcpu.set_register(id, 0x10), Err(Errno(22)), "no such bit");
        }
    }
}

#[test]
fn workaround_2_knows_enabled_only_with_available_and_takes_two_levels_for_one() {
    // Levels 0 and 1 want nothing; 2 and 3 want a host that is safe. 0x10: enabled.
    let safe = [0x0, 0x1, 0x2, 0x3, 0x12];
    let vulnerable = [0x0, 0x1];
    for (host, level, taken) in
        [(Workaround2::NotRequired, 3, &safe[..]), (Workaround2::NotAvailable, 0, &vulnerable)]
    {
        let vm = Vm::new(host_with(Workaround::NotRequired, host));
        let mut vcpu = vcpu(&vm);
        for value in [0x0, 0x1, 0x2, 0x3, 0x4, 0xf, 0x10, 0x11, 0x12, 0x13, 0x20, 0x22, 0x1_0000_0000] {
            let expected = if taken.contains(&value) { Ok(()) } else { Err(Errno(22)) };
            assert_eq!(vcpu.set_register(WORKAROUND_2, value), expected, "{host:?} {value:#x}");
            assert_eq!(vcpu.get_register(WORKAROUND_2), Ok(level));
        }
    }
}

/// The services of the selftest `hypercalls`: TRNG's five, paravirtualized time's three, the vendor's three.
const SERVICES: [[u64; 2]; 11] = [
    [0x8400_0050, 0],
    [0x8400_0051, 0xc400_0053],
    [0x8400_0052, 0],
    [0x8400_0053, 0],
    [0xc400_0053, 0],
    [0x8000_0001, 0xc500_0020],
    [0xc500_0020, 0xc500_0021],
    [0xc500_0021, 0],
    [0x8600_0000, 0],
    [0x8600_ff01, 0],
    [0x8600_0001, 0],
];

#[test]
fn with_every_bit_clear_every_service_is_minus_1() {
    let vm = new_vm();
    let mut vcpu = vcpu(&vm);
    for (id, ..) in BITMAPS {
        vcpu.set_register(id, 0).unwrap();
    }
    for call in SERVICES {
        assert_eq!(hvc(&mut vcpu, &call), DENIED, "{call:x?}");
    }
}

#[test]
fn a_vm_as_it_comes_has_every_service() {
    let vm = new_vm();
    let mut vcpu = vcpu(&vm);
    let attribute = switchboard_hyp::DeviceAttribute { group: 2, attribute: 0 };
    let address = 0x4000_0000_u64.to_le_bytes();
    vcpu.set_attribute(attribute, &address, &common::Lender::default()).unwrap();
    for call in SERVICES {
        assert_ne!(hvc(&mut vcpu, &call)[0], 0xffff_ffff_ffff_ffff, "{call:x?}");
    }
}

#[test]
fn no_family_answers_for_the_functions_of_another() {
    let vm = new_vm();
    let mut vcpu = vcpu(&vm);
    for call in [[0x8400_0051, 0x8600_0001], [0x8000_0001, 0xc400_0053], [0xc500_0020, 0xc400_0053]] {
        assert_eq!(hvc(&mut vcpu, &call), DENIED, "{call:x?}");
    }
}

#[test]
fn each_bit_takes_away_its_own_functions_and_no_others() {
    for (id, kept, taken) in [
        (STD_BMAP, 0, &[0x8400_0050, 0x8400_0051, 0x8400_0052, 0x8400_0053, 0xc400_0053][..]),
        (STD_HYP_BMAP, 0, &[0xc500_0020, 0xc500_0021]),
        (VENDOR_HYP_BMAP, 0b10, &[0x8600_0000, 0x8600_ff01]),
        (VENDOR_HYP_BMAP, 0b01, &[0x8600_0001]),
    ] {
        let vm = new_vm();
        let mut vcpu = vcpu(&vm);
        vcpu.set_register(id, kept).unwrap();
        for [function, argument] in SERVICES {
            // Without an address of stolen time its functions are -1 anyway.
            if matches!(function, 0x8000_0001 | 0xc500_0020 | 0xc500_0021) && id != STD_HYP_BMAP {
                continue;
            }
            let x0 = hvc(&mut vcpu, &[function, argument])[0];
            let is_gone = x0 == 0xffff_ffff_ffff_ffff;
            let has_lost_a_bit = taken.contains(&function) || id == STD_HYP_BMAP && function == 0x8000_0001;
            assert_eq!(is_gone, has_lost_a_bit, "{id:?} {function:#x}");
        }
    }
}

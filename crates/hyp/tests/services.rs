//! KVM's own services besides PSCI: architecture calls, TRNG, paravirtualized time, the vendor's.

mod common;

use common::{DENIED, INVALID_PARAMETERS, Lender, NOT_SUPPORTED, hvc, new_vm, results, running, vm_of};
use switchboard_hyp::{
    DeviceAttribute, Errno, ExceptionClass, KvmVersion, Mitigations, Next, NoHost, RegisterId, Time, Vcpu,
    Vm, VmConfig, Workaround, Workaround2,
};
use switchboard_smccc::Ipa;

const PVTIME: DeviceAttribute = DeviceAttribute { group: 2, attribute: 0 };

fn hvc_with(vcpu: &mut Vcpu<'_>, values: &[u64], host: &Lender) -> [u64; 4] {
    assert_eq!(common::call(vcpu, ExceptionClass::Hvc64, values, host), Next::Resume);
    results(vcpu)
}

#[test]
fn smccc_is_1_1_on_every_kernel() {
    for version in [KvmVersion::V6_12, KvmVersion::V7_2] {
        let vm = vm_of(version);
        assert_eq!(hvc(&mut running(&vm, 0), &[0x8000_0000]), [0x1_0001, 0, 0, 0]);
    }
}

#[test]
fn arch_features_knows_nothing_that_a_monitor_could_add() {
    let vm = new_vm();
    common::forward(&vm, 0x8400_0000, 0x60);
    common::forward(&vm, 0xc300_0000, 0x100);
    let mut vcpu = running(&vm, 0);
    for id in [0x8000_0000, 0x8000_0001, 0x8000_0002, 0x8400_0000, 0x8400_0050, 0xc300_0000, 0x8000_8001] {
        assert_eq!(hvc(&mut vcpu, &[0x8000_0001, id]), DENIED, "{id:#x}");
    }
    assert_eq!(hvc(&mut vcpu, &[0x8000_0002]), DENIED, "SOC_ID");
    assert_eq!(hvc(&mut vcpu, &[0xc000_0002]), DENIED, "SOC_ID");
}

#[test]
fn arch_features_says_how_the_host_fares_with_each_workaround() {
    let minus_1 = NOT_SUPPORTED;
    for (workaround, expected) in
        [(Workaround::NotAvailable, minus_1), (Workaround::Available, 0), (Workaround::NotRequired, 1)]
    {
        for (workaround_2, expected_2) in
            [(Workaround2::NotAvailable, minus_1), (Workaround2::NotRequired, 0xffff_ffff_ffff_fffe)]
        {
            let mitigations =
                Mitigations { workaround_1: workaround, workaround_2, workaround_3: workaround };
            let vm = Vm::new(VmConfig { mitigations, ..VmConfig::new(KvmVersion::V7_2) });
            let mut vcpu = running(&vm, 0);
            assert_eq!(hvc(&mut vcpu, &[0x8000_0001, 0x8000_8000]), [expected, 0, 0, 0]);
            assert_eq!(hvc(&mut vcpu, &[0x8000_0001, 0x8000_7fff]), [expected_2, 0, 0, 0]);
            assert_eq!(hvc(&mut vcpu, &[0x8000_0001, 0xdead_beef_8000_3fff]), [expected, 0, 0, 0]);
        }
    }
}

#[test]
fn arch_features_has_paravirtualized_time_whether_or_not_an_address_is_set() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8000_0001, 0xc500_0020]), [0, 0, 0, 0]);
    assert_eq!(hvc(&mut vcpu, &[0xc500_0020, 0xc500_0021]), DENIED, "unlike its own FEATURES");
}

#[test]
fn trng_says_its_version_its_functions_and_its_uuid() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0050]), [0x1_0000, 0, 0, 0]);
    for id in [0x8400_0050, 0x8400_0051, 0x8400_0052, 0x8400_0053, 0xc400_0053] {
        assert_eq!(hvc(&mut vcpu, &[0x8400_0051, id]), [0, 0, 0, 0], "{id:#x}");
    }
    assert_eq!(hvc(&mut vcpu, &[0x8400_0051, 0x8400_0054]), DENIED);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0051, 0x1_8400_0050]), DENIED, "all 64 bits count");
    let uuid = [0x00e0_210d, 0xeb11_8443, 0x4452_7080, 0x4c5a_4e55];
    assert_eq!(hvc(&mut vcpu, &[0x8400_0052]), uuid);
}

#[test]
fn trng_bits_beyond_the_request_are_zero_for_every_number_of_them() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    let mask = |bits: u64, width: u64| if bits >= width { u64::MAX >> (64 - width) } else { (1 << bits) - 1 };
    for bits in 0..=96_u64 {
        let expected =
            [0, mask(bits.saturating_sub(64), 32), mask(bits.saturating_sub(32), 32), mask(bits, 32)];
        assert_eq!(hvc(&mut vcpu, &[0x8400_0053, bits]), expected, "RND32 of {bits}");
    }
    for bits in 0..=192_u64 {
        let expected =
            [0, mask(bits.saturating_sub(128), 64), mask(bits.saturating_sub(64), 64), mask(bits, 64)];
        assert_eq!(hvc(&mut vcpu, &[0xc400_0053, bits]), expected, "RND64 of {bits}");
    }
}

#[test]
fn trng_of_too_many_bits_is_minus_2_and_of_the_number_the_low_half_counts() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    for (id, most) in [(0x8400_0053, 96), (0xc400_0053, 192)] {
        for bits in [most + 1, 0xffff_ffff] {
            assert_eq!(hvc(&mut vcpu, &[id, bits]), [INVALID_PARAMETERS, 0, 0, 0], "{id:#x} of {bits}");
        }
        assert_eq!(hvc(&mut vcpu, &[id, 0xffff_ffff_0000_0001]), [0, 0, 0, 1]);
    }
}

#[test]
fn trng_has_its_lowest_bits_in_x3() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    let host = Lender {
        entropy: [0x1111_1111_2222_2222, 0x3333_3333_4444_4444, 0x5555_5555_6666_6666],
        ..Lender::default()
    };
    assert_eq!(hvc_with(&mut vcpu, &[0x8400_0053, 96], &host), [0, 0x4444_4444, 0x1111_1111, 0x2222_2222]);
    let expected = [0, 0x5555_5555_6666_6666, 0x3333_3333_4444_4444, 0x1111_1111_2222_2222];
    assert_eq!(hvc_with(&mut vcpu, &[0xc400_0053, 192], &host), expected);
}

#[test]
fn stolen_time_is_where_userspace_said_and_is_zeroed_when_the_guest_asks() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    let host = Lender::default();
    assert_eq!(hvc_with(&mut vcpu, &[0xc500_0021], &host), DENIED);
    assert_eq!(vcpu.get_attribute(PVTIME), Ok(0xffff_ffff_ffff_ffff));
    assert_eq!(vcpu.set_attribute(PVTIME, &0x4000_0040_u64.to_le_bytes(), &host), Ok(()));
    assert_eq!(vcpu.get_attribute(PVTIME), Ok(0x4000_0040));
    for id in [0xc500_0020, 0xc500_0021, 0xdead_beef_c500_0021] {
        assert_eq!(hvc_with(&mut vcpu, &[0xc500_0020, id], &host), [0, 0, 0, 0], "{id:#x}");
    }
    assert_eq!(hvc_with(&mut vcpu, &[0xc500_0020, 0xc500_0022], &host), DENIED);
    assert_eq!(host.initialised.get(), None);
    assert_eq!(hvc_with(&mut vcpu, &[0xc500_0021], &host), [0x4000_0040, 0, 0, 0]);
    assert_eq!(host.initialised.get(), Some(Ipa(0x4000_0040)));
}

#[test]
fn an_address_of_stolen_time_is_refused_with_enxio_efault_einval_eexist_in_this_order() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    let host = Lender::default();
    let mut set = |attribute, bytes: &[u8]| vcpu.set_attribute(attribute, bytes, &host);
    let other = DeviceAttribute { group: 2, attribute: 1 };
    assert_eq!(set(other, &[]), Err(Errno(6)));
    assert_eq!(set(PVTIME, &[0; 7]), Err(Errno(14)));
    assert_eq!(set(PVTIME, &0x4000_0020_u64.to_le_bytes()), Err(Errno(22)), "not aligned to 64 bytes");
    assert_eq!(set(PVTIME, &0x1000_u64.to_le_bytes()), Err(Errno(22)), "no memory");
    assert_eq!(set(PVTIME, &0x4000_0000_u64.to_le_bytes()), Ok(()));
    assert_eq!(set(PVTIME, &0x4000_0020_u64.to_le_bytes()), Err(Errno(22)), "EINVAL before EEXIST");
    assert_eq!(set(PVTIME, &0x1000_u64.to_le_bytes()), Err(Errno(17)), "EEXIST before what is no memory");
    assert_eq!(set(PVTIME, &0x4000_0000_u64.to_le_bytes()), Err(Errno(17)));
    assert_eq!(vcpu.has_attribute(PVTIME), Ok(()));
    assert_eq!(vcpu.has_attribute(other), Err(Errno(6)));
    assert_eq!(vcpu.get_attribute(other), Err(Errno(6)));
}

#[test]
fn the_uid_is_kvms() {
    let vm = new_vm();
    let uid = [0xb66f_b428, 0xe911_c52e, 0x564b_caa9, 0x743a_004d];
    assert_eq!(hvc(&mut running(&vm, 0), &[0x8600_ff01]), uid);
}

#[test]
fn vendor_features_are_the_two_bitmaps_in_x0_and_x2() {
    let vm = new_vm();
    let mut vcpu = common::initialised(&vm, 0, common::PSCI_0_2);
    assert_eq!(hvc(&mut vcpu, &[0x8600_0000]), [3, 0, 0, 0]);

    let vm = new_vm();
    let mut vcpu = common::initialised(&vm, 0, common::PSCI_0_2);
    vcpu.set_register(RegisterId::VENDOR_HYPERVISOR_BITMAP, 1).unwrap();
    vcpu.set_register(RegisterId::VENDOR_HYPERVISOR_BITMAP_2, 3).unwrap();
    assert_eq!(hvc(&mut vcpu, &[0x8600_0000]), [1, 0, 3, 0]);
}

#[test]
fn discovery_of_the_implementation_is_advertised_and_answered_by_nobody_but_userspace() {
    let vm = new_vm();
    common::forward(&vm, 0xc600_0041, 1);
    let mut vcpu = common::initialised(&vm, 0, common::PSCI_0_2);
    vcpu.set_register(RegisterId::VENDOR_HYPERVISOR_BITMAP_2, 3).unwrap();
    assert_eq!(hvc(&mut vcpu, &[0xc600_0040]), DENIED);
    assert_eq!(common::hvc_next(&mut vcpu, &[0xc600_0041]), common::forwarded(0xc600_0041, 0));
}

#[test]
fn calls_of_protected_vms_are_minus_1_on_others() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    for id in 0xc600_0002..=0xc600_0007 {
        assert_eq!(hvc(&mut vcpu, &[id]), DENIED, "{id:#x}");
    }
}

#[test]
fn ptp_is_the_wall_clock_and_the_counter_asked_for_upper_halves_first() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    let virtual_counter = [0x1122_3344, 0x5566_7788, 0x99aa_bbcc, 0xddee_ff00];
    let physical_counter = [0x1122_3344, 0x5566_7788, 0x0123_4567, 0x89ab_cdef];
    assert_eq!(hvc(&mut vcpu, &[0x8600_0001, 0]), virtual_counter);
    assert_eq!(hvc(&mut vcpu, &[0x8600_0001, 1]), physical_counter);
    assert_eq!(
        hvc(&mut vcpu, &[0x8600_0001, 0xffff_ffff_0000_0001]),
        physical_counter,
        "the low half counts"
    );
    assert_eq!(hvc(&mut vcpu, &[0x8600_0001, 2]), DENIED);
}

#[test]
fn ptp_is_minus_1_where_the_hosts_clock_does_not_run_on_the_counter() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    let host = Lender {
        by_virtual_counter: None,
        by_physical_counter: Some(Time { nanoseconds: 1, cycles: 2 }),
        ..Lender::default()
    };
    assert_eq!(hvc_with(&mut vcpu, &[0x8600_0001, 0], &host), DENIED);
    assert_eq!(hvc_with(&mut vcpu, &[0x8600_0001, 1], &host), [0, 1, 0, 2]);
}

#[test]
fn a_host_that_lends_nothing_gives_zeros_and_no_time() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    assert_eq!(vcpu.set_attribute(PVTIME, &[0; 8], &NoHost), Err(Errno(22)));
    common::call(&mut vcpu, ExceptionClass::Hvc64, &[0xc400_0053, 192], &NoHost);
    assert_eq!(results(&vcpu), [0, 0, 0, 0]);
    common::call(&mut vcpu, ExceptionClass::Hvc64, &[0x8600_0001, 0], &NoHost);
    assert_eq!(results(&vcpu), DENIED);
}

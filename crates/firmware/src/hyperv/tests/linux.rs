//! What Linux calls, in its order, and what it makes of the answers. A status that is not SUCCESS ends it (`BUG_ON` in
//! `hv_set_vpreg` and `hv_get_vpreg_128`), so all of these must succeed.

use std::{string::ToString, vec};

use switchboard_smccc::hyperv::GuestOsId;

use super::*;

/// `HV_LINUX_VENDOR_ID << 48 | LINUX_VERSION_CODE << 16` (`hv_generate_guest_id`).
fn guest_id(major: u64, minor: u64, patch: u64) -> u64 {
    0x8100 << 48 | (major << 16 | minor << 8 | patch) << 16
}

/// The first word of a register of 128 bits, in the parts that Linux takes it for (`as32.a` to `d`).
fn as32([low, high]: [u64; 2]) -> [u64; 4] {
    [low & 0xffff_ffff, low >> 32, high & 0xffff_ffff, high >> 32]
}

/// `hyperv_init`, `hv_common_init` and `hv_common_cpu_init`, of 6.12 as of 7.x: these differ in how they find Hyper-V, and
/// in that 7.x does the first three calls earlier.
fn boot(guest: &Guest, version: (u64, u64, u64)) {
    assert_eq!(guest.set(GUEST_OS_ID, guest_id(version.0, version.1, version.2)), done(1));

    let [features, priv_high, misc_features, _] = as32(guest.get(PRIVILEGES));
    let [hints, ..] = as32(guest.get(FEATURES));
    // "Hyper-V: privilege flags low 0x62, high 0xa0000, hints 0x0, misc 0x100"
    assert_eq!((features, priv_high, hints, misc_features), (0x62, 0xa_0000, 0, 0x100));
    // hv_identify_partition_type: no HV_CREATE_PARTITIONS, no HV_CPU_MANAGEMENT, so no root partition (nor L1VH);
    // HV_ISOLATION would turn off the message of a panic.
    assert_eq!(priv_high & (1 << 0 | 1 << 12 | 1 << 22), 0);

    // hv_common_init: "Hyper-V: Host Build 0.0.0.0-0-0".
    assert_eq!(as32(guest.get(VERSION)), [0; 4]);
    // HV_FEATURE_GUEST_CRASH_MSR_AVAILABLE: crash_kexec_post_notifiers, the sysctl, the notifiers of die and panic; and
    // HV_CRASH_CTL_CRASH_NOTIFY_MSG: hv_kmsg_dump_register.
    assert_ne!(misc_features & 1 << 8, 0);
    assert_ne!(guest.get(CRASH_CTL)[0] & 1 << 62, 0);

    // hv_common_cpu_init, on each CPU as it comes online.
    for cpu in 0..3 {
        assert!(!guest.hyper_v.has_asked_for_vp_index(CpuIndex(cpu)));
        assert_eq!(guest.get_on(cpu, VP_INDEX), (done(1), [u64::try_from(cpu).unwrap(), 0]));
        assert!(guest.hyper_v.has_asked_for_vp_index(CpuIndex(cpu)));
    }

    // hyperv_init goes on: no HV_ACCESS_PARTITION_ID, so no HVCALL_GET_PARTITION_ID. ms_hyperv_late_init calls nothing. What
    // asks later (hv_query_ext_cap, hv_stimer_alloc, hv_synic_init) does so by these privileges, or once VMBus is found in the
    // ACPI namespace.
    assert_eq!(priv_high & (1 << 1 | 1 << 20 | 1 << 4 | 1 << 5), 0);
    assert_eq!(features & (1 << 2 | 1 << 3 | 1 << 9), 0);
}

#[test]
fn linux_boot_sequence_of_6_12_succeeds_call_by_call() {
    // Found by the FADT: no call.
    let guest = Guest::new();
    boot(&guest, (6, 12, 57));
    assert_eq!(GuestOsId(guest.hyper_v.guest_os_id()).to_string(), "Linux 6.12.57");
}

#[test]
fn linux_boot_sequence_of_7_x_succeeds_call_by_call() {
    // Found by arm_smccc_hypervisor_has_uuid, without a FADT.
    let guest = Guest::new();
    let mut registers = Cpu { x: [0; 18], reads: vec![], writes: vec![] };
    let mut call = Call::new(FunctionId(0x8600_ff01), Conduit::Hvc, CpuIndex(0), &mut registers);
    let outcome = guest.hyper_v.call(&mut call, &guest);
    let words = [0x4d32_ba58, 0xcd24_4764, 0x8eef_6c75, 0x1659_7024];
    assert_eq!(outcome, Outcome::Return(crate::Results::of_four(words)));

    boot(&guest, (7, 2, 0));
    assert_eq!(GuestOsId(guest.hyper_v.guest_os_id()).to_string(), "Linux 7.2.0");
}

#[test]
fn linux_panic_hands_over_the_end_of_its_log() {
    // hv_kmsg_dump.
    let guest = Guest::new();
    boot(&guest, (6, 12, 57));
    let log = vec![b'x'; 4090];
    let page = MEMORY + 0x3000;
    guest.write_memory(Ipa(page), &log).unwrap();
    for (name, value) in (CRASH_P0..).zip([0, 0, 0, page, 4090]) {
        assert_eq!(guest.set(name, value), done(1));
    }
    assert_eq!(guest.set(CRASH_CTL, 1 << 63 | 1 << 62), done(1));
    assert_eq!(guest.crashes.take(), [(CpuIndex(0), [0, 0, 0, page, 4090], Some(log))]);
}

#[test]
fn linux_panic_without_its_log_hands_over_five_numbers() {
    // hyperv_report_panic, with kernel.hyperv_record_panic_msg = 0: error, guest ID, PC, SP, 0.
    let guest = Guest::new();
    boot(&guest, (6, 12, 57));
    let [id, _] = guest.get(GUEST_OS_ID);
    let parameters = [0xb, id, 0xffff_8000_8001_0000, 0xffff_8000_8123_4560, 0];
    for (name, value) in (CRASH_P0..).zip(parameters) {
        assert_eq!(guest.set(name, value), done(1));
    }
    assert_eq!(guest.set(CRASH_CTL, 1 << 63), done(1));
    assert_eq!(guest.crashes.take(), [(CpuIndex(0), parameters, None)]);
}

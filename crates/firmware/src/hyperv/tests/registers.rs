//! The registers, one by one.

use super::*;
use crate::testing::ScriptedHost;

#[test]
fn the_version_is_zero_as_in_openvmm() {
    assert_eq!(Guest::new().get(VERSION), [0, 0]);
}

#[test]
fn the_privileges_are_those_that_are_implemented() {
    let guest = Guest::new();
    // AccessPartitionReferenceCounter, AccessHypercallMsrs, AccessVpIndex; AccessVpRegisters, FastHypercallOutput. Then the
    // crash registers.
    assert_eq!(guest.get(PRIVILEGES), [1 << 1 | 1 << 5 | 1 << 6 | 1 << 49 | 1 << 51, 1 << 8]);
    guest.now.set(None);
    assert_eq!(guest.get(PRIVILEGES), [1 << 5 | 1 << 6 | 1 << 49 | 1 << 51, 1 << 8]);
}

#[test]
fn nothing_is_recommended_and_no_spinlock_is_ever_to_be_told_of() {
    assert_eq!(Guest::new().get(FEATURES), [0xffff_ffff_0000_0000, 0]);
}

#[test]
fn the_limit_is_the_number_of_cpus() {
    assert_eq!(Guest::new().get(LIMITS), [3, 0]);
    let without_any = Guest { hyper_v: HyperV::new(0), ..Guest::new() };
    assert_eq!(without_any.get_on(0, LIMITS).0, INVALID_VP_INDEX, "nobody can ask");
}

#[test]
fn the_guest_os_id_is_what_the_guest_said_last_and_zero_at_first() {
    let guest = Guest::new();
    assert_eq!(guest.get(GUEST_OS_ID), [0, 0]);
    for id in [0x8100_0006_0c39_0000, u64::MAX, 0] {
        assert_eq!(guest.set(GUEST_OS_ID, id), done(1));
        assert_eq!(guest.get(GUEST_OS_ID), [id, 0]);
        assert_eq!(guest.hyper_v.guest_os_id(), id);
    }
}

#[test]
fn every_register_can_be_read_before_the_guest_has_said_what_it_is() {
    let guest = Guest::new();
    for name in
        [VERSION, PRIVILEGES, FEATURES, LIMITS, CRASH_P0, CRASH_CTL, GUEST_OS_ID, VP_INDEX, TIME_REF_COUNT]
    {
        assert_eq!(guest.get_on(0, name).0, done(1), "{name:#x}");
    }
}

#[test]
fn the_vp_index_is_the_cpus_number_and_it_is_remembered_who_asked() {
    let guest = Guest::new();
    assert_eq!(guest.get_on(2, VP_INDEX), (done(1), [2, 0]));
    let asked = || [0, 1, 2, 3, usize::MAX].map(|cpu| guest.hyper_v.has_asked_for_vp_index(CpuIndex(cpu)));
    assert_eq!(asked(), [false, false, true, false, false]);
    guest.get_on(0, VP_INDEX);
    assert_eq!(asked(), [true, false, true, false, false]);
    guest.hyper_v.cpu_off(CpuIndex(2), &ScriptedHost::default());
    guest.hyper_v.cpu_off(CpuIndex(usize::MAX), &ScriptedHost::default());
    assert_eq!(asked(), [true, false, false, false, false], "a CPU that starts anew asks anew");
}

#[test]
fn the_number_of_another_cpu_can_be_read_and_is_not_taken_for_its_own_asking() {
    let guest = Guest::new();
    let after = guest.hypercall(&[GET | FAST | count(1), SELF, 1, VP_INDEX]);
    assert_eq!((after.x[0], after.x[6]), (done(1), 1));
    assert!(![0, 1].map(CpuIndex).iter().any(|&cpu| guest.hyper_v.has_asked_for_vp_index(cpu)));
    assert_eq!(guest.hypercall(&[GET | FAST | count(1), SELF, 0, VP_INDEX]).x[6], 0);
    assert!(guest.hyper_v.has_asked_for_vp_index(CpuIndex(0)), "by its number instead of SELF");
}

#[test]
fn many_cpus_have_their_numbers() {
    let guest = Guest { hyper_v: HyperV::new(200), ..Guest::new() };
    for cpu in [63, 64, 127, 128, 199] {
        assert_eq!(guest.get_on(cpu, VP_INDEX), (done(1), [u64::try_from(cpu).unwrap(), 0]));
    }
    let asked: Vec<_> = (0..300).filter(|&cpu| guest.hyper_v.has_asked_for_vp_index(CpuIndex(cpu))).collect();
    assert_eq!(asked, [63, 64, 127, 128, 199]);
}

#[test]
fn the_reference_time_is_the_hosts_clock_in_units_of_100_ns() {
    let guest = Guest::new();
    assert_eq!(guest.get(TIME_REF_COUNT), [15_000_000, 0]);
    for (now, units) in [
        (Duration::ZERO, 0),
        (Duration::from_nanos(99), 0),
        (Duration::from_nanos(100), 1),
        (Duration::from_secs(3600), 36_000_000_000),
        (Duration::MAX, u64::MAX),
    ] {
        guest.now.set(Some(now));
        assert_eq!(guest.get(TIME_REF_COUNT), [units, 0]);
    }
}

#[test]
fn without_a_clock_the_reference_time_is_denied() {
    let guest = Guest::new();
    guest.now.set(None);
    assert_eq!(guest.get_on(0, TIME_REF_COUNT).0, ACCESS_DENIED);
}

#[test]
fn registers_that_can_only_be_read_are_an_invalid_parameter_to_a_writer() {
    let guest = Guest::new();
    for name in [VERSION, PRIVILEGES, FEATURES, LIMITS, VP_INDEX, TIME_REF_COUNT] {
        let before = guest.get(name);
        assert_eq!(guest.set(name, 1), INVALID_PARAMETER, "{name:#x}");
        assert_eq!(guest.get(name), before);
    }
}

#[test]
fn a_value_that_is_longer_than_its_register_is_an_invalid_register_value() {
    let guest = Guest::new();
    for name in [GUEST_OS_ID, CRASH_P0, CRASH_P0 + 4, CRASH_CTL] {
        for high in [1, 1 << 63] {
            let after = guest.hypercall(&[SET | FAST | count(1), SELF, VP_SELF, name, 0, 0, high]);
            assert_eq!(after.x[0], INVALID_REGISTER_VALUE, "{name:#x}");
        }
    }
    assert!(guest.crashes.borrow().is_empty());
}

#[test]
fn registers_that_there_are_not_are_an_invalid_parameter() {
    let guest = Guest::new();
    // Beside those that there are; then VP runtime, the reference time's page, SynIC, its timers, VTLs, and CPU registers.
    let beside = [0, 0xff, 0x101, 0x1ff, 0x203, 0x209, 0x20f, 0x216, 0x9_0001, 0x9_0005, 0xffff_ffff];
    let absent =
        [0x9_0000, 0x9_0013, 0x9_0017, 0xa_0000, 0xa_0010, 0xa_0014, 0xb_0000, 0xd_0003, 0x2_0000, 0x4_0002];
    for name in beside.into_iter().chain(absent) {
        assert_eq!(guest.get_on(0, name).0, INVALID_PARAMETER, "{name:#x}");
        assert_eq!(guest.set(name, 0), INVALID_PARAMETER, "{name:#x}");
    }
}

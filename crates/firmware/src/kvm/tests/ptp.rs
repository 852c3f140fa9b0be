//! `KVM_PTP`.

use super::*;

const PTP: u32 = 0x8600_0001;

#[test]
fn ptp_of_the_virtual_counter_is_the_wall_clock_and_that_counter_upper_halves_first() {
    assert_eq!(call(PTP, [0, 0, 0]).x0_to_x3(), [0x1234_5678, 0x9abc_def0, 0x0000_0001, 0x8000_0002]);
}

#[test]
fn ptp_of_the_physical_counter_is_the_wall_clock_and_that_counter() {
    assert_eq!(call(PTP, [1, 0, 0]).x0_to_x3(), [0x1234_5678, 0x9abc_def0, 0xffff_ffff, 0x0000_0003]);
}

#[test]
fn ptp_takes_the_counter_from_w1() {
    assert_eq!(call(PTP, [DIRTY, 0, 0]).x0_to_x3()[2], 0x0000_0001);
    assert_eq!(call(PTP, [DIRTY | 1, 0, 0]).x0_to_x3()[2], 0xffff_ffff);
}

#[test]
fn ptp_of_a_counter_that_there_is_not_is_not_supported() {
    for counter in [2, 3, 0x8000_0000, 0xffff_ffff] {
        assert_eq!(call(PTP, [counter, 0, 0]).outcome, returns(NOT_SUPPORTED), "{counter:#x}");
    }
}

#[test]
fn ptp_without_a_wall_clock_is_not_supported() {
    let service = KvmVendor::new(two());
    for counter in [0, 1] {
        let answer = answer(&service, &ScriptedHost::default(), PTP, [counter, 0, 0]);
        assert_eq!(answer.outcome, returns(NOT_SUPPORTED));
    }
}

#[test]
fn a_wall_clock_beyond_64_bits_of_nanoseconds_is_not_supported() {
    let service = KvmVendor::new(vec![]);
    let mut host = with_clock();
    let with = |since_epoch| WallClock { since_epoch, virtual_counter: 0, physical_counter: 0 };
    host.wall_clock = Some(with(Duration::from_nanos(u64::MAX)));
    assert_eq!(answer(&service, &host, PTP, [0; 3]).x0_to_x3(), [0xffff_ffff, 0xffff_ffff, 0, 0]);
    host.wall_clock = Some(with(Duration::MAX));
    assert_eq!(answer(&service, &host, PTP, [0; 3]).outcome, returns(NOT_SUPPORTED));
}

#[test]
fn ptp_has_no_smc64_form() {
    assert_eq!(call(0xc600_0001, [0, 0, 0]).outcome, returns(NOT_SUPPORTED));
}

#[test]
fn ptp_takes_one_register_and_at_most_four_writes() {
    let answer = call(PTP, [0, 0, 0]);
    assert_eq!(answer.reads, [Register::X1]);
    assert_eq!(answer.writes.len(), 4);
    let refused = call(PTP, [2, 0, 0]);
    assert_eq!(refused.reads, [Register::X1]);
    assert_eq!(refused.writes, [(Register::X0, NOT_SUPPORTED)]);
}

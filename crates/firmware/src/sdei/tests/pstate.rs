//! PSTATE of a handler.

use super::super::pstate::after_exception;

/// SPAN is set, so that PAN is kept.
const SPAN: u64 = 1 << 23;
/// AArch64 EL1h with D, A, I and F masked, and tag checks off.
const ALWAYS: u64 = 0x0200_03c5;

#[test]
fn a_handler_runs_at_el1_with_its_own_stack_pointer_and_all_masked_whatever_was_interrupted() {
    // EL0t, EL1t, EL1h, and User of AArch32.
    for interrupted in [0b0000, 0b0100, 0b0101, 0b1_0000] {
        assert_eq!(after_exception(interrupted, SPAN), ALWAYS);
    }
}

#[test]
fn the_condition_flags_are_kept() {
    assert_eq!(after_exception(0xf000_0000, SPAN), 0xf000_0000 | ALWAYS);
    assert_eq!(after_exception(0x5000_0010, SPAN), 0x5000_0000 | ALWAYS);
}

#[test]
fn dit_is_kept() {
    assert_eq!(after_exception(1 << 24, SPAN), 1 << 24 | ALWAYS);
    assert_eq!(after_exception(1 << 24 | 0x10, SPAN), 1 << 24 | ALWAYS);
}

#[test]
fn pan_is_kept_if_span_is_1_and_set_if_it_is_0() {
    assert_eq!(after_exception(1 << 22, SPAN), 1 << 22 | ALWAYS);
    assert_eq!(after_exception(0, SPAN), ALWAYS);
    assert_eq!(after_exception(0, 0), 1 << 22 | ALWAYS);
    assert_eq!(after_exception(1 << 22, 0), 1 << 22 | ALWAYS);
}

#[test]
fn uao_ss_il_btype_and_what_is_above_32_bits_are_0() {
    for bit in [23, 21, 20, 11, 10, 32, 33, 34, 35, 36] {
        assert_eq!(after_exception(1 << bit, SPAN), ALWAYS, "bit {bit}");
    }
}

#[test]
fn ssbs_is_as_dssbs_says() {
    assert_eq!(after_exception(1 << 12, SPAN), ALWAYS);
    assert_eq!(after_exception(0, SPAN | 1 << 44), 1 << 12 | ALWAYS);
}

#[test]
fn what_aarch32_has_beside_does_not_come_along() {
    // Q, IT, J, GE, E and T; SSBS of AArch32 is in the place of UAO.
    assert_eq!(after_exception(0x0e8f_fe30, SPAN), ALWAYS);
}

#[test]
fn allint_is_set_if_there_are_superpriorities_and_spintmask_is_0() {
    assert_eq!(after_exception(1 << 13, SPAN), ALWAYS);
    assert_eq!(after_exception(0, SPAN | 1 << 61), 1 << 13 | ALWAYS);
    assert_eq!(after_exception(1 << 13, SPAN | 1 << 61 | 1 << 62), ALWAYS);
}

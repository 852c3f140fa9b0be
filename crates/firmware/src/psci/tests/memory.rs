//! `MEM_PROTECT` and `MEM_PROTECT_CHECK_RANGE` (sections 5.1.14 and 5.1.16).

use super::*;

const MEM_PROTECT: u32 = 0x8400_0013;
const CHECK_RANGE: [u32; 2] = [0x8400_0014, 0xc400_0014];

#[test]
fn mem_protect_returns_what_was_before() {
    let mut machine = Machine::new();
    for (enable, before) in [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)] {
        assert_eq!(machine.call(MEM_PROTECT, [enable, 0, 0]), returns(before), "{enable}");
    }
}

#[test]
fn the_argument_of_mem_protect_is_a_w_register() {
    let mut machine = Machine::new();
    machine.call(MEM_PROTECT, [DIRTY, 0, 0]);
    assert_eq!(machine.call(MEM_PROTECT, [DIRTY | 1, 0, 0]), returns(0));
    assert_eq!(machine.call(MEM_PROTECT, [0, 0, 0]), returns(1));
}

#[test]
fn mem_protect_has_no_smc64_form_and_is_not_supported_before_1_1() {
    assert_eq!(Machine::new().call(0xc400_0013, [1, 0, 0]), returns(NOT_SUPPORTED));
    assert_eq!(Machine::of(PsciVersion::V1_0).call(MEM_PROTECT, [1, 0, 0]), returns(NOT_SUPPORTED));
}

#[test]
fn mem_protect_check_range_of_memory_is_success() {
    let mut machine = Machine::new();
    for function in CHECK_RANGE {
        for (base, length) in
            [(0x4000_0000, 1), (0x4000_0000, 0x4000_0000), (0x7fff_ffff, 1), (0x5000_0000, 0x3000_0000)]
        {
            let outcome = machine.call(function, [base, length, 0]);
            assert_eq!(outcome, returns(SUCCESS), "{function:#x} {base:#x} {length:#x}");
        }
    }
}

#[test]
fn mem_protect_check_range_that_ends_or_begins_just_outside_is_denied() {
    let mut machine = Machine::new();
    for function in CHECK_RANGE {
        for (base, length) in [
            (0x3fff_ffff, 1),
            (0x3fff_ffff, 2),
            (0x4000_0000, 0x4000_0001),
            (0x7fff_ffff, 2),
            (0x8000_0000, 1),
        ] {
            let outcome = machine.call(function, [base, length, 0]);
            assert_eq!(outcome, returns(DENIED), "{function:#x} {base:#x} {length:#x}");
        }
    }
}

#[test]
fn mem_protect_check_range_of_length_0_is_denied_even_inside_memory() {
    let mut machine = Machine::new();
    for function in CHECK_RANGE {
        for base in [0, 0x4000_0000, 0x5000_0000, 0x8000_0000] {
            assert_eq!(machine.call(function, [base, 0, 0]), returns(DENIED), "{function:#x} {base:#x}");
        }
    }
}

#[test]
fn mem_protect_check_range_that_wraps_around_is_denied() {
    let mut machine = Machine::new();
    for (base, length) in [
        (0x4000_0000, 0xffff_ffff),
        (0xffff_ffff, 0xffff_ffff),
        (0x4000_0000, u64::MAX),
        (u64::MAX, 1),
        (u64::MAX, 2),
    ] {
        for function in CHECK_RANGE {
            let outcome = machine.call(function, [base, length, 0]);
            assert_eq!(outcome, returns(DENIED), "{function:#x} {base:#x} {length:#x}");
        }
    }
    // 2^64 - 2^30 + 2^30 is 0 in 64 bits, and so would end inside.
    assert_eq!(machine.call(0xc400_0014, [0x4000_0000, 0xffff_ffff_c000_0000, 0]), returns(DENIED));
}

#[test]
fn mem_protect_check_range_in_smc32_narrows_base_and_length() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(0x8400_0014, [DIRTY | 0x4000_0000, DIRTY | 1, 0]), returns(SUCCESS));
    assert_eq!(machine.call(0xc400_0014, [DIRTY | 0x4000_0000, 1, 0]), returns(DENIED));
    assert_eq!(machine.call(0xc400_0014, [0x4000_0000, DIRTY | 1, 0]), returns(DENIED));
}

//! The control word, and lists in registers.

use super::*;

#[test]
fn one_register_is_read_from_x6_and_x7_and_takes_four_reads_and_three_writes() {
    let guest = Guest::new();
    let after = guest.hypercall(&[GET | FAST | count(1), SELF, VP_SELF, PRIVILEGES]);
    assert_eq!(after.x[0], 0x0000_0001_0000_0000);
    assert_eq!(after.x[6..8], [0x000a_0000_0000_0062, 0x100]);
    assert_eq!((after.reads, after.writes), (vec![1, 2, 3, 4], vec![0, 6, 7]));
}

#[test]
fn one_register_is_written_from_x6_and_x7_and_x0_alone_changes() {
    let guest = Guest::new();
    let after =
        guest.hypercall(&[SET | FAST | count(1), SELF, VP_SELF, GUEST_OS_ID, 0, 0x8100_0006_0c39_0000, 0]);
    assert_eq!(after.x[0], 0x0000_0001_0000_0000);
    assert_eq!((after.reads, after.writes), (vec![1, 2, 3, 4, 5, 6, 7], vec![0]));
    assert_eq!(guest.hyper_v.guest_os_id(), 0x8100_0006_0c39_0000);
}

#[test]
fn several_names_are_two_a_register_and_their_values_begin_at_the_next_even_register() {
    let guest = Guest::new();
    guest.set(GUEST_OS_ID, 0x77);
    let two = guest.hypercall(&[GET | FAST | count(2), SELF, VP_SELF, GUEST_OS_ID | LIMITS << 32]);
    assert_eq!(two.x[0], done(2));
    assert_eq!(two.x[6..10], [0x77, 0, 3, 0]);
    let names = [PRIVILEGES | FEATURES << 32, LIMITS | GUEST_OS_ID << 32, CRASH_CTL];
    let five = guest.hypercall(&[GET | FAST | count(5), SELF, VP_SELF, names[0], names[1], names[2]]);
    assert_eq!(five.x[0], done(5));
    let values =
        [0x000a_0000_0000_0062, 0x100, 0xffff_ffff_0000_0000, 0, 3, 0, 0x77, 0, 0xc000_0000_0000_0000, 0];
    assert_eq!(five.x[8..], values);
}

#[test]
fn three_registers_are_written_at_once() {
    let guest = Guest::new();
    let element = |name, value| [name, 0, value, 0];
    let mut arguments = vec![SET | FAST | count(3), SELF, VP_SELF];
    arguments.extend(element(GUEST_OS_ID, 1));
    arguments.extend(element(CRASH_P0, 2));
    arguments.extend(element(CRASH_P0 + 4, 3));
    assert_eq!(guest.hypercall(&arguments).x[0], done(3));
    assert_eq!([GUEST_OS_ID, CRASH_P0, CRASH_P0 + 4].map(|name| guest.get(name)), [[1, 0], [2, 0], [3, 0]]);
}

#[test]
fn lists_that_do_not_fit_into_x2_to_x17_are_invalid_input() {
    let guest = Guest::new();
    for (code, reps) in [(GET, 6), (GET, 4095), (SET, 4), (SET, 4095)] {
        let after = guest.hypercall(&[code | FAST | count(reps), SELF, VP_SELF]);
        assert_eq!((after.x[0], after.writes), (INVALID_HYPERCALL_INPUT, vec![0]), "{code:#x} {reps}");
    }
}

#[test]
fn a_control_word_with_a_reserved_bit_is_invalid_input_whatever_the_call() {
    let guest = Guest::new();
    for bit in (27..=31).chain(44..=47).chain(60..=63) {
        for code in [GET, SET, 0x46] {
            let after = guest.hypercall(&[code | FAST | count(1) | 1 << bit, SELF, VP_SELF, FEATURES]);
            assert_eq!((after.x[0], after.reads), (INVALID_HYPERCALL_INPUT, vec![1]), "{bit}");
        }
    }
}

#[test]
fn a_header_of_variable_size_is_invalid_input() {
    let guest = Guest::new();
    for bit in 17..=26 {
        for code in [GET, SET] {
            let control = code | FAST | count(1) | 1 << bit;
            assert_eq!(guest.hypercall(&[control, SELF, VP_SELF, FEATURES]).x[0], INVALID_HYPERCALL_INPUT);
        }
    }
}

#[test]
fn no_element_and_a_first_one_that_is_none_are_invalid_input() {
    let guest = Guest::new();
    for control in [0, count(1) | start(1), count(2) | start(3), count(4095) | start(4095), start(1)] {
        for code in [GET, SET, GET | FAST, SET | FAST] {
            let after = guest.hypercall(&[code | control, SELF, VP_SELF, FEATURES]);
            assert_eq!(after.x[0], INVALID_HYPERCALL_INPUT, "{control:#x}");
        }
    }
}

#[test]
fn every_other_hypercall_is_an_invalid_code_by_either_convention() {
    let guest = Guest::new();
    for code in (0..=0xffff).filter(|code| !matches!(*code, GET | SET)) {
        for convention in [0, FAST, FAST | count(1), 1 << 17] {
            let after = guest.hypercall(&[code | convention, MEMORY, MEMORY]);
            assert_eq!((after.x[0], after.reads), (INVALID_HYPERCALL_CODE, vec![1]), "{code:#x}");
        }
    }
    // What Linux would call if it had the privileges: HvCallGetPartitionId, HvCallPostMessage, HvCallSignalEvent,
    // HvExtCallQueryCapabilities.
    for code in [0x46, 0x5c, 0x5d, 0x8001] {
        assert_eq!(guest.hypercall(&[code]).x[0], INVALID_HYPERCALL_CODE);
    }
}

#[test]
fn the_elements_before_the_first_are_neither_done_nor_handed_over_and_count_as_done() {
    let guest = Guest::new();
    let control = GET | FAST | count(3) | start(2);
    let after = guest.hypercall(&[control, SELF, VP_SELF, GUEST_OS_ID | 0xbad << 32, LIMITS]);
    assert_eq!(after.x[0], done(3));
    assert_eq!(after.writes, [0, 10, 11]);
    assert_eq!(after.x[10..12], [3, 0]);
}

#[test]
fn the_first_element_that_fails_ends_the_list_and_those_before_are_handed_over() {
    let guest = Guest::new();
    let names = [LIMITS | 0xbad << 32, FEATURES];
    let after = guest.hypercall(&[GET | FAST | count(3), SELF, VP_SELF, names[0], names[1]]);
    assert_eq!(after.x[0], INVALID_PARAMETER | done(1));
    assert_eq!((&after.x[6..8], &after.writes[..]), (&[3, 0][..], &[0, 6, 7][..]));
    let mut arguments = vec![SET | FAST | count(3), SELF, VP_SELF];
    arguments.extend([[CRASH_P0, 0, 1, 0], [VP_INDEX, 0, 1, 0], [CRASH_P0 + 1, 0, 1, 0]].concat());
    assert_eq!(guest.hypercall(&arguments).x[0], INVALID_PARAMETER | done(1));
    assert_eq!([CRASH_P0, CRASH_P0 + 1].map(|name| guest.get(name)), [[1, 0], [0, 0]]);
}

#[test]
fn a_list_that_fails_at_once_counts_those_before_its_first_element() {
    let after = Guest::new().hypercall(&[GET | FAST | count(3) | start(1), SELF, VP_SELF, 0xbad << 32]);
    assert_eq!((after.x[0], after.writes), (INVALID_PARAMETER | done(1), vec![0]));
}

#[test]
fn another_guest_is_an_invalid_partition_id() {
    let guest = Guest::new();
    for partition in [0, 1, SELF - 1] {
        for code in [GET, SET] {
            let after = guest.hypercall(&[code | FAST | count(1), partition, VP_SELF, GUEST_OS_ID, 0, 1, 0]);
            assert_eq!((after.x[0], after.writes), (INVALID_PARTITION_ID, vec![0]));
        }
    }
    assert_eq!(guest.hyper_v.guest_os_id(), 0);
}

#[test]
fn a_cpu_that_there_is_not_is_an_invalid_vp_index() {
    let guest = Guest::new();
    for vp in [3, 4, 0x7fff_ffff, 0xffff_fffd, 0xffff_ffff] {
        let after = guest.hypercall(&[GET | FAST | count(1), SELF, vp, VP_INDEX]);
        assert_eq!((after.x[0], after.writes), (INVALID_VP_INDEX, vec![0]), "{vp:#x}");
    }
    let unknown = guest.hypercall_on(3, &[GET | FAST | count(1), SELF, VP_SELF, VP_INDEX]);
    assert_eq!(unknown.x[0], INVALID_VP_INDEX);
}

#[test]
fn there_is_trust_level_0_and_no_other() {
    let guest = Guest::new();
    let level =
        |byte: u64| guest.hypercall(&[GET | FAST | count(1), SELF, VP_SELF | byte << 32, LIMITS]).x[0];
    // Bit 4 says that bits 3 to 0 say something.
    for byte in 0..=0x10 {
        assert_eq!(level(byte), done(1), "{byte:#x}");
    }
    for byte in (0x11..=0x1f).chain([0x20, 0x40, 0x80, 0xff, 0x100, 0x1_0000, 0x100_0000]) {
        assert_eq!(level(byte), INVALID_PARAMETER, "{byte:#x}");
    }
}

#[test]
fn padding_is_ignored_as_linux_leaves_it_undefined() {
    let guest = Guest::new();
    let after = guest.hypercall(&[GET | FAST | count(1), SELF, VP_SELF, LIMITS | DIRTY, DIRTY]);
    assert_eq!((after.x[0], after.x[6]), (done(1), 3));
    let set = [SET | FAST | count(1), SELF, VP_SELF, GUEST_OS_ID | DIRTY, DIRTY, 5, 0];
    assert_eq!(guest.hypercall(&set).x[0], done(1));
    assert_eq!(guest.hyper_v.guest_os_id(), 5);
}

#[test]
fn the_upper_half_of_the_function_id_changes_nothing() {
    let guest = Guest::new();
    let mut x: Bank = [0; 18];
    x[..5].copy_from_slice(&[DIRTY | HV_HYPERCALL, GET | FAST | count(1), SELF, VP_SELF, LIMITS]);
    let mut registers = Cpu { x, reads: vec![], writes: vec![] };
    let mut call = Call::new(FunctionId::from_x0(x[0]), Conduit::Hvc, CpuIndex(0), &mut registers);
    let results = guest.hyper_v.call(&mut call, &guest).results().unwrap();
    call.complete(&results).unwrap();
    assert_eq!((registers.x[0], registers.x[6]), (done(1), 3));
}

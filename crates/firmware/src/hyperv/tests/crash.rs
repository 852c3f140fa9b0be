//! A guest that says that it has crashed.

use super::*;

const NOTIFY: u64 = 1 << 63;
const NOTIFY_MSG: u64 = 1 << 62;
/// A panic, in the guest's memory.
const MESSAGE: u64 = MEMORY + 0x2000;

fn set_parameters(guest: &Guest, parameters: [u64; 5]) {
    for (name, value) in (CRASH_P0..).zip(parameters) {
        assert_eq!(guest.set(name, value), done(1));
    }
}

#[test]
fn the_control_register_says_that_a_crash_can_be_told_of_with_a_message_whatever_is_written() {
    let guest = Guest::new();
    assert_eq!(guest.get(CRASH_CTL), [NOTIFY | NOTIFY_MSG, 0]);
    guest.set(CRASH_CTL, NOTIFY);
    guest.set(CRASH_CTL, 0);
    assert_eq!(guest.get(CRASH_CTL), [NOTIFY | NOTIFY_MSG, 0]);
}

#[test]
fn the_parameters_are_what_the_guest_set_last() {
    let guest = Guest::new();
    assert_eq!([0, 1, 2, 3, 4].map(|number| guest.get(CRASH_P0 + number)), [[0, 0]; 5]);
    set_parameters(&guest, [1, 2, 3, 4, u64::MAX]);
    let expected = [[1, 0], [2, 0], [3, 0], [4, 0], [u64::MAX, 0]];
    assert_eq!([0, 1, 2, 3, 4].map(|number| guest.get(CRASH_P0 + number)), expected);
    assert!(guest.crashes.borrow().is_empty(), "that alone is no crash");
}

#[test]
fn a_crash_is_reported_with_its_parameters_and_its_cpu() {
    let guest = Guest::new();
    set_parameters(&guest, [1, 2, 3, 4, 5]);
    let set = [SET | FAST | count(1), SELF, VP_SELF, CRASH_CTL, 0, NOTIFY, 0];
    assert_eq!(guest.hypercall_on(2, &set).x[0], done(1));
    assert_eq!(guest.crashes.take(), [(CpuIndex(2), [1, 2, 3, 4, 5], None)]);
}

#[test]
fn a_message_is_read_once_from_where_p3_says_and_as_long_as_p4_says() {
    let guest = Guest::new();
    guest.write_memory(Ipa(MESSAGE + 3), b"Kernel panic - not syncing").unwrap();
    let parameters = [0, 0, 0, MESSAGE + 3, 26];
    set_parameters(&guest, parameters);
    assert_eq!(guest.set(CRASH_CTL, NOTIFY | NOTIFY_MSG), done(1));
    let message = Some(b"Kernel panic - not syncing".to_vec());
    assert_eq!(guest.crashes.take(), [(CpuIndex(0), parameters, message)]);
    assert_eq!(guest.reads_of_memory.get(), 1);
}

#[test]
fn a_message_of_a_page_is_whole_and_a_longer_one_is_cut() {
    let guest = Guest::new();
    for length in [4095, 4096, 4097, u64::MAX] {
        set_parameters(&guest, [0, 0, 0, MESSAGE, length]);
        assert_eq!(guest.set(CRASH_CTL, NOTIFY | NOTIFY_MSG), done(1));
        let (_, parameters, message) = guest.crashes.take().pop().unwrap();
        assert_eq!(parameters[4], length);
        assert_eq!(message.unwrap().len(), usize::try_from(length.min(4096)).unwrap());
    }
}

#[test]
fn a_crash_whose_message_is_empty_or_not_in_memory_is_reported_without() {
    let guest = Guest::new();
    for (address, length) in [(MESSAGE, 0), (0, 1), (END - 1, 2), (END, 4096), (u64::MAX, 4096)] {
        set_parameters(&guest, [7, 0, 0, address, length]);
        assert_eq!(guest.set(CRASH_CTL, NOTIFY | NOTIFY_MSG), done(1));
        assert_eq!(guest.crashes.take(), [(CpuIndex(0), [7, 0, 0, address, length], None)]);
    }
}

#[test]
fn without_the_bit_that_notifies_nothing_is_reported() {
    let guest = Guest::new();
    for value in [0, NOTIFY_MSG, 0xf << 58] {
        assert_eq!(guest.set(CRASH_CTL, value), done(1));
    }
    assert!(guest.crashes.borrow().is_empty());
}

#[test]
fn what_more_there_is_to_say_of_a_crash_is_accepted() {
    // As OpenVMM's boot shim: NoCrashDump, and PreOSId 5.
    let guest = Guest::new();
    assert_eq!(guest.set(CRASH_CTL, NOTIFY | 1 << 61 | 5 << 58), done(1));
    assert_eq!(guest.crashes.borrow().len(), 1);
}

#[test]
fn a_reserved_bit_is_an_invalid_register_value_and_nothing_is_reported() {
    let guest = Guest::new();
    for bit in 0..58 {
        assert_eq!(guest.set(CRASH_CTL, NOTIFY | 1 << bit), INVALID_REGISTER_VALUE, "{bit}");
    }
    assert!(guest.crashes.borrow().is_empty());
}

#[test]
fn a_guest_can_crash_as_often_as_it_likes() {
    let guest = Guest::new();
    for _ in 0..1000 {
        assert_eq!(guest.set(CRASH_CTL, NOTIFY), done(1));
    }
    assert_eq!(guest.crashes.borrow().len(), 1000, "to bound what is kept is the machine's business");
}

//! The PL011 at the register level, with the offsets and values of DDI 0183.

mod any_sequence;
mod linux;

use super::*;

const DR: u64 = 0x000;
const RSR: u64 = 0x004;
const FR: u64 = 0x018;
const IBRD: u64 = 0x024;
const FBRD: u64 = 0x028;
const LCR_H: u64 = 0x02c;
const CR: u64 = 0x030;
const IFLS: u64 = 0x034;
const IMSC: u64 = 0x038;
const RIS: u64 = 0x03c;
const MIS: u64 = 0x040;
const ICR: u64 = 0x044;
const DMACR: u64 = 0x048;

const RX: u32 = 0x10;
const TX: u32 = 0x20;
const RT: u32 = 0x40;
const FEN: u32 = 0x10;

/// A port that Linux has opened: enabled, FIFOs on, receive interrupts unmasked.
fn open() -> Pl011 {
    let mut uart = Pl011::new();
    uart.write(CR, 0x301);
    uart.write(LCR_H, 0x60 | FEN);
    uart.write(IMSC, RX | RT);
    uart
}

fn transmitted(uart: &mut Pl011) -> Vec<u8> {
    let mut output = Vec::new();
    uart.take_transmitted(&mut output);
    output
}

/// Transmits until the FIFO holds `count` bytes, behind a host that takes nothing.
fn fill_transmit_fifo(uart: &mut Pl011, count: usize) {
    for _ in 0..TRANSMIT_CAPACITY - FIFO_DEPTH + count {
        uart.write(DR, u32::from(b'.'));
    }
}

#[test]
fn after_reset_the_registers_hold_what_table_3_1_says() {
    let mut uart = Pl011::new();
    for (offset, value) in [
        (DR, 0),
        (RSR, 0),
        (IBRD, 0),
        (FBRD, 0),
        (LCR_H, 0),
        (CR, 0x300),
        (IFLS, 0x12),
        (IMSC, 0),
        (RIS, 0),
        (MIS, 0),
        (DMACR, 0),
    ] {
        assert_eq!(uart.read(offset), value, "{offset:#x}");
    }
    // 0b-10010---: the modem lines are not reset, and here the far end is ready.
    assert_eq!(uart.read(FR), 0x97);
    assert_eq!(uart.interrupt_level(), Level::Low);
}

#[test]
fn the_identification_is_that_of_r1p5_and_matches_what_linux_looks_for() {
    let mut uart = Pl011::new();
    let mut word =
        |first: u64| (0..4).fold(0, |word, index| word | uart.read(first + 4 * index) << (8 * index));
    assert_eq!(word(0xfe0), 0x0034_1011);
    assert_eq!(word(0xfe0) & 0x000f_ffff, 0x0004_1011);
    assert_eq!(word(0xff0), 0xb105_f00d);
}

#[test]
fn configuration_reads_back_without_its_reserved_bits() {
    let mut uart = Pl011::new();
    for (offset, value) in
        [(IBRD, 0xffff), (FBRD, 0x3f), (LCR_H, 0xff), (CR, 0xff87), (IFLS, 0x3f), (IMSC, 0x7ff), (DMACR, 0x7)]
    {
        uart.write(offset, 0xffff_ffff);
        assert_eq!(uart.read(offset), value, "{offset:#x}");
        uart.write(offset, 0);
        assert_eq!(uart.read(offset), 0, "{offset:#x}");
    }
}

#[test]
fn where_there_is_no_register_reads_are_zero_and_writes_are_lost() {
    let mut uart = Pl011::new();
    let before = uart.clone();
    for offset in [0x001, 0x008, 0x019, 0x01c, 0x020, 0x04c, 0x080, 0xfdc, 0xfe1, 0xffd, 0x1000, u64::MAX] {
        uart.write(offset, 0xffff_ffff);
        assert_eq!(uart.read(offset), 0, "{offset:#x}");
    }
    for offset in [RSR, FR, RIS, MIS, 0xfe0, 0xffc] {
        uart.write(offset, 0xffff_ffff);
    }
    assert_eq!(uart, before);
}

#[test]
fn what_is_written_comes_out_in_order_even_of_a_port_that_is_not_enabled() {
    let mut uart = Pl011::new();
    uart.write(DR, u32::from(b'o'));
    uart.write(DR, 0xffff_ff00 | u32::from(b'k'));
    assert!(uart.has_transmitted());
    assert_eq!(transmitted(&mut uart), b"ok");
    assert!(!uart.has_transmitted());
}

#[test]
fn output_is_appended_to_what_the_host_has_already() {
    let mut uart = open();
    uart.write(DR, u32::from(b'!'));
    let mut output = b"before".to_vec();
    uart.take_transmitted(&mut output);
    assert_eq!(output, b"before!");
}

#[test]
fn the_transmit_interrupt_comes_with_a_byte_that_has_left_and_not_before() {
    let mut uart = open();
    uart.write(IMSC, TX);
    assert_eq!(uart.read(RIS) & TX, 0, "nothing has been written yet (section 2.8.2)");
    uart.write(DR, u32::from(b'a'));
    assert_eq!(uart.read(MIS), TX);
    assert_eq!(uart.interrupt_level(), Level::High);
}

#[test]
fn the_transmit_interrupt_is_cleared_until_another_byte_leaves() {
    let mut uart = open();
    uart.write(IMSC, TX);
    uart.write(DR, u32::from(b'a'));
    uart.write(ICR, TX);
    assert_eq!(uart.interrupt_level(), Level::Low);
    transmitted(&mut uart);
    assert_eq!(uart.interrupt_level(), Level::Low, "the host was late; the byte had left before");
    uart.write(DR, u32::from(b'b'));
    assert_eq!(uart.interrupt_level(), Level::High);
}

#[test]
fn a_host_that_takes_nothing_fills_the_transmit_fifo() {
    let mut uart = open();
    fill_transmit_fifo(&mut uart, 0);
    assert_eq!(uart.read(FR), 0x97, "all is out on the line");
    uart.write(DR, u32::from(b'.'));
    assert_eq!(uart.read(FR), 0x1f, "TXFE is clear, BUSY is set");
    for _ in 1..FIFO_DEPTH {
        assert_eq!(uart.read(FR) & 0x20, 0, "TXFF");
        uart.write(DR, u32::from(b'.'));
    }
    assert_eq!(uart.read(FR), 0x3f);
    assert_eq!(transmitted(&mut uart).len(), TRANSMIT_CAPACITY);
    assert_eq!(uart.read(FR), 0x97);
}

#[test]
fn a_byte_written_to_a_full_fifo_is_lost_and_counted() {
    let mut uart = open();
    fill_transmit_fifo(&mut uart, FIFO_DEPTH);
    uart.write(DR, u32::from(b'x'));
    uart.write(DR, u32::from(b'y'));
    assert_eq!(uart.lost(), 2);
    assert_eq!(transmitted(&mut uart), vec![b'.'; TRANSMIT_CAPACITY]);
}

#[test]
fn the_transmit_interrupt_goes_above_the_level_and_comes_back_when_the_host_takes_bytes() {
    let mut uart = open();
    uart.write(IMSC, TX);
    fill_transmit_fifo(&mut uart, 16);
    assert_eq!(uart.interrupt_level(), Level::High, "half full is the level after reset");
    uart.write(DR, u32::from(b'.'));
    assert_eq!(uart.interrupt_level(), Level::Low);
    transmitted(&mut uart);
    assert_eq!(uart.interrupt_level(), Level::High);
}

#[test]
fn a_level_that_is_raised_over_a_waiting_fifo_brings_the_interrupt() {
    let mut uart = open();
    uart.write(IMSC, TX);
    fill_transmit_fifo(&mut uart, 20);
    assert_eq!(uart.interrupt_level(), Level::Low);
    uart.write(IFLS, 0x14);
    assert_eq!(uart.interrupt_level(), Level::High, "20 bytes are below 7/8");
    uart.write(IFLS, 0x10);
    assert_eq!(uart.interrupt_level(), Level::Low, "and above 1/8");
}

#[test]
fn without_fifos_a_single_byte_fills_either_direction() {
    let mut uart = open();
    uart.write(LCR_H, 0x60);
    assert_eq!(uart.receive(b"ab"), 1);
    assert_eq!(uart.read(RIS), RX | RT);
    assert_eq!(uart.read(FR) & 0x50, 0x40, "RXFF, not RXFE");
    assert_eq!(uart.read(DR), u32::from(b'a'));
    assert_eq!(uart.read(RIS), 0);

    for _ in 0..TRANSMIT_CAPACITY - 1 {
        uart.write(DR, u32::from(b'.'));
    }
    assert_eq!(uart.read(FR) & 0xa8, 0x80, "TXFE, neither TXFF nor BUSY");
    assert_eq!(uart.read(RIS), TX);
    uart.write(DR, u32::from(b'.'));
    assert_eq!(uart.read(FR) & 0xa8, 0x28);
    assert_eq!(uart.read(RIS), 0);
}

#[test]
fn what_was_received_stays_when_the_fifos_are_switched_off() {
    let mut uart = open();
    assert_eq!(uart.receive(b"abc"), 3);
    uart.write(LCR_H, 0x60);
    assert_eq!(uart.receive_capacity(), 0);
    assert_eq!(b"abc".map(|_| uart.read(DR)), b"abc".map(u32::from));
    assert_eq!(uart.receive_capacity(), 1);
}

#[test]
fn any_received_byte_interrupts_and_reading_it_ends_that() {
    let mut uart = open();
    assert_eq!(uart.receive(b"a"), 1);
    assert_eq!(uart.read(MIS), RT, "one byte is below the level");
    assert_eq!(uart.interrupt_level(), Level::High);
    assert_eq!(uart.read(DR), u32::from(b'a'));
    assert_eq!(uart.interrupt_level(), Level::Low);
}

#[test]
fn the_receive_interrupt_follows_each_level() {
    for (select, level) in [(0, 4), (1, 8), (2, 16), (3, 24), (4, 28), (7, 28)] {
        let mut uart = open();
        uart.write(IFLS, select << 3);
        uart.receive(&vec![b'a'; level - 1]);
        assert_eq!(uart.read(RIS), RT, "{select}");
        uart.receive(b"b");
        assert_eq!(uart.read(RIS), RX | RT, "{select}");
        uart.read(DR);
        assert_eq!(uart.read(RIS), RT, "{select}");
    }
}

#[test]
fn received_interrupts_can_be_cleared_and_come_back_with_more() {
    let mut uart = open();
    uart.receive(&[b'a'; 20]);
    uart.write(ICR, RX | RT);
    assert_eq!(uart.interrupt_level(), Level::Low);
    uart.receive(b"b");
    assert_eq!(uart.read(RIS), RX | RT);
}

#[test]
fn input_beyond_the_fifo_is_left_with_the_host() {
    let mut uart = open();
    assert_eq!(uart.receive_capacity(), 32);
    assert_eq!(uart.receive(&[b'a'; 100]), 32);
    assert_eq!(uart.read(FR) & 0x50, 0x40);
    assert_eq!(uart.receive(b"b"), 0);
    uart.read(DR);
    assert_eq!(uart.receive_capacity(), 1);
}

#[test]
fn an_empty_fifo_reads_as_zero() {
    let mut uart = open();
    assert_eq!(uart.read(DR), 0);
}

#[test]
fn receiving_nothing_changes_nothing() {
    let mut uart = open();
    let before = uart.clone();
    assert_eq!(uart.receive(b""), 0);
    assert_eq!(uart, before);
}

#[test]
fn a_guest_listens_when_the_port_its_receiver_and_a_receive_interrupt_are_enabled() {
    for (control, mask, capacity) in [
        (0x300, RX | RT, 0),
        (0x101, RX | RT, 0),
        (0x301, 0, 0),
        (0x301, TX, 0),
        (0x301, RX, 1),
        (0x201, RT, 1),
    ] {
        let mut uart = Pl011::new();
        uart.write(CR, control);
        uart.write(IMSC, mask);
        assert_eq!(uart.receive_capacity(), capacity, "CR {control:#x} IMSC {mask:#x}");
    }
}

#[test]
fn a_guest_that_polls_listens_until_it_writes() {
    let mut uart = Pl011::new();
    uart.write(CR, 0x301);
    for _ in 0..16 {
        assert_eq!(uart.receive(b"in"), 0);
        uart.read(FR);
    }
    assert_eq!(uart.receive(b"in"), 1);
    uart.read(FR);
    assert_eq!(uart.read(DR), u32::from(b'i'));
    assert_eq!(uart.receive(b"n"), 1);
    uart.read(DR);
    uart.write(DR, u32::from(b'i'));
    assert_eq!(uart.receive_capacity(), 0);
}

#[test]
fn a_port_that_firmware_has_enabled_receives_once_its_interrupt_is_unmasked() {
    let mut uart = Pl011::enabled();
    assert_eq!(uart.read(0x30), 0x301, "UARTCR: enabled, both ways");
    assert_eq!(uart.receive(b"early"), 0);
    uart.write(0x38, 0x50);
    assert_eq!(uart.receive(b"heard"), 5);
    assert_eq!(uart.read(0x00), u32::from(b'h'));
}

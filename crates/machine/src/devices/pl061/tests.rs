//! The PL061 at the register level, with the offsets and values of DDI 0190.

mod any_sequence;
mod linux;

use super::*;

/// GPIODATA with all lines selected.
const DATA: u64 = 0x3fc;
const DIR: u64 = 0x400;
const IS: u64 = 0x404;
const IBE: u64 = 0x408;
const IEV: u64 = 0x40c;
const IE: u64 = 0x410;
const RIS: u64 = 0x414;
const MIS: u64 = 0x418;
const IC: u64 = 0x41c;
const AFSEL: u64 = 0x420;

const LINE_3: u32 = 0x08;

/// One whose interrupts are as these registers say, with everything unmasked.
fn with(registers: &[(u64, u32)]) -> Pl061 {
    let mut gpio = Pl061::new();
    gpio.write(IE, 0xff);
    for &(offset, value) in registers {
        gpio.write(offset, value);
    }
    gpio
}

/// Line 3 goes up and down again.
fn pulse(gpio: &mut Pl061) {
    gpio.set_input(3, Level::High);
    gpio.set_input(3, Level::Low);
}

#[test]
fn after_reset_every_register_is_zero_and_nothing_interrupts() {
    let gpio = Pl061::new();
    for offset in [0, DATA, DIR, IS, IBE, IEV, IE, RIS, MIS, IC, AFSEL] {
        assert_eq!(gpio.read(offset), 0, "{offset:#x}");
    }
    assert_eq!(gpio.interrupt_level(), Level::Low);
}

#[test]
fn the_identification_is_what_linux_looks_for() {
    let gpio = Pl061::new();
    let word = |first: u64| (0..4).fold(0, |word, index| word | gpio.read(first + 4 * index) << (8 * index));
    assert_eq!(word(0xfe0), 0x0004_1061);
    assert_eq!(word(0xff0), 0xb105_f00d);
}

#[test]
fn the_registers_that_are_kept_have_eight_bits() {
    let mut gpio = Pl061::new();
    for offset in [DIR, IS, IBE, IEV, IE, AFSEL] {
        gpio.write(offset, 0xffff_ffa5);
        assert_eq!(gpio.read(offset), 0xa5, "{offset:#x}");
    }
}

#[test]
fn the_address_selects_the_lines_that_are_written() {
    // The example of section 3.3.1: 0xfb, written to 0x098, is taken over for lines 1, 2 and 5 only.
    let mut gpio = with(&[(DIR, 0xff)]);
    gpio.write(DATA, 0x95);
    gpio.write(0x098, 0xfb);
    assert_eq!(gpio.read(DATA), 0xb3);
    gpio.write(0x000, 0xff);
    assert_eq!(gpio.read(DATA), 0xb3);
}

#[test]
fn the_address_selects_the_lines_that_are_read() {
    let mut gpio = with(&[(DIR, 0xff)]);
    gpio.write(DATA, 0xfe);
    assert_eq!(gpio.read(0x0c4), 0x30);
    assert_eq!(gpio.read(0x004), 0x00);
}

#[test]
fn an_input_reads_as_the_level_outside_and_an_output_as_what_was_written() {
    let mut gpio = with(&[(DIR, 0xf0)]);
    gpio.set_input(3, Level::High);
    gpio.set_input(7, Level::High);
    gpio.write(DATA, 0x41);
    assert_eq!(gpio.read(DATA), 0x48);
}

#[test]
fn what_is_written_to_an_input_is_lost() {
    let mut gpio = Pl061::new();
    gpio.write(DATA, LINE_3);
    gpio.write(DIR, LINE_3);
    assert_eq!(gpio.read(DATA), 0);
}

#[test]
fn an_edge_is_kept_until_it_is_cleared() {
    let mut gpio = with(&[(IEV, LINE_3)]);
    pulse(&mut gpio);
    assert_eq!((gpio.read(RIS), gpio.read(MIS)), (LINE_3, LINE_3));
    assert_eq!(gpio.interrupt_level(), Level::High);
    gpio.write(IC, !LINE_3);
    assert_eq!(gpio.interrupt_level(), Level::High);
    gpio.write(IC, LINE_3);
    assert_eq!((gpio.read(RIS), gpio.interrupt_level()), (0, Level::Low));
}

#[test]
fn the_event_register_chooses_the_edge_unless_both_are_wanted() {
    for (both, event, rising, falling) in [
        (0, 0, 0, LINE_3),
        (0, LINE_3, LINE_3, 0),
        (LINE_3, 0, LINE_3, LINE_3),
        (LINE_3, LINE_3, LINE_3, LINE_3),
    ] {
        let mut gpio = with(&[(IBE, both), (IEV, event)]);
        gpio.set_input(3, Level::High);
        assert_eq!(gpio.read(RIS), rising, "rising, {both:#x} {event:#x}");
        gpio.write(IC, LINE_3);
        gpio.set_input(3, Level::Low);
        assert_eq!(gpio.read(RIS), falling, "falling, {both:#x} {event:#x}");
    }
}

#[test]
fn a_level_that_is_set_again_is_no_edge() {
    let mut gpio = with(&[(IBE, LINE_3)]);
    gpio.set_input(3, Level::Low);
    assert_eq!(gpio.read(RIS), 0);
    gpio.set_input(3, Level::High);
    gpio.write(IC, LINE_3);
    gpio.set_input(3, Level::High);
    assert_eq!(gpio.read(RIS), 0);
}

#[test]
fn a_level_interrupts_as_long_as_it_lasts_and_is_not_cleared() {
    for (event, asserted, idle) in [(LINE_3, Level::High, Level::Low), (0, Level::Low, Level::High)] {
        let mut gpio = with(&[(IE, LINE_3), (IS, LINE_3), (IEV, event)]);
        gpio.set_input(3, asserted);
        gpio.write(IC, 0xff);
        assert_eq!((gpio.read(MIS), gpio.interrupt_level()), (LINE_3, Level::High), "{event:#x}");
        gpio.set_input(3, idle);
        assert_eq!((gpio.read(MIS), gpio.interrupt_level()), (0, Level::Low), "{event:#x}");
    }
}

#[test]
fn the_mask_hides_an_interrupt_and_does_not_lose_it() {
    let mut gpio = with(&[(IEV, LINE_3), (IE, 0)]);
    pulse(&mut gpio);
    assert_eq!((gpio.read(RIS), gpio.read(MIS)), (LINE_3, 0));
    assert_eq!(gpio.interrupt_level(), Level::Low);
    gpio.write(IE, LINE_3);
    assert_eq!(gpio.interrupt_level(), Level::High);
}

#[test]
fn an_output_does_not_interrupt() {
    let mut gpio = with(&[(DIR, 0xff), (IBE, 0xff)]);
    pulse(&mut gpio);
    gpio.write(DATA, LINE_3);
    assert_eq!(gpio.read(RIS), 0);
    gpio.write(IS, 0xff);
    assert_eq!(gpio.read(RIS), 0);
}

#[test]
fn an_edge_is_forgotten_when_its_line_is_to_interrupt_by_level() {
    let mut gpio = with(&[(IEV, LINE_3)]);
    pulse(&mut gpio);
    gpio.write(IS, LINE_3);
    assert_eq!(gpio.read(RIS), 0);
}

#[test]
fn a_line_that_is_not_there_changes_nothing() {
    let mut gpio = with(&[(IBE, 0xff)]);
    let before = gpio.clone();
    for line in [spec::LINES, 9, 32, u32::MAX] {
        gpio.set_input(line, Level::High);
    }
    assert_eq!(gpio, before);
}

#[test]
fn between_the_registers_there_is_nothing() {
    let mut gpio = with(&[(DIR, 0xff)]);
    let before = gpio.clone();
    for offset in [0x001, 0x3fe, 0x401, 0x424, 0x600, 0xfdc, 0xfe1, 0x1000, u64::MAX] {
        gpio.write(offset, u32::MAX);
        assert_eq!(gpio.read(offset), 0, "{offset:#x}");
    }
    for offset in [RIS, MIS, 0xfe0, 0xffc] {
        gpio.write(offset, u32::MAX);
    }
    assert_eq!(gpio, before);
}

//! The console between two pipes and a serial port whose guest is played by the test.

use std::{
    io::{Read, Write, pipe},
    os::fd::OwnedFd,
    sync::Mutex,
    thread,
    time::Duration,
};

use super::{Console, InputKind};
use crate::{
    Control, End,
    devices::{Level, pl011::Pl011},
    uart::{InterruptLine, Uart},
};

#[derive(Default)]
struct Line(Mutex<Vec<Level>>);

impl InterruptLine for Line {
    fn set(&self, level: Level) {
        self.0.lock().unwrap().push(level);
    }
}

// Offsets and bits of the PL011 (DDI 0183, chapter 3).
const DATA: u64 = 0x00;
const FLAGS: u64 = 0x18;
const LINE_CONTROL: u64 = 0x2c;
const CONTROL: u64 = 0x30;
const RECEIVE_FIFO_EMPTY: u32 = 1 << 4;
const FIFOS: u32 = 1 << 4;
const ENABLED: u32 = 1 << 0 | 1 << 8 | 1 << 9;

fn enable(uart: &Uart<'_>) {
    uart.write(LINE_CONTROL, FIFOS);
    uart.write(CONTROL, ENABLED);
}

/// Reads as a guest that polls would.
fn guest_reads(uart: &Uart<'_>, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        if uart.read(FLAGS) & RECEIVE_FIFO_EMPTY == 0 {
            bytes.push(uart.read(DATA).to_le_bytes()[0]);
        } else {
            thread::sleep(Duration::from_millis(1));
        }
    }
    bytes
}

/// Runs `guest` while the console's input thread serves it.
fn with_input<T>(console: &Console, control: &Control, guest: impl FnOnce(&Uart<'_>) -> T) -> T {
    let line = Line::default();
    let uart = Uart::new(Pl011::new(), &line).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| console.pump_input(&uart, control));
        let result = guest(&uart);
        uart.close();
        result
    })
}

fn console(kind: InputKind) -> (Console, std::io::PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    let (_, output) = pipe().unwrap();
    (Console::new(Some(OwnedFd::from(reader)), OwnedFd::from(output), kind), writer)
}

#[test]
fn input_that_comes_before_the_guest_listens_is_not_lost() {
    let (console, mut writer) = console(InputKind::Stream);
    writer.write_all(b"early").unwrap();
    let heard = with_input(&console, &Control::new(), |uart| {
        thread::sleep(Duration::from_millis(20));
        enable(uart);
        guest_reads(uart, 5)
    });
    assert_eq!(heard, b"early");
}

#[test]
fn more_input_than_the_fifo_holds_arrives_whole_and_in_order() {
    let (console, mut writer) = console(InputKind::Stream);
    let sent: Vec<u8> = (0..=255).cycle().take(5000).collect();
    writer.write_all(&sent).unwrap();
    let heard = with_input(&console, &Control::new(), |uart| {
        enable(uart);
        guest_reads(uart, sent.len())
    });
    assert_eq!(heard, sent);
}

#[test]
fn input_that_one_life_did_not_read_is_there_in_the_next() {
    let (console, mut writer) = console(InputKind::Stream);
    let control = Control::new();
    with_input(&console, &control, |_| {
        writer.write_all(b"later").unwrap();
        thread::sleep(Duration::from_millis(20));
    });
    let heard = with_input(&console, &control, |uart| {
        enable(uart);
        guest_reads(uart, 5)
    });
    assert_eq!(heard, b"later");
}

#[test]
fn on_a_terminal_control_a_x_ends_a_machine_that_reads_nothing() {
    let (console, mut writer) = console(InputKind::Terminal);
    let control = Control::new();
    with_input(&console, &control, |_| {
        writer.write_all(&[b'y'; 20_000]).unwrap();
        writer.write_all(b"\x01x").unwrap();
        assert_eq!(control.wait_for_request(), End::Quit);
    });
}

#[test]
fn output_comes_out_whole_even_when_the_machine_has_ended() {
    let (mut reader, output) = pipe().unwrap();
    let console = Console::new(None, OwnedFd::from(output), InputKind::Stream);
    let line = Line::default();
    let uart = Uart::new(Pl011::new(), &line).unwrap();
    enable(&uart);
    for byte in b"last words" {
        uart.write(DATA, u32::from(*byte));
    }
    uart.close();
    console.pump_output(&uart);
    drop(console);
    let mut printed = Vec::new();
    reader.read_to_end(&mut printed).unwrap();
    assert_eq!(printed, b"last words");
}

#[test]
fn output_to_a_full_disk_is_not_lost_in_silence() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let console = Console::new(None, OwnedFd::from(full), InputKind::Stream);
    let line = Line::default();
    let uart = Uart::new(Pl011::new(), &line).unwrap();
    enable(&uart);
    uart.write(DATA, u32::from(b'x'));
    uart.close();
    console.pump_output(&uart);
    assert_eq!(console.output_error().map(|error| error.kind()), Some(std::io::ErrorKind::StorageFull));
}

#[test]
fn a_reader_that_has_gone_away_does_not_stop_the_guest() {
    let (reader, output) = pipe().unwrap();
    drop(reader);
    let console = Console::new(None, OwnedFd::from(output), InputKind::Stream);
    let line = Line::default();
    let uart = Uart::new(Pl011::new(), &line).unwrap();
    enable(&uart);
    thread::scope(|scope| {
        scope.spawn(|| console.pump_output(&uart));
        for _ in 0..20_000 {
            uart.write(DATA, u32::from(b'x'));
        }
        uart.close();
    });
    assert!(console.output_error().is_none(), "a closed pipe is no error");
}

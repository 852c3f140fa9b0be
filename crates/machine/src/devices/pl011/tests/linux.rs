//! The PL011 with the steps of Linux's driver (`drivers/tty/serial/amba-pl011.c`).

use super::*;

/// `pl011_startup` and `pl011_enable_interrupts` after `pl011_console_write`: with every step, the host tries to
/// bring a byte, as a pipe does.
#[test]
fn linux_loses_no_input_while_it_starts() {
    let mut uart = Pl011::new();
    let mut taken = 0;
    for (offset, value) in [(CR, 0x301), (DR, u32::from(b'x')), (CR, 0x300), (IMSC, RX | RT), (IMSC, 0)] {
        uart.write(offset, value);
        uart.read(FR);
        taken += uart.receive(b"i");
    }
    for (offset, value) in [(IFLS, 0x12), (CR, 0x301), (ICR, RX | RT)] {
        uart.write(offset, value);
        taken += uart.receive(b"i");
    }
    while uart.read(FR) & 0x10 == 0 {
        uart.read(DR);
        taken += uart.receive(b"i");
    }
    assert_eq!(taken, 0, "what Linux threw away");
    uart.write(IMSC, RX | RT);
    assert_eq!(uart.receive(b"i"), 1);
}

/// `pl011_tx_chars`: from the interrupt, half a FIFO at a time and without a look at TXFF.
#[test]
fn linux_loses_no_output_to_a_host_that_is_slow() {
    let text: Vec<u8> = (0..=255).cycle().take(20_000).collect();
    let mut left = text.iter();
    let mut uart = open();
    let mut output = Vec::new();
    while uart.read(FR) & 0x20 == 0 {
        uart.write(DR, u32::from(*left.next().unwrap()));
    }
    uart.write(IMSC, RX | RT | TX);
    while left.len() > 0 {
        if uart.interrupt_level() == Level::Low {
            uart.take_transmitted(&mut output);
        }
        assert_eq!(uart.read(MIS), TX, "somebody has to wake the driver");
        left.by_ref().take(16).for_each(|byte| uart.write(DR, u32::from(*byte)));
    }
    uart.take_transmitted(&mut output);
    assert_eq!(output, text);
    assert_eq!(uart.lost(), 0);
}

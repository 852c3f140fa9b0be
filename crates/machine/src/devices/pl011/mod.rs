//! The PrimeCell UART, PL011 (Arm DDI 0183), revision r1p5.
//!
//! A [`Pl011`] is a state machine: the guest's accesses and the host's input go in; the host's output and the
//! level of one interrupt come out. It waits for nothing, and what it keeps is bounded: a FIFO of
//! [`spec::FIFO_DEPTH`] bytes to receive, and [`TRANSMIT_CAPACITY`] bytes to transmit.
//!
//! **Transmitting.** The line is as fast as the host: bytes leave the transmit FIFO at once until
//! [`TRANSMIT_CAPACITY`] less the FIFO's depth are waiting for the host; then the FIFO itself fills. So a guest
//! sees a FIFO that is empty, or, in front of a host that does not keep up, one that fills, says so (TXFF), and
//! interrupts when it has room again. A guest that writes to a full FIFO loses that byte, as on hardware.
//! Bytes leave whether or not UARTEN and TXE are set: Linux's `earlycon` sets neither.
//!
//! **Receiving.** Input is accepted only while a guest listens: the port is enabled to receive, and its receive
//! interrupts are unmasked or it is being polled. The first alone is not enough: UARTCR allows to receive from
//! reset on, and Linux, between enabling the port and unmasking its interrupts, throws away what has arrived.
//! Time does not pass in here: the receive timeout comes with the byte.
//!
//! Deliberately missing: a bit rate, breaks and errors (the line has none), loopback (LBE: bytes go out), the
//! modem lines (the far end is always ready), DMA, and the infrared coder.

pub mod spec;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::Level;
use spec::{FIFO_DEPTH, Register, control, fifo_level, flag, interrupt, kept, line_control};

/// How many bytes are kept for the host, the transmit FIFO included.
pub const TRANSMIT_CAPACITY: usize = 4096;

/// How often a guest must find nothing to do, without writing anything in between, to count as polling for input.
/// Linux's console looks at the flags as well, but never so often between two writes.
const POLLS: u32 = 16;

/// A PL011.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pl011 {
    /// Longer than the receive FIFO is deep only where the guest has made it shallower: nothing is lost by that.
    received: VecDeque<u8>,
    transmitted: Vec<u8>,
    lost: u64,
    /// How often in a row the guest has read flags that say: nothing received, nothing left to transmit.
    polls: u32,
    integer_baud_rate: u32,
    fractional_baud_rate: u32,
    line_control: u32,
    control: u32,
    fifo_level: u32,
    interrupt_mask: u32,
    /// UARTRIS.
    interrupts: u32,
    dma_control: u32,
}

impl Default for Pl011 {
    fn default() -> Self {
        Self::new()
    }
}

/// The guest's side.
impl Pl011 {
    /// A PL011 after reset.
    #[must_use]
    pub fn new() -> Self {
        Self {
            received: VecDeque::with_capacity(FIFO_DEPTH),
            transmitted: Vec::with_capacity(TRANSMIT_CAPACITY),
            lost: 0,
            polls: 0,
            integer_baud_rate: 0,
            fractional_baud_rate: 0,
            line_control: 0,
            control: control::RESET,
            fifo_level: fifo_level::RESET,
            interrupt_mask: 0,
            interrupts: 0,
            dma_control: 0,
        }
    }

    /// A PL011 as firmware hands it over: enabled, with FIFOs. A guest that finds it described as a generic UART (Arm
    /// DEN0029, appendix B: `ARMH0011`, or `arm,sbsa-uart`) uses it so, and never enables it.
    #[must_use]
    pub fn enabled() -> Self {
        let control = control::RESET | control::UART_ENABLE;
        Self { control, line_control: line_control::ENABLE_FIFOS, ..Self::new() }
    }

    /// The guest reads. Where there is no register, and from registers that are only written, it reads zero. A
    /// narrow access sees the low bits.
    pub fn read(&mut self, offset: u64) -> u32 {
        let Some(register) = Register::at(offset) else {
            return 0;
        };
        match register {
            Register::Data => self.read_data(),
            Register::Flag => self.read_flags(),
            Register::IntegerBaudRate => self.integer_baud_rate,
            Register::FractionalBaudRate => self.fractional_baud_rate,
            Register::LineControl => self.line_control,
            Register::Control => self.control,
            Register::InterruptFifoLevelSelect => self.fifo_level,
            Register::InterruptMask => self.interrupt_mask,
            Register::RawInterruptStatus => self.interrupts,
            Register::MaskedInterruptStatus => self.interrupts & self.interrupt_mask,
            Register::DmaControl => self.dma_control,
            Register::Identification(byte) => u32::from(byte),
            // Write-only, or the errors of a line that has none.
            Register::InterruptClear | Register::ReceiveStatus => 0,
        }
    }

    /// The guest writes. Where there is no register, and to registers that are only read, nothing happens. A
    /// narrow access is extended with zeros.
    pub fn write(&mut self, offset: u64, value: u32) {
        self.polls = 0;
        let Some(register) = Register::at(offset) else {
            return;
        };
        match register {
            Register::Data => self.write_data(value),
            Register::IntegerBaudRate => self.integer_baud_rate = value & kept::INTEGER_BAUD_RATE,
            Register::FractionalBaudRate => self.fractional_baud_rate = value & kept::FRACTIONAL_BAUD_RATE,
            Register::LineControl => self.configure(|uart| uart.line_control = value & kept::LINE_CONTROL),
            Register::Control => self.control = value & kept::CONTROL,
            Register::InterruptFifoLevelSelect => {
                self.configure(|uart| uart.fifo_level = value & kept::FIFO_LEVEL);
            }
            Register::InterruptMask => self.interrupt_mask = value & kept::INTERRUPT_MASK,
            Register::InterruptClear => self.interrupts &= !value,
            Register::DmaControl => self.dma_control = value & kept::DMA_CONTROL,
            // Read-only, or clears errors of which there are none.
            Register::ReceiveStatus
            | Register::Flag
            | Register::RawInterruptStatus
            | Register::MaskedInterruptStatus
            | Register::Identification(_) => {}
        }
    }

    fn read_data(&mut self) -> u32 {
        let byte = self.received.pop_front().unwrap_or_default();
        if self.received.len() < self.receive_level() {
            self.interrupts &= !interrupt::RECEIVE;
        }
        if self.received.is_empty() {
            self.interrupts &= !interrupt::RECEIVE_TIMEOUT;
        }
        u32::from(byte)
    }

    fn read_flags(&mut self) -> u32 {
        let in_transmit_fifo = self.in_transmit_fifo();
        let mut flags = flag::MODEM_READY;
        let mut set = |condition: bool, bits: u32| {
            if condition {
                flags |= bits;
            }
        };
        set(self.received.is_empty(), flag::RECEIVE_FIFO_EMPTY);
        set(self.received.len() >= self.fifo_depth(), flag::RECEIVE_FIFO_FULL);
        set(in_transmit_fifo == 0, flag::TRANSMIT_FIFO_EMPTY);
        set(in_transmit_fifo > 0, flag::BUSY);
        set(in_transmit_fifo >= self.fifo_depth(), flag::TRANSMIT_FIFO_FULL);
        if self.received.is_empty() && in_transmit_fifo == 0 {
            self.polls = self.polls.saturating_add(1);
        }
        flags
    }

    fn write_data(&mut self, value: u32) {
        if self.transmitted.len() >= TRANSMIT_CAPACITY {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        let [byte, ..] = value.to_le_bytes();
        self.transmitted.push(byte);
        // The line is fast: a byte that finds the FIFO at or below its level has fallen through it already.
        self.update_transmit_interrupt(true);
    }

    /// Applies a change to what decides on the FIFOs' depths and levels.
    fn configure(&mut self, change: impl FnOnce(&mut Self)) {
        let was_above = self.is_above_transmit_level();
        change(self);
        self.update_transmit_interrupt(was_above);
    }

    /// The transmit interrupt comes when the FIFO falls to its level, not while it is there; it goes when the
    /// FIFO is filled beyond it (section 2.8.2).
    const fn update_transmit_interrupt(&mut self, was_above: bool) {
        match (was_above, self.is_above_transmit_level()) {
            (_, true) => self.interrupts &= !interrupt::TRANSMIT,
            (true, false) => self.interrupts |= interrupt::TRANSMIT,
            (false, false) => {}
        }
    }
}

/// The host's side.
impl Pl011 {
    /// The interrupt line, UARTINTR: the OR of all that are not masked. It may change with every call that takes
    /// `&mut self`.
    #[must_use]
    pub const fn interrupt_level(&self) -> Level {
        match self.interrupts & self.interrupt_mask {
            0 => Level::Low,
            _ => Level::High,
        }
    }

    /// How much input finds room. Zero while the guest does not listen. It may change with every access of the
    /// guest, reads included.
    #[must_use]
    pub fn receive_capacity(&self) -> usize {
        if self.is_listening() { self.fifo_depth().saturating_sub(self.received.len()) } else { 0 }
    }

    /// Takes input, as much as finds room, and says how much that was.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.receive_capacity());
        if count > 0 {
            self.received.extend(&bytes[..count]);
            self.interrupts |= interrupt::RECEIVE_TIMEOUT;
            if self.received.len() >= self.receive_level() {
                self.interrupts |= interrupt::RECEIVE;
            }
        }
        count
    }

    /// Whether there is output.
    #[must_use]
    pub const fn has_transmitted(&self) -> bool {
        !self.transmitted.is_empty()
    }

    /// Appends all output to `output`.
    pub fn take_transmitted(&mut self, output: &mut Vec<u8>) {
        let was_above = self.is_above_transmit_level();
        output.append(&mut self.transmitted);
        self.update_transmit_interrupt(was_above);
    }

    /// How many bytes the guest has lost by writing to a full FIFO.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    const fn is_listening(&self) -> bool {
        const ENABLED: u32 = control::UART_ENABLE | control::RECEIVE_ENABLE;
        const UNMASKED: u32 = interrupt::RECEIVE | interrupt::RECEIVE_TIMEOUT;
        self.control & ENABLED == ENABLED && (self.interrupt_mask & UNMASKED != 0 || self.polls >= POLLS)
    }

    const fn fifos_are_enabled(&self) -> bool {
        self.line_control & line_control::ENABLE_FIFOS != 0
    }

    const fn fifo_depth(&self) -> usize {
        if self.fifos_are_enabled() { FIFO_DEPTH } else { 1 }
    }

    /// The receive interrupt comes with this many bytes in the FIFO.
    const fn receive_level(&self) -> usize {
        if self.fifos_are_enabled() { fifo_level::receive(self.fifo_level) } else { 1 }
    }

    const fn is_above_transmit_level(&self) -> bool {
        let level = if self.fifos_are_enabled() { fifo_level::transmit(self.fifo_level) } else { 0 };
        self.in_transmit_fifo() > level
    }

    /// How many bytes are in the transmit FIFO, and not out on the line yet.
    const fn in_transmit_fifo(&self) -> usize {
        self.transmitted.len().saturating_sub(TRANSMIT_CAPACITY - self.fifo_depth())
    }
}

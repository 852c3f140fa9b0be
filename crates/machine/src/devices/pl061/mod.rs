//! The PrimeCell GPIO controller, PL061 (Arm DDI 0190).
//!
//! A [`Pl061`] is a state machine: the guest's accesses and the levels of its eight lines go in; the level of one
//! interrupt comes out.
//!
//! **Lines.** Each is an input until the guest makes it an output. What the guest writes to the data register of an input
//! is lost, as Linux's driver knows. What it reads is the level outside for an input, and what it wrote for an output.
//!
//! **Interrupts.** Every change of what is outside is followed by a look at the lines: an
//! edge is kept until the guest clears it; a level counts as long as it lasts, and clearing it does nothing. Only an
//! input interrupts.
//!
//! Deliberately missing: whoever could be told of outputs (nothing is connected to one), the hardware's own control of
//! a line (AFSEL is kept, and changes nothing), and the registers for testing the chip.

pub mod spec;
#[cfg(test)]
mod tests;

use spec::Register;

use super::Level;

/// A PL061.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pl061 {
    /// The levels outside.
    inputs: u8,
    /// What the guest has written, of lines that were outputs then.
    outputs: u8,
    /// 1: an output.
    direction: u8,
    /// 1: interrupts by level, 0: by edge.
    by_level: u8,
    /// 1: by either edge, whatever `event` says.
    both_edges: u8,
    /// 1: by the rising edge or the high level, 0: by the falling edge or the low level.
    event: u8,
    /// 1: interrupts.
    unmasked: u8,
    /// Edges that have been seen and not been cleared.
    edges: u8,
    mode_control: u8,
}

/// The guest's side.
impl Pl061 {
    /// A PL061 after reset, with all lines low.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The guest reads. Where there is no register, and from registers that are only written, it reads zero. A
    /// narrow access sees the low bits.
    #[must_use]
    pub fn read(&self, offset: u64) -> u32 {
        let Some(register) = Register::at(offset) else {
            return 0;
        };
        u32::from(match register {
            Register::Data(lines) => self.levels() & lines,
            Register::Direction => self.direction,
            Register::InterruptSense => self.by_level,
            Register::InterruptBothEdges => self.both_edges,
            Register::InterruptEvent => self.event,
            Register::InterruptMask => self.unmasked,
            Register::RawInterruptStatus => self.interrupts(),
            Register::MaskedInterruptStatus => self.interrupts() & self.unmasked,
            Register::InterruptClear => 0,
            Register::ModeControlSelect => self.mode_control,
            Register::Identification(byte) => byte,
        })
    }

    /// The guest writes. Where there is no register, and to registers that are only read, nothing happens. A
    /// narrow access is extended with zeros.
    pub fn write(&mut self, offset: u64, value: u32) {
        let Some(register) = Register::at(offset) else {
            return;
        };
        let [value, ..] = value.to_le_bytes();
        match register {
            Register::Data(lines) => {
                let lines = lines & self.direction;
                self.outputs = self.outputs & !lines | value & lines;
            }
            Register::Direction => self.direction = value,
            Register::InterruptSense => {
                self.by_level = value;
                // A line that interrupts by level has no use for an edge that was kept.
                self.edges &= !value;
            }
            Register::InterruptBothEdges => self.both_edges = value,
            Register::InterruptEvent => self.event = value,
            Register::InterruptMask => self.unmasked = value,
            Register::InterruptClear => self.edges &= !value,
            Register::ModeControlSelect => self.mode_control = value,
            Register::RawInterruptStatus | Register::MaskedInterruptStatus | Register::Identification(_) => {}
        }
    }

    /// What the guest reads of the lines.
    const fn levels(&self) -> u8 {
        self.inputs & !self.direction | self.outputs & self.direction
    }

    /// GPIORIS.
    const fn interrupts(&self) -> u8 {
        let at_level = !(self.inputs ^ self.event) & self.by_level & !self.direction;
        self.edges | at_level
    }
}

/// The host's side.
impl Pl061 {
    /// A line changes to this level. There are [`spec::LINES`] lines; one beyond them is connected to nothing.
    pub fn set_input(&mut self, line: u32, level: Level) {
        let Some(line) = 1_u8.checked_shl(line) else {
            return;
        };
        let before = self.inputs;
        match level {
            Level::Low => self.inputs &= !line,
            Level::High => self.inputs |= line,
        }
        let wanted = self.both_edges | !(self.inputs ^ self.event);
        self.edges |= (before ^ self.inputs) & wanted & !self.by_level & !self.direction;
    }

    /// The interrupt line, GPIOINTR: the OR of all that are not masked. It may change with every call that takes
    /// `&mut self`.
    #[must_use]
    pub const fn interrupt_level(&self) -> Level {
        match self.interrupts() & self.unmasked {
            0 => Level::Low,
            _ => Level::High,
        }
    }
}

//! The registers of the PL061: offsets, bits and reset values (DDI 0190, chapter 3, "Programmer's Model").

/// A register, by the name in DDI 0190, table 3-1. All of them have eight bits, one for each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// GPIODATA, with the lines that the address selects.
    Data(u8),
    /// GPIODIR.
    Direction,
    /// GPIOIS.
    InterruptSense,
    /// GPIOIBE.
    InterruptBothEdges,
    /// GPIOIEV.
    InterruptEvent,
    /// GPIOIE.
    InterruptMask,
    /// GPIORIS.
    RawInterruptStatus,
    /// GPIOMIS.
    MaskedInterruptStatus,
    /// GPIOIC.
    InterruptClear,
    /// GPIOAFSEL.
    ModeControlSelect,
    /// One of GPIOPeriphID0 to 3 and GPIOPCellID0 to 3, with the byte in it.
    Identification(u8),
}

impl Register {
    /// The register at an offset from the start of the device. `None` where there is none, or not its start.
    #[must_use]
    pub fn at(offset: u64) -> Option<Self> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        Some(match offset {
            // Bits 9 to 2 of the address are the mask (section 3.3.1).
            0x000..=0x3fc => Self::Data(u8::try_from(offset / 4).ok()?),
            0x400 => Self::Direction,
            0x404 => Self::InterruptSense,
            0x408 => Self::InterruptBothEdges,
            0x40c => Self::InterruptEvent,
            0x410 => Self::InterruptMask,
            0x414 => Self::RawInterruptStatus,
            0x418 => Self::MaskedInterruptStatus,
            0x41c => Self::InterruptClear,
            0x420 => Self::ModeControlSelect,
            0xfe0..=0xffc => {
                let index = usize::try_from((offset - 0xfe0) / 4).ok()?;
                Self::Identification(*IDENTIFICATION.get(index)?)
            }
            _ => return None,
        })
    }
}

/// GPIOPeriphID: part 0x061, designer Arm (0x41), revision 0. Then GPIOPCellID: any PrimeCell.
pub const IDENTIFICATION: [u8; 8] = [0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// How many lines there are.
pub const LINES: u32 = 8;

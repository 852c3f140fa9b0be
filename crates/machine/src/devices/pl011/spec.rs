//! The registers of the PL011: offsets, fields and reset values (DDI 0183, chapter 3, "Programmers Model").

/// A register, by the name in DDI 0183, table 3-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// UARTDR.
    Data,
    /// UARTRSR when read, UARTECR when written.
    ReceiveStatus,
    /// UARTFR.
    Flag,
    /// UARTIBRD.
    IntegerBaudRate,
    /// UARTFBRD.
    FractionalBaudRate,
    /// UARTLCR_H.
    LineControl,
    /// UARTCR.
    Control,
    /// UARTIFLS.
    InterruptFifoLevelSelect,
    /// UARTIMSC.
    InterruptMask,
    /// UARTRIS.
    RawInterruptStatus,
    /// UARTMIS.
    MaskedInterruptStatus,
    /// UARTICR.
    InterruptClear,
    /// UARTDMACR.
    DmaControl,
    /// One of UARTPeriphID0 to 3 and UARTPCellID0 to 3, with the byte in it.
    Identification(u8),
}

impl Register {
    /// The register at an offset from the start of the device. `None` where there is none, or not its start.
    #[must_use]
    pub fn at(offset: u64) -> Option<Self> {
        Some(match offset {
            0x000 => Self::Data,
            0x004 => Self::ReceiveStatus,
            0x018 => Self::Flag,
            0x024 => Self::IntegerBaudRate,
            0x028 => Self::FractionalBaudRate,
            0x02c => Self::LineControl,
            0x030 => Self::Control,
            0x034 => Self::InterruptFifoLevelSelect,
            0x038 => Self::InterruptMask,
            0x03c => Self::RawInterruptStatus,
            0x040 => Self::MaskedInterruptStatus,
            0x044 => Self::InterruptClear,
            0x048 => Self::DmaControl,
            0xfe0..=0xffc if offset.is_multiple_of(4) => {
                let index = usize::try_from((offset - 0xfe0) / 4).ok()?;
                Self::Identification(*IDENTIFICATION.get(index)?)
            }
            _ => return None,
        })
    }
}

/// UARTPeriphID: part 0x011, designer Arm (0x41), revision 3, which is r1p5, the first with 32-byte FIFOs.
/// Then UARTPCellID: any PrimeCell (sections 3.3.14 and 3.3.15).
pub const IDENTIFICATION: [u8; 8] = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// The depth of a FIFO, in bytes, of r1p5.
pub const FIFO_DEPTH: usize = 32;

/// UARTFR, section 3.3.3.
pub mod flag {
    /// CTS, DSR and DCD: the far end is there and ready.
    pub const MODEM_READY: u32 = 0b111;
    /// BUSY: the port is transmitting.
    pub const BUSY: u32 = 1 << 3;
    /// RXFE: there is nothing to receive.
    pub const RECEIVE_FIFO_EMPTY: u32 = 1 << 4;
    /// TXFF: there is no room to transmit.
    pub const TRANSMIT_FIFO_FULL: u32 = 1 << 5;
    /// RXFF: there is no room to receive.
    pub const RECEIVE_FIFO_FULL: u32 = 1 << 6;
    /// TXFE: there is nothing left to transmit.
    pub const TRANSMIT_FIFO_EMPTY: u32 = 1 << 7;
}

/// UARTLCR_H, section 3.3.7.
pub mod line_control {
    /// FEN: the FIFOs are enabled; otherwise each is one byte deep.
    pub const ENABLE_FIFOS: u32 = 1 << 4;
}

/// UARTCR, section 3.3.8.
pub mod control {
    /// UARTEN.
    pub const UART_ENABLE: u32 = 1 << 0;
    /// TXE.
    pub const TRANSMIT_ENABLE: u32 = 1 << 8;
    /// RXE.
    pub const RECEIVE_ENABLE: u32 = 1 << 9;
    /// What it holds after reset.
    pub const RESET: u32 = RECEIVE_ENABLE | TRANSMIT_ENABLE;
}

/// UARTIFLS, section 3.3.9.
pub mod fifo_level {
    /// What it holds after reset: both FIFOs at half.
    pub const RESET: u32 = 0b010_010;

    /// How many bytes the transmit FIFO holds at most when its interrupt comes.
    #[must_use]
    pub const fn transmit(select: u32) -> usize {
        bytes(select & 0b111)
    }

    /// How many bytes the receive FIFO holds at least when its interrupt comes.
    #[must_use]
    pub const fn receive(select: u32) -> usize {
        bytes(select >> 3 & 0b111)
    }

    /// 1/8, 1/4, 1/2, 3/4 and 7/8. The other encodings are reserved; here they are the last one too.
    const fn bytes(select: u32) -> usize {
        match select {
            0 => super::FIFO_DEPTH / 8,
            1 => super::FIFO_DEPTH / 4,
            2 => super::FIFO_DEPTH / 2,
            3 => super::FIFO_DEPTH / 4 * 3,
            _ => super::FIFO_DEPTH / 8 * 7,
        }
    }
}

/// UARTIMSC, UARTRIS, UARTMIS and UARTICR, sections 3.3.10 to 3.3.13: a bit for each interrupt.
pub mod interrupt {
    /// UARTRXINTR: the receive FIFO has reached its level.
    pub const RECEIVE: u32 = 1 << 4;
    /// UARTTXINTR: the transmit FIFO has fallen to its level.
    pub const TRANSMIT: u32 = 1 << 5;
    /// UARTRTINTR: something has been received, and nothing more for a while.
    pub const RECEIVE_TIMEOUT: u32 = 1 << 6;
}

/// The bits that a register keeps of what is written to it; the others are reserved.
pub mod kept {
    /// UARTIBRD.
    pub const INTEGER_BAUD_RATE: u32 = 0xffff;
    /// UARTFBRD.
    pub const FRACTIONAL_BAUD_RATE: u32 = 0x3f;
    /// UARTLCR_H.
    pub const LINE_CONTROL: u32 = 0xff;
    /// UARTCR.
    pub const CONTROL: u32 = 0xff87;
    /// UARTIFLS.
    pub const FIFO_LEVEL: u32 = 0x3f;
    /// UARTIMSC.
    pub const INTERRUPT_MASK: u32 = 0x7ff;
    /// UARTDMACR.
    pub const DMA_CONTROL: u32 = 0x7;
}

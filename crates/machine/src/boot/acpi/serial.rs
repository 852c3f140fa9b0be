//! Which serial port is the console (Microsoft's Serial Port Console Redirection Table, SPCR) and which one a
//! debugger may have (Debug Port Table 2, DBG2): the only one there is.
//!
//! Linux makes of the SPCR what it makes of a device tree's `stdout-path`. Nothing here reads the DBG2; Arm's Base
//! Boot Requirements (DEN0044) ask for both.

use acpi_tables::{
    Aml,
    gas::{AccessSize, AddressSpace, GAS},
};

use super::{low, table};
use crate::layout;

/// The subtype of a serial port that is a PL011 (DBG2, table 3).
const PL011: u8 = 3;
/// How a register is accessed: by 32 bits, as Linux does with a PL011 that ACPI describes.
const REGISTER_WIDTH: u8 = 32;

/// Before the clock's frequency and the port's name, which came with revision 4: no clock is behind the port.
const SPCR_REVISION: u8 = 2;
/// SPCR, "Interrupt Type": bit 3, a GIC's.
const GIC_INTERRUPT: u8 = 1 << 3;
/// 115,200 bits a second, which is what Linux assumes of such a port. Nothing depends on it.
const BAUD_RATE: u8 = 7;
const STOP_BITS: u8 = 1;
/// ANSI.
const TERMINAL_TYPE: u8 = 3;

const DBG2_REVISION: u8 = 0;
/// From the table's start to its one description of a device.
const DBG2_DEVICE: u32 = 44;
const DBG2_SERIAL_PORT: u16 = 0x8000;
/// From the description's start to the address, to its size, to the name.
const DBG2_ADDRESS: u16 = 22;
const DBG2_ADDRESS_SIZE: u16 = DBG2_ADDRESS + 12;
const DBG2_NAME: u16 = DBG2_ADDRESS_SIZE + 4;
/// The port's device in the DSDT.
const NAME: [u8; 10] = *b"\\_SB.COM0\0";
const NAME_LENGTH: u16 = 10;

const REGISTERS_SIZE: u32 = low(layout::UART_SIZE);

pub(super) fn console() -> Vec<u8> {
    let mut body = vec![PL011, 0, 0, 0];
    registers().to_aml_bytes(&mut body);
    body.extend([GIC_INTERRUPT, 0]);
    body.extend(layout::UART_INTERRUPT.to_le_bytes());
    // Neither parity nor flow control.
    body.extend([BAUD_RATE, 0, STOP_BITS, 0, TERMINAL_TYPE, 0]);
    // It is no PCI device: all ones for vendor and device, and zero for everything else.
    body.extend([0xff; 4]);
    body.extend([0; 12]);
    table(*b"SPCR", SPCR_REVISION, &body)
}

pub(super) fn debug_port() -> Vec<u8> {
    let mut body = Vec::new();
    // Where the descriptions are, and how many.
    body.extend(DBG2_DEVICE.to_le_bytes());
    body.extend(1_u32.to_le_bytes());
    // The description: its revision, its length, and one address.
    body.push(0);
    body.extend((DBG2_NAME + NAME_LENGTH).to_le_bytes());
    body.push(1);
    let no_oem_data = [0, 0];
    let fields = [NAME_LENGTH, DBG2_NAME].into_iter().chain(no_oem_data).chain([
        DBG2_SERIAL_PORT,
        PL011.into(),
        0,
        DBG2_ADDRESS,
        DBG2_ADDRESS_SIZE,
    ]);
    body.extend(fields.flat_map(u16::to_le_bytes));
    registers().to_aml_bytes(&mut body);
    body.extend(REGISTERS_SIZE.to_le_bytes());
    body.extend(NAME);
    table(*b"DBG2", DBG2_REVISION, &body)
}

fn registers() -> GAS {
    GAS::new(AddressSpace::SystemMemory, REGISTER_WIDTH, 0, AccessSize::DwordAccess, layout::UART.0)
}

//! Registers of devices.
//!
//! A hypervisor decodes a trapped access from its syndrome, which is there for plain loads and stores of one register
//! only (Arm ARM, ESR_EL2, ISV). The compiler makes others of a volatile access, with write-back say, so the
//! instruction is written out here.

use core::arch::asm;

/// Reads a 32-bit register of a device that the FDT describes.
pub fn read(address: usize) -> u32 {
    let value: u32;
    // SAFETY: low addresses are mapped as Device memory, whatever is there.
    unsafe { asm!("ldr {:w}, [{}]", out(reg) value, in(reg) address, options(nostack, preserves_flags)) };
    value
}

/// Reads an 8-bit register of such a device.
pub fn read8(address: usize) -> u8 {
    let value: u32;
    // SAFETY: as in `read`.
    unsafe { asm!("ldrb {:w}, [{}]", out(reg) value, in(reg) address, options(nostack, preserves_flags)) };
    value.to_le_bytes()[0]
}

/// Writes an 8-bit register of such a device, likewise.
pub fn write8(address: usize, value: u8) {
    let value = u32::from(value);
    // SAFETY: as in `read`.
    unsafe { asm!("strb {:w}, [{}]", in(reg) value, in(reg) address, options(nostack, preserves_flags)) };
}

/// Writes a 32-bit register of a device that the FDT describes. None that this guest writes makes a device touch
/// memory.
pub fn write(address: usize, value: u32) {
    // SAFETY: as in `read`.
    unsafe { asm!("str {:w}, [{}]", in(reg) value, in(reg) address, options(nostack, preserves_flags)) };
}

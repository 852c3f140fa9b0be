//! Where everything is in the guest's physical address space.
//!
//! ```text
//! 0x0800_0000  interrupt controller: distributor, then (GICv2) CPU interface
//! 0x0900_0000  PL011
//! 0x1000_0000  redistributors (GICv3), 128 KiB for each CPU: room for 4,096 of them
//! 0x4000_0000  memory
//! ```

use switchboard_smccc::Ipa;

/// The GIC's distributor.
pub const GIC_DISTRIBUTOR: Ipa = Ipa(0x0800_0000);
/// The CPU interface of a GICv2.
pub const GIC_CPU_INTERFACE: Ipa = Ipa(0x0801_0000);
/// The redistributors of a GICv3.
pub const GIC_REDISTRIBUTORS: Ipa = Ipa(0x1000_0000);
/// How many interrupt IDs the interrupt controller has.
pub const INTERRUPTS: u32 = 256;

/// The serial port.
pub const UART: Ipa = Ipa(0x0900_0000);
/// The size of its registers, in bytes.
pub const UART_SIZE: u64 = 0x1000;
/// Its interrupt ID, a shared peripheral interrupt.
pub const UART_INTERRUPT: u32 = 33;

/// The performance counters' interrupt ID, a private peripheral interrupt.
pub const PMU_INTERRUPT: u32 = 23;

/// The start of memory.
pub const MEMORY: Ipa = Ipa(0x4000_0000);

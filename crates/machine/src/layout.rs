//! Where everything is in the guest's physical address space.
//!
//! ```text
//! 0x0800_0000  interrupt controller: distributor, then (GICv2) CPU interface
//! 0x0900_0000  PL011
//! 0x0903_0000  PL061: the power button of a guest with a device tree
//! 0x0908_0000  event device: CPUs and the power button of an ACPI guest; room for 3,840 CPUs
//! 0x090a_0000  records of stolen time, 64 bytes for each CPU: room for 4,096 of them
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

/// The GPIO controller of a guest with a device tree.
pub const GPIO: Ipa = Ipa(0x0903_0000);
/// The size of its registers, in bytes.
pub const GPIO_SIZE: u64 = 0x1000;
/// Its interrupt ID, a shared peripheral interrupt.
pub const GPIO_INTERRUPT: u32 = 34;
/// The line of it that the power button is on.
pub const POWER_BUTTON_LINE: u32 = 3;

/// The event device of an ACPI guest.
pub const EVENTS: Ipa = Ipa(0x0908_0000);
/// The size of its registers, in bytes.
pub const EVENTS_SIZE: u64 = 0x1_0000;
/// Its interrupt ID, a shared peripheral interrupt: that of the Generic Event Device.
pub const GED_INTERRUPT: u32 = 40;

/// The records of stolen time: memory, though not for the guest's own use.
pub const STOLEN_TIME: Ipa = Ipa(0x090a_0000);

/// The performance counters' interrupt ID, a private peripheral interrupt.
pub const PMU_INTERRUPT: u32 = 23;

/// The start of memory.
pub const MEMORY: Ipa = Ipa(0x4000_0000);

//! Where the registers of the event device are, from its first byte on.
//!
//! ```text
//! 0x0000  NEXT          u32, read only: the lowest CPU with an event; all ones if none has
//! 0x0004  POWER_BUTTON  u32: bit 0, it has been pressed; writing 1 acknowledges
//! 0x1000  CPUS          16 bytes for each CPU:
//!         +0  ENABLED     u8, read only: 1 if the guest may have the CPU
//!         +1  EVENT       u8: 0 none, 1 device check, 3 eject request; writing what was read acknowledges
//!         +2  EJECTED     u8: writing 1 says that the guest has released the CPU (`_EJ0`)
//!         +4  OST_EVENT   u32: which event `_OST` is about
//!         +8  OST_STATUS  u32: what became of it; writing it says so
//! ```

/// The lowest CPU with an event.
pub const NEXT: u64 = 0;
/// The power button.
pub const POWER_BUTTON: u64 = 4;
/// The registers of CPU 0.
pub const CPUS: u64 = 0x1000;
/// From one CPU's registers to the next one's.
pub const CPU_SIZE: u64 = 16;

/// Of a CPU: may the guest have it?
pub const ENABLED: u64 = 0;
/// Of a CPU: what the guest is told.
pub const EVENT: u64 = 1;
/// Of a CPU: the guest has released it.
pub const EJECTED: u64 = 2;
/// Of a CPU: the event of `_OST`.
pub const OST_EVENT: u64 = 4;
/// Of a CPU: the status of `_OST`.
pub const OST_STATUS: u64 = 8;

/// What [`NEXT`] reads as if no CPU has an event.
pub const NO_CPU: u32 = u32::MAX;

//! Device models, pure: a guest's accesses to their registers in, an interrupt level out.
//!
//! A model starts no thread, makes no system call and never waits. What it exchanges with the host goes through
//! bounded queues in it, which the machine fills and drains.

pub mod events;
pub mod pl011;
pub mod pl061;

/// The level of an interrupt line, or of any other line of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Not asserted.
    Low,
    /// Asserted.
    High,
}

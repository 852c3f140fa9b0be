//! Device models, pure: a guest's accesses to their registers in, an interrupt level out.
//!
//! A model starts no thread, makes no system call and never waits. What it exchanges with the host goes through
//! bounded queues in it, which the machine fills and drains.

pub mod pl011;

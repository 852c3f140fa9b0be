//! Paravirtualized time (Arm DEN0057): where a CPU finds the time that was stolen from it.
//!
//! * [`PvTime`]: the service.
//! * [`RECORD_SIZE`]: how far apart the records of two CPUs are.
//! * [`support`]: what is implemented, function by function, and where it differs from KVM's own.

mod function;
mod service;
mod support;
#[cfg(test)]
mod tests;

pub use service::{PvTime, RECORD_SIZE};
pub use support::{GENERAL_NOTE, support};

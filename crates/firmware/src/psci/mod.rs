//! PSCI 1.3 (Arm DEN0022, issue F): power for CPUs and for the system.
//!
//! * [`Psci`]: the service.
//! * [`PowerTable`]: which CPU is on; the vCPU threads take their starts from it.
//! * [`IdleState`]: the power states a guest may ask `CPU_SUSPEND` for, and its device tree lists.
//! * [`support`]: what is implemented, function by function, and where it differs from KVM's own PSCI.
//!
//! The calling CPU's power changes on its own thread; another CPU's changes in one atomic step ([`PowerTable`]).
//! Nothing here pauses the machine.

mod function;
mod idle;
mod power;
mod service;
mod support;
#[cfg(test)]
mod tests;

pub use idle::{IdleKind, IdleState, idle_states};
pub use power::{Endianness, PowerTable, Refusal, Start};
pub use service::Psci;
pub use support::{GENERAL_NOTE, Support, support};

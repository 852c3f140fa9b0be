//! PSCI 1.3 (Arm DEN0022, issue F): power for CPUs and for the system.
//!
//! * [`Psci`]: the service.
//! * [`PsciVersion`]: the version that a guest sees; it changes which functions there are.
//! * [`PowerTable`]: which CPU is on, and which the guest may have; the vCPU threads take their starts from it.
//! * [`IdleState`]: the power states a guest may ask `CPU_SUSPEND` for, and its device tree lists.
//! * [`support`]: what is implemented, function by function, and where it differs from KVM's own PSCI.
//!
//! The calling CPU's power changes on its own thread; another CPU's changes in one atomic step ([`PowerTable`]).
//! Nothing here pauses the machine.

mod cpu;
mod function;
mod idle;
mod power;
mod service;
mod sleep;
mod support;
mod system;
#[cfg(test)]
mod tests;
mod version;

pub use idle::{IdleKind, IdleState, idle_states};
pub use power::{CpuPower, Endianness, Next, PowerTable, Refusal, Start};
pub use service::Psci;
pub use support::{GENERAL_NOTE, support};
pub use version::{PsciVersion, UnknownVersion};

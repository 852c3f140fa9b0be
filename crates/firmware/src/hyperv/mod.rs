//! Hyper-V for its guests (Microsoft's TLFS; Linux, `arch/arm64/hyperv`): what a guest can have of it under KVM.
//!
//! * [`HyperV`]: the service: the UID by which a guest knows Hyper-V, and the two hypercalls that read and write registers.
//!   Linux takes its features from there, the number of each CPU, and a place where its last words go when it panics.
//! * [`HyperVState`]: what the guest has set, to be saved and restored.
//! * [`support`]: what is implemented, and where it differs.
//!
//! Deliberately missing: the synthetic interrupt controller and its timers, VMBus and all devices on it, trust levels (VTLs),
//! the page with the reference time. None of them is advertised. Hypercalls by `HVC #1`, Hyper-V's native convention, cannot
//! be told from other calls, because KVM does not report the immediate.

mod features;
mod hypercall;
mod invocation;
mod partition;
mod service;
mod state;
mod support;
#[cfg(test)]
mod tests;
mod vp_register;

pub use service::HyperV;
pub use state::{HyperVState, RestoreError};
pub use support::{GENERAL_NOTE, support};

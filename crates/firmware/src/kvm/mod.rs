//! KVM's own services for its guests (Linux, `Documentation/virt/kvm/arm/hypercalls.rst`), from userspace.
//!
//! * [`KvmVendor`]: the service: the UID by which a guest knows KVM, features, the wall clock beside a counter (PTP), and
//!   the CPUs among which a guest may be moved.
//! * [`Implementation`]: one of those.
//! * [`support`]: what is implemented, function by function, and where it differs from KVM.
//!
//! KVM never answers the two functions about implementations itself: it leaves them to userspace.

mod function;
mod implementation;
mod service;
mod support;
#[cfg(test)]
mod tests;

pub use implementation::{Implementation, ImplementationError};
pub use service::KvmVendor;
pub use support::{GENERAL_NOTE, support};

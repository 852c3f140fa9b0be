//! TRNG 1.0 (Arm DEN0098): random bits for a guest, from its host.
//!
//! * [`Trng`]: the service. The bits are [`Host::entropy`](crate::Host::entropy)'s.
//! * [`RateLimit`]: how many of them a guest gets.
//! * [`support`]: what is implemented, function by function, and where it differs from KVM's own TRNG.

mod function;
mod limit;
mod random;
mod service;
mod support;
#[cfg(test)]
mod tests;

pub use limit::RateLimit;
pub use service::Trng;
pub use support::{GENERAL_NOTE, support};

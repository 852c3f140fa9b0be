//! The watchdog that Linux drives by calls (Linux, `drivers/watchdog/arm_smc_wdt.c`).
//!
//! * [`Watchdog`]: the service. It runs on [`Host::monotonic`](crate::Host::monotonic).
//! * [`Bite`]: what happens to a guest that has not petted it in time.
//! * [`WatchdogState`]: what it is set to, to be saved and restored.
//! * [`MIN_TIMEOUT`], [`MAX_TIMEOUT`]: what it can be set to.
//! * [`support`]: what is implemented, and where others differ.
//!
//! Linux's driver is the specification. What it leaves open is as OP-TEE describes its own server
//! (`core/arch/arm/include/sm/watchdog_smc.h`), which Linux has followed since 6.16.

mod command;
mod service;
mod setting;
mod support;
#[cfg(test)]
mod tests;

pub use service::{Bite, Watchdog};
pub use setting::{MAX_TIMEOUT, MIN_TIMEOUT, WatchdogState};
pub use support::{GENERAL_NOTE, support};

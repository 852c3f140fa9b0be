//! Firmware services for arm64 guests, pure: registers in, an outcome out.
//!
//! A guest's call reaches this crate as a [`Call`]: function ID, conduit, and registers that are read when a
//! service first asks for them. [`Firmware`] finds the [`Service`] that owns the function ID, in constant
//! time, and the service decides. It performs nothing: what is to happen is its [`Outcome`], and the vCPU's
//! own thread does it.
//!
//! * [`Firmware`]: the set of services one guest sees. It also says which ranges a hypervisor half must forward
//!   and deny ([`Firmware::filter`]), from the same declarations that route a call.
//! * [`Service`]: one specification's functions. There are [`psci`] (power), [`trng`] (random numbers), [`kvm`] (the
//!   vendor's services of KVM: wall clock, implementations of CPUs), [`hyperv`] (those of Hyper-V, in their place),
//!   [`pv_time`] (stolen time), [`watchdog`], and [`general`] (the queries that every range of services has).
//! * [`Registers`] and [`Host`]: what the embedder lends: the caller's registers, and facts and means of the machine.
//!
//! There is no KVM in here, no thread, no clock, no I/O, no lock but one that the
//! embedder supplies ([`Lock`]) and, on the path of a call, no allocation.
//!
//! Deliberately missing: another CPU's registers. A service that has something for one kicks it ([`Host::kick`]), and is asked on
//! that CPU's own thread ([`Service::before_entry`]).
//!
//! To add a service: a module with a type that implements [`Service`], declares its ranges and answers each
//! function in them; its support table ([`Support`]); its tests at the register level. One that is nobody else's need not be
//! in this crate: `examples/vendor_service.rs` is whole in one file.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod call;
mod context;
mod firmware;
pub mod general;
mod host;
pub mod hyperv;
pub mod kvm;
mod limiter;
mod lock;
mod outcome;
mod owners;
pub mod psci;
pub mod pv_time;
mod registers;
mod report;
pub mod sdei;
mod service;
mod support;
#[cfg(test)]
mod testing;
pub mod trng;
pub mod watchdog;

pub use call::Call;
pub use context::Context;
pub use firmware::{DeclarationError, Firmware};
pub use host::{Host, NoEntropy, NotMemory, WallClock};
pub use limiter::{Allowance, Limiter};
pub use lock::Lock;
pub use outcome::{
    EntryPoint, ExceptionReturn, Expiry, MemoryAtReset, OffKind, Outcome, Reply, ResetKind, Restored,
    Results, SavedContext,
};
pub use registers::{RegisterFault, Registers, SystemRegister};
pub use report::Report;
pub use service::{Conduits, CpuIndex, Declaration, Service};
pub use support::{Support, Supported};

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Function IDs, conduits, registers and status codes of the SMC Calling Convention.
//!
//! This crate is the vocabulary that every other part of Switchboard speaks: what an arm64 guest puts into
//! its registers when it executes `HVC` or `SMC` (SMCCC, Arm DEN0028), and what the specifications built on
//! it (PSCI, DEN0022, and others) call those values.
//!
//! * [`FunctionId`], [`Width`] and [`Owner`]: the 32-bit number of a call and how it decodes.
//! * [`Conduit`]: the instruction that carried it.
//! * [`Register`]: x0 to x17, the registers a call can use.
//! * [`Mpidr`], [`Ipa`] and [`InterruptId`]: which CPU, which guest-physical address, which interrupt; [`uuid`]: whose implementation.
//! * [`psci`]: the functions, status codes and encodings of PSCI.
//! * [`sdei`]: the functions, status codes and encodings of SDEI.
//! * [`smccc`], [`general`], [`trng`], [`pv_time`], [`watchdog`]: the function IDs of those specifications.
//! * [`hyperv`]: the hypercalls of Hyper-V, and the values in them.
//! * [`kvm`]: the function IDs that are Linux KVM's own; [`RegisterId`]: how it names a register.
//! * [`catalogue`]: the name and the specification of every function known here.
//!
//! Deliberately missing: anything that *answers* a call (that is `switchboard-firmware`) and anything that
//! *issues* one (a guest's business). Sets that a specification may extend are newtypes with constants, never
//! enums, so that every value a guest can write survives a round trip.
//!
//! To add a specification: a module with its function IDs and status codes, and its file in [`catalogue`].

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod address;
pub mod catalogue;
mod conduit;
mod function_id;
pub mod general;
pub mod hyperv;
pub mod kvm;
pub mod psci;
pub mod pv_time;
mod register;
mod register_id;
pub mod sdei;
pub mod smccc;
pub mod trng;
pub mod uuid;
pub mod watchdog;

pub use address::{InterruptId, Ipa, Mpidr};
pub use conduit::Conduit;
pub use function_id::{FunctionId, Owner, Width};
pub use register::Register;
pub use register_id::RegisterId;

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

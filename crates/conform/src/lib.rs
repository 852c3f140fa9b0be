//! Random programs, performed on Linux KVM and on the model of it, and compared.
//!
//! * [`Program`], [`Step`]: what a monitor and a guest do.
//! * [`generate`]: programs by seed and number.
//! * [`model`]: a program on `switchboard-hyp`. `kvm` (on arm64 only): the same on KVM.
//! * [`Observation`]: what could be seen of a step. Two runs are equal if their observations are.
//! * [`shrink`]: the shortest program that shows a difference.
//! * [`naive`]: a reading of the rules so plain that it cannot share a mistake with the model.
//!
//! Deliberately missing: programs of two vCPUs that run at the same time. What they come to depends on which is first,
//! so it is not for comparing; the races have tests of their own.
//!
//! To cover something new: a [`Step`], a line in `model.rs` and one in `kvm/`, and `generate.rs` that makes it.

pub mod campaign;
pub mod generate;
#[cfg(target_arch = "aarch64")]
pub mod kvm;
pub mod model;
pub mod naive;
pub mod observation;
pub mod program;
pub mod random;
pub mod shrink;
pub mod statistics;

pub use observation::Observation;
pub use program::{Program, Step};

/// Where the guest's code begins, in guest-physical addresses. PC is there before every call.
pub const GUEST_START: u64 = 0x1000_0000;
/// The size of the guest's memory, in bytes.
pub const GUEST_SIZE: u64 = 0x2000;

/// Is there guest memory at this address?
#[must_use]
pub const fn is_guest_memory(address: u64) -> bool {
    // KVM asks for the page.
    let page = address & !0xfff;
    GUEST_START <= page && page < GUEST_START + GUEST_SIZE
}

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! The SMCCC filter of Linux KVM: ranges of function IDs, actions, and the exact rules.
//!
//! `KVM_ARM_VM_SMCCC_FILTER` (Linux, `Documentation/virt/kvm/devices/vm.rst`) lets a monitor say, range by
//! range, what KVM does with a guest's call: handle it, deny it, or forward it to userspace. A [`Filter`]
//! accepts and refuses exactly what KVM accepts and refuses, and so a plan made with it installs.
//!
//! * [`Range`]: a non-empty run of function IDs.
//! * [`Action`]: what happens to a call in it.
//! * [`Filter`]: disjoint ranges, the two reserved ones included.
//!
//! Deliberately missing: the ioctl (that is `switchboard-kvm`), and what happens to a call after the lookup.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod action;
mod filter;
mod range;

pub use action::Action;
pub use filter::{Filter, InsertError, Rule};
pub use range::{Range, RangeError};

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! The SMCCC filter of Linux KVM: ranges of function IDs, actions, the exact rules, and a lookup that costs the
//! same however many ranges there are.
//!
//! `KVM_ARM_VM_SMCCC_FILTER` (Linux, `Documentation/virt/kvm/devices/vm.rst`) lets a monitor say, range by
//! range, what KVM does with a guest's call: handle it, deny it, or forward it to userspace. A [`Filter`]
//! accepts and refuses exactly what KVM accepts and refuses, with the same errno, and so a plan made with it
//! installs.
//!
//! * [`Range`]: a non-empty run of function IDs.
//! * [`Action`]: what happens to a call in it.
//! * [`Filter`]: disjoint ranges, the two reserved ones excluded.
//! * [`Request`]: the 24 bytes that userspace hands to KVM.
//! * [`Lookup`]: a filter compiled, when the first vCPU runs.
//! * [`Namespaces`]: one filter for both conduits, or two.
//! * [`difference`]: where two filters differ, or that they do not.
//!
//! Deliberately missing: the ioctl (that is `switchboard-kvm`), and what happens to a call after the lookup.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod action;
mod difference;
mod errno;
mod error;
mod filter;
mod lookup;
mod namespaces;
mod range;
mod request;
mod segments;

pub use action::Action;
pub use difference::{Difference, Differences, difference, equivalent};
pub use error::{InsertError, RequestError};
pub use filter::{Filter, Rule};
pub use lookup::Lookup;
pub use namespaces::{Lookups, Namespaces};
pub use range::{Range, RangeError};
pub use request::{EmptyRangeRule, Request};
pub use segments::Segments;

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

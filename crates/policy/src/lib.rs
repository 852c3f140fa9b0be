//! Policies: what a guest may call, who answers, and the proof of it.
//!
//! A policy is a TOML file, closed by default: what no rule names is denied. [`Policy::read`] reads it, says what is wrong
//! with it in the manner of rustc, and compiles it to a [`Plan`]: the fewest ranges of KVM's filter, the values of the
//! firmware registers, and who answers what is forwarded. Everything that KVM could refuse is refused before.
//!
//! * [`Source`], [`Policy`], [`Refused`]: the text, and what becomes of it.
//! * [`Services`], [`ServiceDescription`]: what the machine offers; this crate knows no machine.
//! * [`Plan`], [`Router`], [`FirmwareRegisters`]: what the machine does.
//! * [`Findings`], [`Code`]: what is wrong, where, why, and what to do.
//! * [`Policy::proof`], [`diff`], [`Policy::explain`], [`Policy::table`]: who answers each of 2^32 calls over each conduit,
//!   what changes for a guest, which line says so. All of it is data that serialises, and text.
//! * [`shipped`], [`groups`], [`schema`]: the policies that come with Switchboard, the groups, the JSON schema.
//!
//! Deliberately missing: KVM (that is `switchboard-kvm`), counting calls against a rate, and writing a log.
//!
//! To add a check: a code in `code.rs`, a function in `lint`, and a file in `tests/policies/invalid`.

#![forbid(unsafe_code)]

mod assign;
mod calls;
mod code;
mod decide;
mod diff;
mod explain;
mod fewest;
mod file;
mod finding;
mod groups;
mod kvm;
mod lint;
mod map;
mod names;
mod pins;
mod plan;
mod policy;
mod proof;
mod range;
mod read;
mod registers;
mod rule;
mod schema;
mod services;
pub mod shipped;
mod source;
mod table;
mod view;

pub use code::{Code, Level};
pub use decide::{Denials, Standing};
pub use diff::{Change, Diff, RegisterChange, Seen, diff};
pub use explain::{Answer, Explanation, Kvm, closest_name};
pub use file::Mode;
pub use finding::{Colour, Diagnosis, Findings, Remark};
pub use groups::{GroupView, groups};
pub use plan::{Plan, Route, Router, ServiceSetting};
pub use policy::{Policy, Refused};
pub use proof::{Disproof, Fate, Interval, Proof};
pub use read::MAX_SIZE;
pub use registers::FirmwareRegisters;
pub use rule::{Condition, Guard, Log, Rate};
pub use schema::schema;
pub use services::{ServiceDescription, Services};
pub use source::{Place, Source};
pub use table::{FilterRow, RegisterRow, ServiceRow, Table};
pub use view::RangeView;

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Expected behaviour of SMCCC services, as text: the format of the files in `conformance/`, read and evaluated.
//!
//! A file is a specification that people read: cases, each a sentence, with what a guest puts into its registers, what
//! it must find there afterwards, and where that is written. This crate knows the format and the registers. It knows
//! no service: function IDs and status codes are in the files.
//!
//! * [`File::parse`]: checks a whole file. Everything that is wrong with it is a [`ParseError`] with line and column.
//! * [`Case`]: one case of it, a view into the text. Nothing is copied, and nothing allocated.
//! * [`Caller`]: who makes the calls: a guest, or a test with a model of a hypervisor.
//! * [`Runner`]: runs a case over one conduit and says how it went.
//!
//! The format is described in `conformance/README.md`. The bare-metal guest in `guests/` uses this crate too, and no
//! other one of Switchboard's.

#![no_std]
#![forbid(unsafe_code)]

mod caller;
mod case;
mod error;
mod evaluate;
mod lexer;
mod random;
mod statement;
mod value;

pub use caller::{Action, Caller, Conduit, Given, REGISTERS, Registers};
pub use case::{Case, Cases, File};
pub use error::{ParseError, Problem};
pub use evaluate::{Failure, Runner, Skip, Verdict};

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! SDEI's events, explored: every state that two or three events on two or three CPUs can be in, and every move in each.
//!
//! What is explored is the state machine's own source, `firmware/src/sdei`, which the build script copies. It makes further
//! copies, each with one mistake: an exploration that no mistake can upset has looked at nothing.
//!
//! * [`CONFIGURATIONS`]: which events there are.
//! * [`Move`]: calls, events and levels from outside, entries into the guest, CPUs that start and go off.
//! * [`Naive`]: a second reading of the specification, with which every answer and every state is compared.
//! * [`explore`]: each state once. That nobody is forgotten who could take an event is checked in each.
//! * [`wander`]: random moves, in a configuration that is too large for that ([`CROWD`]).
//! * [`MUTANTS`]: copies with a mistake.
//!
//! Deliberately missing: registers and arguments, which are the service's (its tests have them); and threads: every step is
//! under one lock, and the order of steps is what is explored.
//!
//! To add a mistake: a row in `list.rs`. Its text must occur in the source as often as the row says, so that a change of the
//! source ends the build and not the check.

extern crate alloc;

mod configuration;
mod explore;
mod list;
mod moves;
mod naive;
mod subject;

#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused,
    unreachable_patterns,
    clippy::all,
    clippy::pedantic,
    reason = "copies of what is checked where it belongs, with mistakes"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/copies.rs"));
}

pub use configuration::{CONFIGURATIONS, CROWD, Configuration, LARGE};
pub use explore::{Broken, Explored, explore, wander};
pub use list::{Change, MUTANTS, Mutant};
pub use moves::{Call, Move, Target, moves};
pub use naive::{Cpu, Event, Naive};
pub use subject::{Answer, Make, Subject};

/// The state machine as it is.
#[must_use]
pub const fn original() -> Make {
    generated::MAKERS[0]
}

/// The copy with the mistake that has this place in [`MUTANTS`].
///
/// # Panics
///
/// If there is no such mistake.
#[must_use]
pub const fn mutant(place: usize) -> Make {
    generated::MAKERS[place + 1]
}

//! The power table under loom: every interleaving of a few CPUs, and every value that a load may see.
//!
//! What runs is the table's own source, `firmware/src/psci/power.rs`. The build script copies it with loom's atomics in
//! place of those of `core`, so the table knows nothing of this. It makes further copies, each with one mistake: a
//! model that no mistake can break has tried nothing.
//!
//! * [`Invariant`]: what must hold whatever the CPUs do.
//! * [`models`]: a few CPUs, threads and controllers each, that try to break one.
//! * [`MUTANTS`]: copies of the table with a mistake, and the invariant that must notice. [`FLAWS`]: mistakes of the monitor
//!   around the table, which the models play as well.
//! * [`explore`]: a model on a [`Subject`], in every execution there is.
//!
//! Deliberately missing: what loom cannot show. It does not reorder a load with a store that follows it, and it takes a
//! sequentially consistent access for one that acquires and releases: that can only invent a failure, not hide one. And the
//! threads that are kicked out of a guest, which is KVM's and `machine`'s affair.
//!
//! To add a model: a row in its invariant's file in `models/`. To add a mistake: a row in `list.rs`; its text must occur in
//! the table's source as often as the row says, so that a change of the table ends the build and not the check.

extern crate alloc;

pub mod explore;
mod invariant;
mod list;
pub mod machine;
mod models;
pub mod table;

#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused,
    clippy::all,
    clippy::pedantic,
    reason = "copies of what is checked where it belongs, with mistakes"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/tables.rs"));
}

pub use explore::{Broken, Effort, Explored, explore};
pub use invariant::Invariant;
pub use list::{Change, MUTANTS, Mutant};
pub use machine::{FLAWS, Flaw, Subject};
pub use models::{Model, models};

/// The power table as it is.
#[must_use]
pub const fn original() -> Subject {
    Subject::new(generated::MAKERS[0])
}

/// The copy with the mistake that has this place in [`MUTANTS`].
///
/// # Panics
///
/// If there is no such mistake.
#[must_use]
pub const fn mutant(place: usize) -> Subject {
    Subject::new(generated::MAKERS[place + 1])
}

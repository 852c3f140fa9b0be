//! Copies of `switchboard-hyp`, each with one mistake: what the tester must notice.
//!
//! * [`MUTANTS`]: the mistakes.
//! * [`run`]: performs a program on the copy that has a mistake.
//!
//! Deliberately missing: mistakes in what has no programs, such as nested virtualisation.
//!
//! To add one: a row in `list.rs`.

extern crate alloc;

mod list;

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
    include!(concat!(env!("OUT_DIR"), "/mutants.rs"));
}

use switchboard_conform::{Observation, Program};
use switchboard_hyp::VmConfig;

pub use list::{MUTANTS, Mutant};

type Run = fn(&Program, &VmConfig, Option<&[Observation]>) -> Vec<Observation>;

/// Performs a program on the copy with the mistake that has this place in the list, as
/// [`switchboard_conform::model::run`] does on the original.
///
/// # Panics
///
/// If there is no such mistake.
#[must_use]
pub fn run(
    mutant: usize,
    program: &Program,
    config: &VmConfig,
    recorded: Option<&[Observation]>,
) -> Vec<Observation> {
    generated::RUNS[mutant](program, config, recorded)
}

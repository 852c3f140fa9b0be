//! The models, by invariant.
//!
//! In all of them CPU 0's thread is the main thread of the model; most models are over when it has joined the others. A
//! thread that sleeps for ever is a deadlock, which loom reports.

mod alone;
mod dropped_claim;
mod everything;
mod generations;
mod no_lost_wake_up;
mod off_is_off;
mod one_winner;
mod policy;
mod policy_changes;
mod stop;
mod whole_start;

use crate::{Invariant, Subject};

/// A few threads that try to break an invariant.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// Which one.
    pub breaks: Invariant,
    /// What they do.
    pub name: &'static str,
    /// How often threads are interrupted in one execution, at most; `None`: as often as can be.
    pub preemptions: Option<usize>,
    /// The same where the effort is long.
    pub long: Option<usize>,
    pub(crate) run: fn(Subject),
}

/// A model of every execution.
const fn model(breaks: Invariant, name: &'static str, run: fn(Subject)) -> Model {
    Model { breaks, name, preemptions: None, long: None, run }
}

impl Model {
    /// Unless the effort is long, of those in which threads are interrupted that often at most.
    const fn bounded(self, preemptions: usize) -> Self {
        Self { preemptions: Some(preemptions), ..self }
    }

    /// That often even where it is.
    const fn bounded_always(self, preemptions: usize) -> Self {
        Self { long: Some(preemptions), ..self }
    }
}

/// Those that try to break an invariant.
pub fn models(breaks: Invariant) -> impl Iterator<Item = &'static Model> {
    MODELS.iter().copied().flatten().filter(move |model| model.breaks == breaks)
}

const MODELS: &[&[Model]] = &[
    one_winner::MODELS,
    whole_start::MODELS,
    no_lost_wake_up::MODELS,
    off_is_off::MODELS,
    alone::MODELS,
    dropped_claim::MODELS,
    policy::MODELS,
    policy_changes::MODELS,
    stop::MODELS,
    generations::MODELS,
    everything::MODELS,
];

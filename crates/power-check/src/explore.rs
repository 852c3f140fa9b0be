//! Every execution of a model.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use crate::{Model, Subject};

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A minute or two for all models.
    Usual,
    /// All models but one without a bound: a quarter of an hour.
    Long,
}

impl Effort {
    /// As `SWITCHBOARD_POWER_CHECK` says, which is `long` or not there.
    #[must_use]
    pub fn wanted() -> Self {
        match std::env::var("SWITCHBOARD_POWER_CHECK") {
            Ok(value) if value == "long" => Self::Long,
            _ => Self::Usual,
        }
    }
}

/// A model that no execution has broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explored {
    /// Executions, all different.
    pub executions: usize,
    /// How often threads were interrupted in one, at most; `None`: as often as can be.
    pub preemptions: Option<usize>,
    /// How long it took.
    pub time: Duration,
}

/// A model that an execution has broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which one: the first is 1.
    pub execution: usize,
    /// What was wrong.
    pub message: String,
}

/// Performs every execution of a model, up to the first that breaks it.
///
/// # Errors
///
/// [`Broken`] if one does.
pub fn explore(model: &Model, subject: Subject, effort: Effort) -> Result<Explored, Broken> {
    let preemptions = match effort {
        Effort::Usual => model.preemptions,
        Effort::Long => model.long,
    };
    let executions = Arc::new(AtomicUsize::new(0));
    let (run, counter) = (model.run, Arc::clone(&executions));
    let began = Instant::now();
    let result = silently(|| {
        builder(preemptions).check(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            run(subject);
        });
    });
    let executions = executions.load(Ordering::Relaxed);
    match result {
        Ok(()) => Ok(Explored { executions, preemptions, time: began.elapsed() }),
        Err(message) => Err(Broken { execution: executions, message }),
    }
}

/// Whatever loom's environment variables say: a run that ends early has shown nothing.
fn builder(preemptions: Option<usize>) -> loom::model::Builder {
    let mut builder = loom::model::Builder::new();
    builder.max_threads = 4;
    builder.max_branches = 2000;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = preemptions;
    builder
}

thread_local! {
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Does something that may panic, and says what the panic said, without a word on the terminal.
fn silently(work: impl FnOnce()) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_SILENT.get() {
                loud(info);
            }
        }));
    });
    IS_SILENT.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IS_SILENT.set(false);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without a message")
            .to_owned()
    })
}

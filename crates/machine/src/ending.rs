//! How a machine's life ends, and who is told.

use std::sync::{
    Arc, Condvar, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::{Error, sync::lock};

/// How a machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The guest switched it off (`SYSTEM_OFF`).
    Off,
    /// The guest reset it (`SYSTEM_RESET`), and it was not to start anew.
    Reset,
    /// Somebody left at the console (`^A x`).
    Quit,
    /// A signal asked us to end.
    Signal(i32),
}

/// The end of one life of a machine, from power-on to reset or off. The first one to finish it decides how.
pub(crate) struct Ending {
    finished: AtomicBool,
    result: Mutex<Option<Result<End, Error>>>,
    changed: Condvar,
}

impl Ending {
    fn new() -> Self {
        Self { finished: AtomicBool::new(false), result: Mutex::new(None), changed: Condvar::new() }
    }

    /// Ends the machine, unless it has ended already.
    pub(crate) fn finish(&self, result: Result<End, Error>) {
        let mut slot = lock(&self.result);
        if !self.finished.swap(true, Ordering::SeqCst) {
            *slot = Some(result);
            self.changed.notify_all();
        }
    }

    /// Has it ended? Cheap: asked before every entry into the guest.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst)
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&self) -> Result<End, Error> {
        let mut slot = lock(&self.result);
        loop {
            match slot.take() {
                Some(result) => return result,
                None => slot = self.changed.wait(slot).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Ends the machine when its thread panics: the others would wait for it forever.
pub(crate) struct PanicGuard<'life> {
    ending: &'life Ending,
    thread: &'static str,
}

impl<'life> PanicGuard<'life> {
    pub(crate) const fn new(ending: &'life Ending, thread: &'static str) -> Self {
        Self { ending, thread }
    }
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ending.finish(Err(Error::Panic { thread: self.thread }));
        }
    }
}

/// Ends a machine from outside: from a signal, or at the console. Works at any time, before the machine runs and
/// while it resets too.
#[derive(Default)]
pub struct Control {
    state: Mutex<State>,
    requested: Condvar,
}

#[derive(Default)]
struct State {
    request: Option<End>,
    life: Option<Arc<Ending>>,
}

impl Control {
    /// A control of a machine that is to run.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the machine.
    pub fn end(&self, end: End) {
        let mut state = lock(&self.state);
        state.request.get_or_insert(end);
        self.requested.notify_all();
        if let Some(life) = &state.life {
            life.finish(Ok(end));
        }
    }

    /// Waits until somebody asks for the end, and says which.
    #[must_use]
    pub fn wait_for_request(&self) -> End {
        let mut state = lock(&self.state);
        loop {
            match state.request {
                Some(end) => return end,
                None => state = self.requested.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// A new life begins. It has ended at once if that was asked for before.
    pub(crate) fn begin(&self) -> Arc<Ending> {
        let mut state = lock(&self.state);
        let life = Arc::new(Ending::new());
        if let Some(end) = state.request {
            life.finish(Ok(end));
        }
        state.life = Some(Arc::clone(&life));
        life
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_finish_decides_how() {
        let control = Control::new();
        let life = control.begin();
        life.finish(Ok(End::Off));
        life.finish(Ok(End::Reset));
        assert_eq!(life.wait().unwrap(), End::Off);
    }

    #[test]
    fn a_request_before_the_machine_runs_is_not_lost() {
        let control = Control::new();
        control.end(End::Signal(15));
        let life = control.begin();
        assert!(life.is_finished());
        assert_eq!(life.wait().unwrap(), End::Signal(15));
    }

    #[test]
    fn a_request_ends_the_present_life() {
        let control = Control::new();
        let life = control.begin();
        control.end(End::Quit);
        assert_eq!(life.wait().unwrap(), End::Quit);
    }
}

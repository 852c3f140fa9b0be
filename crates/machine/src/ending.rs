//! How a machine ends, and who is told.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use switchboard_firmware::{OffKind, ResetKind};

use crate::{
    board::Board,
    session::{LifeEnd, Session},
    sync::lock,
};

/// How a machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The guest switched it off (`SYSTEM_OFF`, `SYSTEM_OFF2`).
    Off(OffKind),
    /// The guest reset it (`SYSTEM_RESET`, `SYSTEM_RESET2`), and it was not to start anew.
    Reset(ResetKind),
    /// Somebody left at the console (`^A x`).
    Quit,
    /// Somebody stopped it at the control socket.
    Stopped,
    /// A signal asked us to end.
    Signal(i32),
}

/// A machine from outside: ends it from a signal or at the console, and is what the control socket works on. Works at any
/// time, before the machine runs and while it resets too.
#[derive(Default)]
pub struct Control {
    state: Mutex<State>,
    requested: Condvar,
}

#[derive(Default)]
struct State {
    request: Option<End>,
    life: Option<Life>,
    lives: u64,
    ended: bool,
}

/// The present life.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) session: Arc<Session>,
    pub(crate) board: Arc<Board>,
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
            life.session.finish(Ok(LifeEnd::End(end)));
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

    /// Wakes the machine if it is suspended to RAM, e.g. because somebody types.
    pub fn wake(&self) {
        if let Some(life) = self.life() {
            life.session.wake();
        }
    }

    /// The present life; none before the first.
    pub(crate) fn life(&self) -> Option<Life> {
        lock(&self.state).life.clone()
    }

    /// How often the machine has been reset.
    pub(crate) fn resets(&self) -> u64 {
        lock(&self.state).lives.saturating_sub(1)
    }

    /// Has the machine ended, and not only one of its lives?
    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.state).ended
    }

    /// The machine has ended.
    pub(crate) fn set_ended(&self) {
        let life = {
            let mut state = lock(&self.state);
            state.ended = true;
            state.life.clone()
        };
        // Without our lock: whoever waits at the board asks us, under the board's.
        if let Some(life) = life {
            life.board.tell_waiters();
        }
    }

    /// A new life begins. It has ended at once if that was asked for before.
    pub(crate) fn begin(&self, board: &Arc<Board>) -> Arc<Session> {
        let mut state = lock(&self.state);
        let session = Arc::new(Session::new());
        if let Some(end) = state.request {
            session.finish(Ok(LifeEnd::End(end)));
        }
        state.lives += 1;
        state.life = Some(Life { session: Arc::clone(&session), board: Arc::clone(board) });
        session
    }
}

#[cfg(test)]
mod tests {
    use switchboard_smccc::Mpidr;

    use super::*;
    use crate::{hotplug::Told, session::Notice};

    fn begin(control: &Control) -> Arc<Session> {
        control.begin(&Arc::new(Board::new(&[Mpidr::from_register(0)], 1, Told::Never)))
    }

    fn end_of(session: &Session) -> LifeEnd {
        match session.wait() {
            Notice::Ended(result) => result.unwrap(),
            Notice::Attend => panic!("nothing is to be attended to"),
        }
    }

    #[test]
    fn a_request_before_the_machine_runs_is_not_lost() {
        let control = Control::new();
        control.end(End::Signal(15));
        let life = begin(&control);
        assert!(life.is_finished());
        assert_eq!(end_of(&life), LifeEnd::End(End::Signal(15)));
    }

    #[test]
    fn a_request_ends_the_present_life() {
        let control = Control::new();
        let life = begin(&control);
        control.end(End::Quit);
        assert_eq!(end_of(&life), LifeEnd::End(End::Quit));
    }

    #[test]
    fn resets_are_counted() {
        let control = Control::new();
        assert_eq!(control.resets(), 0);
        begin(&control);
        begin(&control);
        assert_eq!(control.resets(), 1);
    }
}

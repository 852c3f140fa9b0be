//! How a machine ends, and who is told.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use switchboard_firmware::{OffKind, ResetKind};

use crate::{
    board::Board,
    nmi::Nmi,
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
    /// Its watchdog bit, and it was to end then.
    Watchdog,
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
    life: Option<CurrentLife>,
    lives: u64,
    ended: bool,
}

/// The present life.
#[derive(Clone)]
pub(crate) struct CurrentLife {
    pub(crate) session: Arc<Session>,
    pub(crate) board: Arc<Board>,
    /// Where the machine has one.
    pub(crate) nmi: Option<Arc<Nmi>>,
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
    pub(crate) fn life(&self) -> Option<CurrentLife> {
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
    pub(crate) fn begin(&self, board: &Arc<Board>, nmi: Option<Arc<Nmi>>) -> Arc<Session> {
        let mut state = lock(&self.state);
        let session = Arc::new(Session::new(board.power.len()));
        if let Some(end) = state.request {
            session.finish(Ok(LifeEnd::End(end)));
        }
        state.lives += 1;
        state.life = Some(CurrentLife { session: Arc::clone(&session), board: Arc::clone(board), nmi });
        session
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc,
        thread,
        time::{Duration, Instant},
    };

    use switchboard_firmware::CpuIndex;
    use switchboard_smccc::Mpidr;

    use super::*;
    use crate::{config::Description, control::protocol::ChangeResult, session::Notice};

    fn begin(control: &Control) -> Arc<Session> {
        control.begin(&Arc::new(Board::new(&[Mpidr::from_register(0)], 1, Description::DeviceTree)), None)
    }

    fn end_of(session: &Session) -> LifeEnd {
        match session.wait(None) {
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

    /// Whoever waits asks, under the board's lock, whether the machine has ended. The end, which tells them, held its own
    /// lock meanwhile, and neither went on.
    #[test]
    fn the_end_does_not_wait_for_those_who_wait_for_the_guest() {
        let control = Arc::new(Control::new());
        let board = Arc::new(Board::new(&[0, 1].map(Mpidr::from_register), 1, Description::Acpi));
        control.begin(&board, None);
        let cpu = CpuIndex(1);
        let ticket = board.lock().hotplug.add(cpu, &board.power).unwrap();
        let ((ask, asked), (end, ended)) = (mpsc::channel(), mpsc::channel());
        let waiter = {
            let control = Arc::clone(&control);
            move || {
                let deadline = Instant::now() + Duration::from_secs(60);
                let is_over = || {
                    let _ = ask.send(());
                    // Long enough for the end to have begun.
                    thread::sleep(Duration::from_millis(50));
                    control.has_ended()
                };
                let _ = end.send(board.wait(cpu, ticket, deadline, is_over).0);
            }
        };
        thread::spawn(waiter);
        asked.recv().unwrap();
        thread::spawn(move || control.set_ended());
        assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Ok(ChangeResult::Abandoned));
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

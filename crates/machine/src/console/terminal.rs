//! The terminal in raw mode, and back.

use std::{
    os::fd::{AsFd, OwnedFd},
    panic,
    sync::{Arc, Mutex, PoisonError},
};

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

use crate::Error;

/// A terminal in raw mode: every key is the guest's, `^C` included. Dropping it restores what was before; a panic
/// anywhere does so too, before its message is printed.
pub struct RawTerminal {
    saved: Arc<Saved>,
}

/// Restores a terminal from anywhere, e.g. just before the process dies.
#[derive(Clone)]
pub struct Restorer(Arc<Saved>);

impl Restorer {
    /// Restores what was before raw mode, once.
    pub fn restore(&self) {
        self.0.restore();
    }
}

struct Saved {
    terminal: OwnedFd,
    /// Taken by the first who restores.
    termios: Mutex<Option<Termios>>,
}

impl RawTerminal {
    /// Puts a terminal into raw mode; `None` if the descriptor is no terminal.
    ///
    /// # Errors
    ///
    /// [`Error`] if the terminal refuses.
    pub fn enter(terminal: impl AsFd) -> Result<Option<Self>, Error> {
        if !isatty(&terminal) {
            return Ok(None);
        }
        let failed = |action| move |errno: rustix::io::Errno| Error::Host { action, source: errno.into() };
        let before = tcgetattr(&terminal).map_err(failed("reading the terminal's mode"))?;
        let saved = Arc::new(Saved {
            terminal: rustix::io::fcntl_dupfd_cloexec(&terminal, 0)
                .map_err(failed("duplicating the terminal's descriptor"))?,
            termios: Mutex::new(Some(before.clone())),
        });
        restore_on_panic(Arc::clone(&saved));
        let mut raw = before;
        raw.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &raw).map_err(failed("changing the terminal's mode"))?;
        Ok(Some(Self { saved }))
    }

    /// Restores this terminal from elsewhere.
    #[must_use]
    pub fn restorer(&self) -> Restorer {
        Restorer(Arc::clone(&self.saved))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        self.saved.restore();
    }
}

impl Saved {
    fn restore(&self) {
        let saved = self.termios.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(termios) = saved {
            let _ignored = IgnoreBackground::new();
            // A terminal that is gone needs no restoring.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &termios);
        }
    }
}

/// While it lives, the terminal may be changed from the background: without it, a process that was put there is
/// stopped instead (`SIGTTOU`) and leaves the terminal raw.
struct IgnoreBackground {
    before: libc::sighandler_t,
}

impl IgnoreBackground {
    fn new() -> Self {
        // SAFETY: SIG_IGN is a valid disposition of a valid signal.
        #[allow(unsafe_code, reason = "signal has no safe form")]
        let before = unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
        Self { before }
    }
}

impl Drop for IgnoreBackground {
    fn drop(&mut self) {
        // SAFETY: what was there before, which was valid.
        #[allow(unsafe_code, reason = "signal has no safe form")]
        let _ = unsafe { libc::signal(libc::SIGTTOU, self.before) };
    }
}

fn restore_on_panic(saved: Arc<Saved>) {
    let next = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        saved.restore();
        next(info);
    }));
}

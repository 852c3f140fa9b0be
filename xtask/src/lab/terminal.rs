//! This machine's terminal while a command in the lab uses it.

use anyhow::{Context, Result};
use rustix::stdio;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use switchboard_lab_init::protocol::{Terminal, WindowSize};

/// The terminal that a command needs, if it is to have one: standard input and output must be terminals here.
pub(crate) fn wanted() -> Option<Terminal> {
    (isatty(stdio::stdin()) && isatty(stdio::stdout()))
        .then(|| Terminal { size: size(), separate_stderr: !isatty(stdio::stderr()) })
}

/// The terminal's size; the usual one if it does not know.
pub(crate) fn size() -> WindowSize {
    match tcgetwinsize(stdio::stdout()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
            WindowSize { rows: size.ws_row, columns: size.ws_col }
        }
        _ => WindowSize { rows: 24, columns: 80 },
    }
}

/// Raw mode: every key goes to the lab. Dropping it restores what was.
pub(crate) struct Raw(Termios);

impl Raw {
    /// Enters raw mode.
    pub(crate) fn enter() -> Result<Self> {
        let before = tcgetattr(stdio::stdin()).context("reading the terminal's mode")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdio::stdin(), OptionalActions::Drain, &raw).context("setting the terminal's mode")?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing to be done if the terminal is gone.
        let _ = tcsetattr(stdio::stdin(), OptionalActions::Drain, &self.0);
    }
}

//! Signals, on a thread of their own.

use std::{io, sync::Arc, thread};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1},
    iterator::Signals,
    low_level,
};
use switchboard_machine::{Control, End, Restorer};

/// From now on, signals that ask us to end do so in good order, and `SIGUSR1` calls `on_user`.
pub(crate) fn handle(
    control: Arc<Control>,
    terminal: Option<Restorer>,
    on_user: impl Fn() + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut asked = false;
        for signal in signals.forever() {
            match signal {
                SIGUSR1 => on_user(),
                // Asked twice: something does not end in good order, say output that nobody reads.
                signal if asked => {
                    if let Some(terminal) = &terminal {
                        terminal.restore();
                    }
                    die_by(signal);
                }
                signal => {
                    asked = true;
                    control.end(End::Signal(signal));
                }
            }
        }
    })?;
    Ok(())
}

/// Ends the process by the signal, so that its parent sees what happened.
pub(crate) fn die_by(signal: i32) {
    // Fails only for a signal that does not exist or cannot be handled.
    let _ = low_level::emulate_default_handler(signal);
}

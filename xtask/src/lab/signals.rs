//! Signals to this process: events while a lab runs, their usual effect otherwise.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGWINCH};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};

use super::events::Event;

/// The signals that end a lab.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// While it lives, signals are events.
pub(crate) struct Watch {
    handle: Handle,
    idle: Arc<AtomicBool>,
}

impl Watch {
    /// Sends an event to `events` for each signal.
    pub(crate) fn start(events: Sender<Event>) -> Result<Self> {
        let idle = idle()?;
        let mut signals =
            Signals::new(ENDING.iter().chain(&[SIGUSR1, SIGWINCH])).context("watching for signals")?;
        idle.store(false, Ordering::SeqCst);
        let handle = signals.handle();
        thread::spawn(move || {
            for number in signals.forever() {
                if events.send(Event::Signal(number)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { handle, idle })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.handle.close();
        self.idle.store(true, Ordering::SeqCst);
    }
}

/// Whether no lab runs. A handler, once installed, stays; this one does what the signal does by default.
fn idle() -> Result<Arc<AtomicBool>> {
    static IDLE: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(idle) = IDLE.get() {
        return Ok(Arc::clone(idle));
    }
    let idle = Arc::new(AtomicBool::new(true));
    for number in ENDING {
        flag::register_conditional_default(number, Arc::clone(&idle)).context("watching for signals")?;
    }
    Ok(Arc::clone(IDLE.get_or_init(|| idle)))
}

//! Signals, on a thread of their own, and an end that really comes.

use std::{
    fs, io, process,
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1},
    iterator::Signals,
    low_level,
};
use switchboard_machine::{Control, End, Restorer};

use crate::exit::Status;

/// What restores the terminal, once it is in raw mode.
pub(crate) type Terminal = Arc<OnceLock<Restorer>>;

/// How long the machine may take to end in good order when it is asked to. What holds it up is output that nobody
/// reads.
const GRACE: Duration = Duration::from_secs(2);

/// From now on, signals that ask us to end do so in good order, and `SIGUSR1` calls `on_user`.
pub(crate) fn handle(
    control: &Arc<Control>,
    terminal: &Terminal,
    on_user: impl Fn() + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new(heeded())?;
    let user = user_thread(on_user)?;
    enforcing_thread(Arc::clone(control), Arc::clone(terminal))?;
    let (control, terminal) = (Arc::clone(control), Arc::clone(terminal));
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut asked = false;
        for signal in signals.forever() {
            if signal == SIGUSR1 {
                // If the last one is not served yet, it serves this one too.
                let _ = user.try_send(());
            } else if asked {
                die(End::Signal(signal), &terminal);
            } else {
                asked = true;
                control.end(End::Signal(signal));
            }
        }
    })?;
    Ok(())
}

/// The signals to handle: not those that whoever started us has set to be ignored, as `nohup` does.
fn heeded() -> Vec<i32> {
    let ignored = fs::read_to_string("/proc/self/status").ok().and_then(|status| ignored_signals(&status));
    let ignored = ignored.unwrap_or(0);
    [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1]
        .into_iter()
        .filter(|signal| ignored >> (signal - 1) & 1 == 0)
        .collect()
}

/// The mask of ignored signals in a `/proc/PID/status`: bit 0 is signal 1.
fn ignored_signals(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// A thread of its own, because it prints, and whoever is to read that may not.
fn user_thread(on_user: impl Fn() + Send + 'static) -> io::Result<mpsc::SyncSender<()>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("listing".into()).spawn(move || receiver.iter().for_each(|()| on_user()))?;
    Ok(sender)
}

/// Sees to it that the process ends soon after it was asked to, by a signal or at the console.
fn enforcing_thread(control: Arc<Control>, terminal: Terminal) -> io::Result<()> {
    thread::Builder::new().name("end".into()).spawn(move || {
        let end = control.wait_for_request();
        thread::sleep(GRACE);
        die(end, &terminal);
    })?;
    Ok(())
}

fn die(end: End, terminal: &Terminal) {
    if let Some(terminal) = terminal.get() {
        terminal.restore();
    }
    match end {
        End::Signal(signal) => die_by(signal),
        End::Quit => process::exit(i32::from(Status::Left.code())),
        End::Stopped => process::exit(i32::from(Status::Stopped.code())),
        End::Off(_) | End::Reset(_) | End::Watchdog => {}
    }
}

/// Ends the process by the signal, so that its parent sees what happened.
pub(crate) fn die_by(signal: i32) {
    // Fails only for a signal that does not exist or cannot be handled.
    let _ = low_level::emulate_default_handler(signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_a_hexadecimal_mask() {
        let status = "Name:\tsh\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000000003\nSigCgt:\t0\n";
        assert_eq!(ignored_signals(status), Some(3));
        assert_eq!(ignored_signals("Name:\tsh\n"), None);
    }
}

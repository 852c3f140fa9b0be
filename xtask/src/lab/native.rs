//! The lab on this very machine, an arm64 Linux host with KVM.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGUSR1, SIGWINCH};

use super::events::{Event, earlier};
use super::signals::Watch;
use super::streams::{Input, Output, Streams};
use super::{Lab, files};
use crate::guarded;
use crate::trouble::{TIMED_OUT, Trouble};

/// How long a command has to end after a signal.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// How often the command is looked after; nothing else tells its end apart from that of its streams.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether this machine can be the lab; if not, why.
#[cfg(target_arch = "aarch64")]
pub(crate) fn usable() -> Result<(), String> {
    // Under user-mode emulation the device may be that of another architecture: opening it is not enough.
    let opened = switchboard_kvm::Kvm::open(Path::new("/dev/kvm"));
    opened.map(drop).map_err(|error| error.to_string())
}

/// Whether this machine can be the lab; if not, why.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn usable() -> Result<(), String> {
    Err(format!("it is {}, not arm64", std::env::consts::ARCH))
}

/// Runs a command in a scratch folder.
pub(crate) fn run(lab: &Lab, command: &[OsString], streams: Streams) -> Result<u8> {
    let folder = tempfile::Builder::new().prefix("switchboard-lab-").tempdir().context("a scratch folder")?;
    for (local, remote) in &lab.put {
        put(local, &place(folder.path(), remote)?)?;
    }
    let gets = lab.get.iter().map(|(remote, local)| Ok((place(folder.path(), remote)?, local)));
    let gets: Vec<_> = gets.collect::<Result<_>>()?;

    let status = run_in(folder.path(), lab, command, streams)?;
    for (remote, local) in gets {
        let got = fs::metadata(&remote).and_then(|facts| {
            files::receive(local, facts.permissions().mode() & 0o777, &mut fs::File::open(&remote)?)
        });
        if let Err(error) = got {
            let missing = format!("getting {} as {}: {error}", remote.display(), local.display());
            anyhow::ensure!(status != 0, Trouble::new(missing));
            eprintln!("error: {missing}");
        }
    }
    Ok(status)
}

/// Where a remote path is: in the scratch folder, and nowhere else.
fn place(folder: &Path, remote: &Path) -> Result<PathBuf> {
    if remote.is_absolute() || remote.components().any(|part| part == std::path::Component::ParentDir) {
        return Err(Trouble::new(format!("{} lies outside the lab's folder", remote.display()))
            .hint("this machine is the lab: use a path relative to the command's folder, or --emulated")
            .into());
    }
    Ok(folder.join(remote))
}

fn put(local: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(local, to).with_context(|| format!("putting {}", local.display())).map(drop)
}

fn run_in(folder: &Path, lab: &Lab, command: &[OsString], streams: Streams) -> Result<u8> {
    let (events, received) = channel();
    let _watch = Watch::start(events)?;
    let mut guarded = guarded::command(&command[0]);
    guarded.args(&command[1..]).current_dir(folder);
    guarded.stdin(if streams.input == Input::Null { Stdio::null() } else { Stdio::inherit() });
    let kind =
        |output: &Output| if matches!(output, Output::Inherit) { Stdio::inherit() } else { Stdio::piped() };
    guarded.stdout(kind(&streams.stdout)).stderr(kind(&streams.stderr));
    let mut child = guarded.spawn().context("starting the command")?;
    let pumps = [pump(child.stdout.take(), streams.stdout), pump(child.stderr.take(), streams.stderr)];

    let timeout = lab.timeout.map(|timeout| Instant::now() + timeout);
    let mut grace = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break number(status);
        }
        if earlier(timeout, grace).is_some_and(|end| end <= Instant::now()) {
            child.kill()?;
            child.wait()?;
            break if grace.is_some() { 128 + 9 } else { TIMED_OUT };
        }
        match received.recv_timeout(PAUSE) {
            // Asks the command for something, and ends nothing.
            Ok(Event::Signal(SIGUSR1)) => forward(&child, SIGUSR1),
            Ok(Event::Signal(received)) if received != SIGWINCH => {
                forward(&child, received);
                grace = grace.or_else(|| Some(Instant::now() + GRACE));
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(PAUSE),
        }
    };
    for pump in pumps.into_iter().flatten() {
        pump.join()
            .map_err(|_| Trouble::new("a thread panicked"))?
            .context("copying the command's output")?;
    }
    Ok(status)
}

type Pump = thread::JoinHandle<io::Result<u64>>;

fn pump(from: Option<impl Read + Send + 'static>, to: Output) -> Option<Pump> {
    match (from, to) {
        (Some(mut from), Output::To(mut to)) => Some(thread::spawn(move || {
            let length = io::copy(&mut from, &mut to)?;
            to.flush()?;
            Ok(length)
        })),
        _ => None,
    }
}

fn forward(child: &Child, number: i32) {
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let (Some(process), Some(signal)) = (process, Signal::from_named_raw(number)) {
        // It may have ended in the meantime.
        let _ = kill_process(process, signal);
    }
}

fn number(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_paths_stay_in_the_folder() {
        assert_eq!(place(Path::new("/s"), Path::new("a/b")).unwrap(), Path::new("/s/a/b"));
        assert!(place(Path::new("/s"), Path::new("/etc/passwd")).is_err());
        assert!(place(Path::new("/s"), Path::new("a/../../b")).is_err());
    }
}

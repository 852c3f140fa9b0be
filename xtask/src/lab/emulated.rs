//! The lab on an emulated host.
//!
//! One QEMU, one initramfs with everything in it, four sockets that are the lab's ports. Threads copy the streams and read
//! the control port; they tell this module what happens as events, and it alone decides.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGUSR1, SIGWINCH};
use switchboard_lab_init::protocol::{Frame, MODULES_FOLDER, REQUEST_PATH, Request, Stream, WORKING_FOLDER};

use super::console::{self, Console};
use super::diagnosis::Diagnosis;
use super::events::{Event, earlier};
use super::native::GRACE;
use super::signals::Watch;
use super::silence::{Silence, Step};
use super::streams::{self, Streams};
use super::terminal::{self, Raw};
use super::{Frozen, Lab, control, qemu};
use crate::archive::Archive;
use crate::cross;
use crate::setup::toolchain::CrossToolchain;
use crate::setup::{Loader, artifact, host_packages, kernels};
use crate::trouble::{TIMED_OUT, Trouble};

/// How long the host may take to start the command. It takes two seconds, unless this machine is very busy.
const BOOT: Duration = Duration::from_secs(180);
/// How many lines of the console a host leaves that has frozen: a kernel's first warning and its death are far apart.
const LAST_WORDS: usize = 400;
/// How often the streams are looked after once the command has ended.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs a command on an emulated host.
pub(crate) fn run(lab: &Lab, command: &[OsString], streams: Streams) -> Result<u8> {
    host_packages::qemu()?;
    let kernel = kernels::image(&lab.kernel)?;
    let terminal = streams.are_inherited().then(terminal::wanted).flatten();
    // The rest of this machine's environment means nothing there.
    let kind = std::env::var_os("TERM").filter(|_| terminal.is_some());
    let request = Request {
        command: command.iter().map(|word| word.as_bytes().to_vec()).collect(),
        environment: kind.into_iter().map(|kind| (b"TERM".to_vec(), kind.into_vec())).collect(),
        terminal,
        get: lab.get.iter().map(|(remote, _)| remote.as_os_str().as_bytes().to_vec()).collect(),
    };
    let folder = tempfile::Builder::new().prefix("switchboard-lab-").tempdir().context("a scratch folder")?;
    let initramfs = folder.path().join("initramfs");
    let size = pack(lab, &kernel, &request, &initramfs).context("packing the lab's files")?;
    check_memory(lab, size)?;
    let emulator = qemu::command(lab, &kernel, &initramfs, folder.path());
    Session::start(lab, emulator, folder.path(), streams, terminal.is_some())?.run(lab)
}

/// Writes the initramfs; tells how much is in it.
fn pack(lab: &Lab, kernel: &Path, request: &Request, path: &Path) -> Result<u64> {
    let mut archive = Archive::create(path)?;
    archive.file(Path::new("init"), &cross::lab_init(&CrossToolchain::get()?)?)?;
    archive.file(Path::new("bin/busybox"), &artifact::busybox()?)?;
    let mut bytes = Vec::new();
    request.write(&mut bytes).context("the command")?;
    archive.bytes(REQUEST_PATH, 0o600, &bytes)?;
    for module in kernels::modules(kernel, Loader::Host)? {
        let name = module.file_name().unwrap_or_default();
        archive.file(&Path::new(MODULES_FOLDER).join(name), &module)?;
    }
    archive.folder(WORKING_FOLDER)?;
    for (local, remote) in &lab.put {
        archive.file(&Path::new(WORKING_FOLDER).join(remote), local)?;
    }
    archive.finish()
}

/// The archive and what is unpacked from it are in memory at the same time, the latter in at most half of it.
fn check_memory(lab: &Lab, size: u64) -> Result<()> {
    if size.saturating_mul(5) / 2 < lab.memory.bytes() {
        return Ok(());
    }
    Err(Trouble::new(format!("{} MiB of files do not fit into the lab's memory", size >> 20))
        .hint(format!("--memory {}M holds them", (size >> 20) * 5 / 2 + 256))
        .into())
}

/// The emulator's process; it ends with its owner.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        // Nothing on the emulated host is worth a shutdown. It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One run.
struct Session {
    emulator: Emulator,
    _watch: Watch,
    console: Console,
    events: Receiver<Event>,
    /// The monitor's socket.
    monitor: PathBuf,
    control: Option<UnixStream>,
    /// How many bytes of standard output and standard error have been taken care of.
    taken: [Arc<AtomicU64>; 2],
    on_terminal: bool,
    raw: Option<Raw>,
    started: bool,
    /// The command's status, and how many bytes it wrote.
    ended: Option<(u8, [u64; 2])>,
    /// How long nothing has been heard, if that is limited.
    silence: Option<Silence>,
    /// What went wrong beside the command.
    failures: Vec<String>,
}

impl Session {
    fn start(
        lab: &Lab,
        mut command: Command,
        folder: &Path,
        streams: Streams,
        on_terminal: bool,
    ) -> Result<Self> {
        let listen = |(_, socket): (&str, &str)| {
            UnixListener::bind(folder.join(socket))
                .with_context(|| format!("a socket in {}", folder.display()))
        };
        let [stdin, stdout, stderr, control] = qemu::PORTS.map(listen);
        let (events, received) = channel();
        let watch = Watch::start(events.clone())?;
        streams::feed(stdin?, streams.input);
        let taken = [
            streams::drain(stdout?, Stream::Stdout, streams.stdout.writer(io::stdout()), events.clone()),
            streams::drain(stderr?, Stream::Stderr, streams.stderr.writer(io::stderr()), events.clone()),
        ];
        control::obey(control?, lab.get.clone(), events.clone());

        let (console, theirs) = io::pipe().context("a pipe for the console")?;
        command.stdin(Stdio::null()).stdout(theirs.try_clone()?).stderr(theirs);
        // A ^C is for this program to act upon.
        command.process_group(0);
        let emulator = Emulator(command.spawn().context("starting the emulator")?);
        // It holds the pipe's other end, which would never close.
        drop(command);
        Ok(Self {
            emulator,
            _watch: watch,
            console: Console::follow(console, lab.verbose, events),
            events: received,
            monitor: folder.join(qemu::MONITOR),
            control: None,
            taken,
            on_terminal,
            raw: None,
            started: false,
            ended: None,
            silence: lab.silence.map(|limit| Silence::new(limit, Instant::now())),
            failures: Vec::new(),
        })
    }

    fn run(mut self, lab: &Lab) -> Result<u8> {
        let begin = Instant::now();
        let timeout = lab.timeout.map(|timeout| begin + timeout);
        let mut patience = Some(begin + BOOT);
        let mut interrupted: Option<(i32, Instant)> = None;
        loop {
            if let Some((status, written)) = self.ended
                && self.has_taken(written)
            {
                return self.conclude(status);
            }
            let now = Instant::now();
            let over = |end: Option<Instant>| end.is_some_and(|end| end <= now);
            if let Some((number, end)) = interrupted
                && end <= now
            {
                return Ok(interruption(number));
            }
            if over(timeout) {
                return Ok(self.time_out(lab));
            }
            if over(patience) {
                return Err(self.failure("the emulated host does not answer"));
            }
            let quiet = self.bear_silence(now)?;
            let end = earlier(earlier(timeout, patience), earlier(quiet, interrupted.map(|(_, end)| end)));
            match self.next(end.map(|end| end - now)) {
                Some(Event::Frame(Frame::Started)) => {
                    patience = None;
                    self.command_started()?;
                }
                Some(Event::ControlEnded(reason)) => {
                    // The emulator's own end, which tells more, is about to be seen.
                    self.failures.push(reason);
                    patience = patience.or(Some(now + GRACE));
                }
                Some(Event::Signal(SIGWINCH)) => {
                    self.tell(&Frame::Resize(terminal::size()));
                }
                // Asks the command for something, and ends nothing; before there is one, nobody can answer.
                Some(Event::Signal(SIGUSR1)) if self.started => self.tell(&Frame::Signal(SIGUSR1)),
                None | Some(Event::Signal(SIGUSR1)) => {}
                Some(Event::Signal(number)) if !self.started || interrupted.is_some() => {
                    return Ok(interruption(number));
                }
                Some(Event::Signal(number)) => {
                    self.tell(&Frame::Signal(number));
                    interrupted = Some((number, now + GRACE));
                }
                Some(Event::EmulatorEnded) => {
                    return Err(self.failure("the emulated host ended before the command did"));
                }
                Some(Event::Frame(Frame::Failed(reason))) => return Err(self.failure(&reason)),
                Some(event) => self.note(event),
            }
        }
    }

    /// Sees to it that a host that has frozen is not waited for; tells when to do so again, if ever.
    fn bear_silence(&mut self, now: Instant) -> Result<Option<Instant>> {
        let Some(silence) = &mut self.silence else { return Ok(None) };
        let streams: u64 = self.taken.iter().map(|taken| taken.load(Ordering::Acquire)).sum();
        match silence.step(streams + self.console.heard(), now) {
            Step::Listen(end) => Ok(Some(end)),
            Step::Ask => {
                self.tell(&Frame::Ping);
                Ok(Some(now))
            }
            Step::GiveUp(silence) => Err(self.frozen(silence).into()),
        }
    }

    /// The next event, if there is one within `wait`.
    fn next(&self, wait: Option<Duration>) -> Option<Event> {
        let longest = if self.ended.is_some() { PAUSE } else { Duration::from_secs(3600) };
        match self.events.recv_timeout(wait.map_or(longest, |wait| wait.min(longest))) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            // The console's thread lives as long as the emulator and tells its end first.
            Err(RecvTimeoutError::Disconnected) => Some(Event::EmulatorEnded),
        }
    }

    fn command_started(&mut self) -> Result<()> {
        self.started = true;
        if self.on_terminal {
            // Not before: until then a ^C ends the lab.
            self.raw = Some(Raw::enter()?);
            self.tell(&Frame::Resize(terminal::size()));
        }
        Ok(())
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Connected(control) => self.control = Some(control),
            Event::Frame(Frame::Exited { status, stdout, stderr }) => {
                self.ended = Some((status, [stdout, stderr]));
            }
            Event::NotGot(reason) => self.failures.push(reason),
            Event::Frame(Frame::Pong) => {
                if let Some(silence) = &mut self.silence {
                    silence.answered(Instant::now());
                }
            }
            Event::Unread(stream, reason) => {
                self.tell(&Frame::Closed(stream));
                self.failures
                    .extend(reason.map(|reason| format!("writing the command's {stream:?}: {reason}")));
            }
            other => self.failures.push(format!("the lab's init sent {other:?}")),
        }
    }

    /// Sends a frame to the lab. If that fails the lab is at its end, which an event will tell.
    fn tell(&mut self, frame: &Frame) {
        if let Some(control) = &mut self.control {
            let _ = frame.write(control);
        }
    }

    fn has_taken(&self, written: [u64; 2]) -> bool {
        self.taken.iter().zip(written).all(|(taken, written)| taken.load(Ordering::Acquire) >= written)
    }

    fn conclude(&mut self, status: u8) -> Result<u8> {
        self.raw = None;
        let failures = self.failures.join("\n       ");
        anyhow::ensure!(failures.is_empty() || status != 0, Trouble::new(failures));
        if !failures.is_empty() {
            eprintln!("error: {failures}");
        }
        Ok(status)
    }

    fn time_out(&mut self, lab: &Lab) -> u8 {
        self.raw = None;
        let seconds = lab.timeout.unwrap_or_default().as_secs();
        let console = if self.started { String::new() } else { self.said(console::SHOWN) };
        eprintln!("error: the command did not end within {seconds} s{console}");
        TIMED_OUT
    }

    /// Says what the emulator does, which its end hides.
    fn frozen(&mut self, silence: Duration) -> Frozen {
        self.raw = None;
        let diagnosis = Diagnosis::make(self.emulator.0.id(), &self.monitor);
        Frozen { silence, what: format!("{diagnosis}{}", self.said(LAST_WORDS)) }
    }

    fn failure(&mut self, what: &str) -> anyhow::Error {
        self.raw = None;
        Trouble::new(format!("the lab failed: {what}{}", self.said(console::SHOWN))).into()
    }

    fn said(&self, lines: usize) -> String {
        match self.console.tail(lines) {
            tail if tail.is_empty() => String::from("\n  its console is empty"),
            tail => format!("\n  the end of its console:{tail}"),
        }
    }
}

/// The exit status after a signal to this process.
fn interruption(number: i32) -> u8 {
    u8::try_from(128 + number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;

//! The command: started on pipes or on a terminal, its bytes pumped, its end awaited.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use switchboard_lab_init::protocol::{
    Request, STDERR_PORT, STDIN_OPENED, STDIN_PORT, STDOUT_PORT, Terminal, WORKING_FOLDER, WindowSize,
};

use crate::Failure;
use crate::ports::{self, Port};
use crate::system::SEARCH_PATH;

/// What a shell answers for a command that it cannot run, and for one that it cannot find.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The command, from its start to its report.
pub(crate) struct Running {
    /// Nothing runs if the command could not be started; then this is the status.
    process: Result<Pid, u8>,
    terminal: Option<OwnedFd>,
    stdout: Pump,
    stderr: Pump,
}

/// What the control port needs of the command.
pub(crate) struct Handle {
    process: Option<Pid>,
    terminal: Option<OwnedFd>,
    stdout: Arc<AtomicBool>,
    stderr: Arc<AtomicBool>,
}

/// A thread that copies one output stream, counting.
struct Pump {
    unread: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<u64>>,
}

/// The command's ends of its streams, and ours.
struct Streams {
    theirs: [Stdio; 3],
    input: File,
    stdout: Box<dyn Read + Send>,
    stderr: Box<dyn Read + Send>,
    terminal: Option<OwnedFd>,
}

/// Starts the command and the pumps.
pub(crate) fn start(request: &Request) -> Result<Running, Failure> {
    let (stdin, stdout, mut stderr) =
        (ports::find(STDIN_PORT)?, ports::find(STDOUT_PORT)?, ports::find(STDERR_PORT)?);
    let streams = match request.terminal {
        Some(terminal) => on_terminal(terminal),
        None => on_pipes(),
    }
    .map_err(|error| format!("opening the command's streams: {error}"))?;
    let process = match spawn(request, streams.theirs, streams.terminal.is_some()) {
        Ok(process) => Ok(process),
        Err(error) => {
            let name =
                String::from_utf8_lossy(request.command.first().map_or(b"", Vec::as_slice)).into_owned();
            let text = format!("lab: {name}: {error}\n");
            stderr.write_all(text.as_bytes()).map_err(|error| format!("{STDERR_PORT}: {error}"))?;
            Err((if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN }, text.len()))
        }
    };
    let told = process.as_ref().err().map_or(Ok(0), |&(_, length)| u64::try_from(length));
    feed(stdin, streams.input);
    Ok(Running {
        process: process.map_err(|(status, _)| status),
        terminal: streams.terminal,
        stdout: Pump::start(streams.stdout, stdout, 0),
        stderr: Pump::start(streams.stderr, stderr, told.unwrap_or_default()),
    })
}

fn on_pipes() -> io::Result<Streams> {
    let ((input_theirs, input), (stdout, stdout_theirs), (stderr, stderr_theirs)) =
        (pipe()?, pipe()?, pipe()?);
    Ok(Streams {
        theirs: [input_theirs.into(), stdout_theirs.into(), stderr_theirs.into()],
        input: File::from(OwnedFd::from(input)),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        terminal: None,
    })
}

fn on_terminal(wanted: Terminal) -> io::Result<Streams> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    resize(&ours, wanted.size);
    let path = ptsname(&ours, Vec::new())?;
    // Without O_NOCTTY it would become *our* controlling terminal.
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let theirs = rustix::fs::open(path.as_c_str(), flags, rustix::fs::Mode::empty())?;
    let (stderr, stderr_theirs): (Box<dyn Read + Send>, Stdio) = if wanted.separate_stderr {
        let (stderr, stderr_theirs) = pipe()?;
        (Box::new(stderr), stderr_theirs.into())
    } else {
        (Box::new(io::empty()), theirs.try_clone()?.into())
    };
    Ok(Streams {
        theirs: [theirs.try_clone()?.into(), theirs.into(), stderr_theirs],
        input: File::from(ours.try_clone()?),
        stdout: Box::new(File::from(ours.try_clone()?)),
        stderr,
        terminal: Some(ours),
    })
}

/// Spawns the command in a session of its own; its first stream is its controlling terminal if it has one.
fn spawn(request: &Request, [stdin, stdout, stderr]: [Stdio; 3], terminal: bool) -> io::Result<Pid> {
    let [program, arguments @ ..] = request.command.as_slice() else {
        return Err(io::Error::other("the request names no command"));
    };
    let mut command = Command::new(OsStr::from_bytes(program));
    command.args(arguments.iter().map(|argument| OsStr::from_bytes(argument)));
    command.current_dir(WORKING_FOLDER).env_clear().env("PATH", SEARCH_PATH).env("HOME", "/tmp");
    command.envs(
        request.environment.iter().map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value))),
    );
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    let prepare = move || {
        rustix::process::setsid()?;
        if terminal {
            rustix::process::ioctl_tiocsctty(io::stdin())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec `prepare` makes two system calls; it takes no lock and allocates nothing.
    #[allow(unsafe_code, reason = "no safe way to start a session in a child")]
    let spawned = unsafe { command.pre_exec(prepare) }.spawn();
    let number = i32::try_from(spawned?.id()).map_err(io::Error::other)?;
    Pid::from_raw(number).ok_or_else(|| io::Error::other("a child without a number"))
}

/// Copies the standard input in a thread of its own, until either side ends.
fn feed(mut port: Port, mut input: File) {
    thread::spawn(move || {
        let mut opened = [0];
        if port.read_exact(&mut opened).is_err() || opened[0] != STDIN_OPENED {
            return eprintln!("lab-init: {STDIN_PORT} does not begin as it should");
        }
        // The command may leave its input unread: then the pipe breaks, which is its business.
        let _ = copy(&mut port.into_file(), &mut input, |_| true);
    });
}

/// Copies until `from` ends, or `go_on`, asked after each read with the bytes read, says no.
fn copy(from: &mut impl Read, to: &mut impl Write, mut go_on: impl FnMut(usize) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; 32 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) if go_on(length) => to.write_all(&buffer[..length])?,
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A terminal whose other side is closed.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

impl Pump {
    fn start(mut from: Box<dyn Read + Send>, mut port: Port, already: u64) -> Self {
        let unread = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&unread);
        let thread = thread::spawn(move || {
            let mut count = already;
            copy(&mut from, &mut port, |length| {
                // What nobody reads is not written: `from` is dropped and the command's next write fails.
                let read = !asked.load(Ordering::Relaxed);
                count += if read { u64::try_from(length).unwrap_or_default() } else { 0 };
                read
            })?;
            Ok(count)
        });
        Self { unread, thread }
    }

    fn drain(self, name: &str) -> Result<u64, Failure> {
        let ended = self.thread.join().map_err(|_| format!("{name}: its thread panicked"))?;
        ended.map_err(|error| format!("{name}: {error}"))
    }
}

impl Running {
    /// What the control port needs.
    pub(crate) fn handle(&self) -> Result<Handle, Failure> {
        let terminal = self.terminal.as_ref().map(OwnedFd::try_clone).transpose();
        Ok(Handle {
            process: self.process.ok(),
            terminal: terminal.map_err(|error| format!("a second handle on the terminal: {error}"))?,
            stdout: Arc::clone(&self.stdout.unread),
            stderr: Arc::clone(&self.stderr.unread),
        })
    }

    /// Waits for the command, reaping the orphans that fall to PID 1, and ends whatever it left running.
    pub(crate) fn wait(&mut self) -> Result<u8, Failure> {
        let status = match self.process {
            Ok(process) => loop {
                match wait(WaitOptions::empty()) {
                    Ok(Some((ended, status))) if ended == process => break status_number(status),
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(format!("waiting for the command: {error}")),
                }
            },
            Err(status) => status,
        };
        // `kill(-1)`: everybody but us. What outlived the command would hold its streams open for ever.
        match kill_process_group(Pid::INIT, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(status),
            Err(error) => Err(format!("ending what the command left: {error}")),
        }
    }

    /// Waits until every byte is written; tells how many went to standard output and standard error.
    pub(crate) fn drain(self) -> Result<(u64, u64), Failure> {
        drop(self.terminal);
        Ok((self.stdout.drain(STDOUT_PORT)?, self.stderr.drain(STDERR_PORT)?))
    }
}

fn status_number(status: WaitStatus) -> u8 {
    let number = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(u8::MAX)
}

impl Handle {
    /// Sends a signal to the command and its process group.
    pub(crate) fn signal(&self, number: i32) {
        if let (Some(process), Some(signal)) = (self.process, Signal::from_named_raw(number)) {
            // It may have ended in the meantime.
            let _ = kill_process_group(process, signal);
        }
    }

    /// Gives the terminal a new size.
    pub(crate) fn resize(&self, size: WindowSize) {
        if let Some(terminal) = &self.terminal {
            resize(terminal, size);
        }
    }

    /// Nobody reads standard output any more.
    pub(crate) fn close_stdout(&self) {
        self.stdout.store(true, Ordering::Relaxed);
    }

    /// Nobody reads standard error any more.
    pub(crate) fn close_stderr(&self) {
        self.stderr.store(true, Ordering::Relaxed);
    }
}

fn resize(terminal: impl AsFd, size: WindowSize) {
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    if let Err(error) = tcsetwinsize(terminal, size) {
        eprintln!("lab-init: resizing the terminal: {error}");
    }
}

//! The command's streams at this end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use switchboard_lab_init::protocol::{STDIN_OPENED, Stream};

use super::events::Event;

/// Where the command's standard input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nowhere: it is at its end.
    Null,
    /// This process's. A process may do so once: what has been read of it cannot be given back.
    Inherit,
}

/// Where an output stream goes.
pub(crate) enum Output {
    /// To the stream of this process that has the same name.
    Inherit,
    /// Elsewhere.
    To(Box<dyn Write + Send>),
}

/// All three.
pub(crate) struct Streams {
    /// Standard input.
    pub(crate) input: Input,
    /// Standard output.
    pub(crate) stdout: Output,
    /// Standard error.
    pub(crate) stderr: Output,
}

impl Streams {
    /// The command has this process's streams, and its terminal if it has one.
    pub(crate) fn inherit() -> Self {
        Self { input: Input::Inherit, stdout: Output::Inherit, stderr: Output::Inherit }
    }

    /// Whether the command gets this process's terminal, if it has one.
    pub(crate) fn are_inherited(&self) -> bool {
        self.input == Input::Inherit && matches!(self.stdout, Output::Inherit)
    }
}

impl Output {
    /// The writer; `own` is this process's stream of the same name.
    pub(crate) fn writer(self, own: impl Write + Send + 'static) -> Box<dyn Write + Send> {
        match self {
            Self::Inherit => Box::new(own),
            Self::To(writer) => writer,
        }
    }
}

/// Sends the input to the socket that connects to `listener`, in a thread that may outlive the lab.
pub(crate) fn feed(listener: UnixListener, input: Input) {
    thread::spawn(move || {
        let Ok((mut socket, _)) = listener.accept() else { return };
        // The other end vanishes when the command ends without having read everything.
        let _ = socket.write_all(&[STDIN_OPENED]);
        if input == Input::Inherit {
            let _ = copy_stdin(&mut socket);
        }
        // Half closed: all bytes reach the lab, then the end does. A full close would overtake them.
        let _ = socket.shutdown(Shutdown::Write);
        let _ = socket.read(&mut [0]);
    });
}

fn copy_stdin(socket: &mut UnixStream) -> io::Result<()> {
    // Not through `std::io::stdin`: a terminal's bytes are sent as they come, and nothing is held back in a buffer.
    let mut buffer = vec![0; 64 << 10];
    loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => socket.write_all(&buffer[..length])?,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Copies one output stream in a thread, counting the bytes that have been taken care of.
pub(crate) fn drain(
    listener: UnixListener,
    stream: Stream,
    mut to: Box<dyn Write + Send>,
    events: Sender<Event>,
) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    thread::spawn(move || {
        let Ok((mut socket, _)) = listener.accept() else { return };
        let mut buffer = vec![0; 64 << 10];
        let mut open = true;
        while let Ok(length @ 1..) = read(&mut socket, &mut buffer) {
            // A command that is not read any more is told so; until it hears, its bytes go nowhere.
            if open && let Err(error) = to.write_all(&buffer[..length]).and_then(|()| to.flush()) {
                open = false;
                let reason = (error.kind() != ErrorKind::BrokenPipe).then(|| error.to_string());
                let _ = events.send(Event::Unread(stream, reason));
            }
            counter.fetch_add(u64::try_from(length).unwrap_or_default(), Ordering::Release);
        }
    });
    count
}

fn read(socket: &mut UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

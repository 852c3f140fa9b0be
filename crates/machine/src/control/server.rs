//! The machine's end of the control socket: a thread that accepts clients, and one for each client.

use std::{
    io,
    os::unix::net::{UnixListener, UnixStream},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::atomic::{AtomicU16, Ordering},
    thread::{self, Scope},
    time::Duration,
};

use rustix::{
    event::PollFlags,
    net::{Shutdown, shutdown},
};

use super::{
    bind::{self, BindError},
    protocol::{Command, MAX_LINE, Problem, ProblemCode, Reply, Response},
    request,
    stream::{Closing, Line, Stream, Woken},
};

/// How many clients a machine has at once. Each one costs a thread.
pub const MAX_CLIENTS: u32 = u16::BITS;

/// How long a host that has run out of descriptors is given until the next try.
const PATIENCE: Duration = Duration::from_millis(100);

/// Does what clients ask for.
pub trait Handler: Sync {
    /// Does it, on the thread of the client that asks. A command that waits for the guest blocks that client alone.
    ///
    /// [`Server::close`] interrupts nothing: a command that waits must find out by itself that the machine has ended, or
    /// that its caller has gone, and answer. Its answer still reaches a client that is there.
    ///
    /// # Errors
    ///
    /// Why it cannot be done.
    fn handle(&self, command: Command, caller: &dyn Caller) -> Result<Reply, Problem>;
}

/// Who has asked for a command.
pub trait Caller {
    /// Has it gone, so that nobody will read the answer?
    fn is_gone(&self) -> bool;
}

impl Caller for Stream<'_> {
    fn is_gone(&self) -> bool {
        self.is_hung_up()
    }
}

/// A control socket. Its file is there as long as this is.
pub struct Server {
    listener: UnixListener,
    closing: Closing,
    /// Which connections are in use, a bit each.
    connections: AtomicU16,
    _file: bind::File,
}

impl Server {
    /// Makes the socket. It is its owner's alone. A socket there that nobody listens on any more is replaced.
    ///
    /// # Errors
    ///
    /// If somebody listens there, if something is there that is no socket, or if the host refuses.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let failed = |source| BindError::Io { path: path.to_owned(), source };
        let closing = Closing::new().map_err(failed)?;
        let (listener, file) = bind::listener(path)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, closing, connections: AtomicU16::new(0), _file: file })
    }

    /// Serves clients, on threads of its own, until [`Self::close`]. The scope waits for them, and so for the commands
    /// that they are doing.
    ///
    /// # Errors
    ///
    /// If the host has no thread for it.
    pub fn serve<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        handler: &'scope dyn Handler,
    ) -> io::Result<()> {
        thread::Builder::new()
            .name("control".into())
            .spawn_scoped(scope, move || self.accept_clients(scope, handler))?;
        Ok(())
    }

    /// Ends all of it: no client is accepted any more, no request read. Those that are being done are done to their end
    /// and answered. Returns at once, and may be called at any time, from any thread.
    pub fn close(&self) {
        self.closing.raise();
    }

    fn accept_clients<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, handler: &'scope dyn Handler) {
        loop {
            match self.closing.wait(&self.listener, PollFlags::IN) {
                Ok(Woken::Ready) => {}
                Ok(_) => break,
                // As below.
                Err(_) => {
                    thread::sleep(PATIENCE);
                    continue;
                }
            }
            match self.listener.accept() {
                Ok((socket, _)) => self.start(scope, socket, handler),
                // The client that waited has gone again.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The host has run out of something, and the client goes on waiting.
                Err(_) => thread::sleep(PATIENCE),
            }
        }
        self.refuse_clients();
    }

    /// Who comes now is told at once that nobody listens, and who has not been accepted yet is sent away. If it fails,
    /// they are told when the socket closes.
    fn refuse_clients(&self) {
        let _ = shutdown(&self.listener, Shutdown::Both);
        while self.listener.accept().is_ok() {}
    }

    fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        socket: UnixStream,
        handler: &'scope dyn Handler,
    ) {
        let Ok(stream) = Stream::new(socket, &self.closing) else { return };
        let Some(place) = Place::take(&self.connections) else {
            refuse(&stream);
            return;
        };
        // Without a thread for it, the connection closes.
        let _ =
            thread::Builder::new().name(format!("control-{}", place.number)).spawn_scoped(scope, move || {
                let _place = place;
                // An error here is the client's: it has gone, or does not read what it asked for. A panic has been
                // printed, and the client is told by the end of its connection.
                let _ = catch_unwind(AssertUnwindSafe(|| converse(stream, handler)));
            });
    }
}

/// One of the connections that there can be.
struct Place<'server> {
    number: u32,
    connections: &'server AtomicU16,
}

impl<'server> Place<'server> {
    /// The lowest that is free. Only one thread takes them.
    fn take(connections: &'server AtomicU16) -> Option<Self> {
        let number = connections.load(Ordering::Acquire).trailing_ones();
        let bit = 1_u16.checked_shl(number)?;
        connections.fetch_or(bit, Ordering::AcqRel);
        Some(Self { number, connections })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.connections.fetch_and(!(1 << self.number), Ordering::AcqRel);
    }
}

/// A new connection has room for so little, whether or not anybody reads it.
fn refuse(stream: &Stream<'_>) {
    let problem =
        Problem::new(ProblemCode::TooMany, format!("this machine has {MAX_CLIENTS} clients already"))
            .with_hint("wait until one of them has gone");
    let _ = answer(stream, Err(problem));
}

/// Answers a client's lines, one after the other, to its last.
fn converse(mut stream: Stream<'_>, handler: &dyn Handler) -> io::Result<()> {
    loop {
        let result = match stream.read_line()? {
            Line::End => return Ok(()),
            Line::TooLong => {
                let message = format!("this is no request: a line has at most {MAX_LINE} bytes");
                return answer(&stream, Err(Problem::new(ProblemCode::Malformed, message)));
            }
            Line::Whole(line) => request::read(&line).and_then(|command| handler.handle(command, &stream)),
        };
        answer(&stream, result)?;
    }
}

fn answer(stream: &Stream<'_>, result: Result<Reply, Problem>) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Response::new(result)).map_err(io::Error::from)?;
    line.push(b'\n');
    stream.write_all(&line)
}

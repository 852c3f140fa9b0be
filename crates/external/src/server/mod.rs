//! The other process: listens, and answers what monitors ask.

mod bind;
mod conversation;

use std::{
    io::{self, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use switchboard_firmware::Results;
use thiserror::Error;

pub use bind::BindError;
pub use conversation::Conversation;

use crate::protocol::{ArgumentCount, ProtocolError, Request};

/// How many monitors are served at once. Each one costs a thread.
pub const MAX_MONITORS: usize = 16;

/// How long a host that has run out of descriptors or threads is given until the next try.
const PATIENCE: Duration = Duration::from_millis(100);

/// Answers calls.
pub trait Handler: Sync {
    /// How many of x1 to x17 it wants with each call. Under KVM each costs the monitor a system call.
    fn arguments(&self) -> ArgumentCount;

    /// What a call returns. It is asked on the thread of the monitor that asks, one call after the other, and while it
    /// decides no other CPU of that monitor gets an answer.
    ///
    /// A guest can make any call of the range, with anything in its registers.
    fn call(&self, request: &Request) -> Results;

    /// A monitor has gone, or has been sent away.
    fn gone(&self, why: Result<(), ServeError>) {
        let _ = why;
    }
}

/// Why a monitor is not served any more.
#[derive(Debug, Error)]
pub enum ServeError {
    /// It does not keep to the protocol.
    #[error("the monitor: {0}")]
    Protocol(#[from] ProtocolError),
    /// The connection failed.
    #[error("the connection to the monitor failed")]
    Io(#[from] io::Error),
}

/// A socket on which monitors are served. Its file is there as long as this is.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    _file: bind::File,
}

impl Server {
    /// Makes the socket. It is its owner's alone. A socket there that nobody listens on any more is replaced.
    ///
    /// # Errors
    ///
    /// [`BindError`], with a [hint](BindError::hint), if somebody listens there, if something is there that is no socket, or
    /// if the host refuses.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let (listener, file) = bind::listener(path)?;
        Ok(Self { listener, _file: file })
    }

    /// Serves monitors for ever, each one on a thread of its own.
    pub fn serve(&self, handler: &impl Handler) -> ! {
        let monitors = AtomicUsize::new(0);
        thread::scope(|scope| {
            loop {
                // What the host has run out of, or a monitor that has gone again while it waited.
                let Ok((stream, _)) = self.listener.accept() else {
                    thread::sleep(PATIENCE);
                    continue;
                };
                let Some(place) = Place::take(&monitors) else { continue };
                // Without a thread the connection closes, and the monitor tries again.
                let _ = thread::Builder::new().name("monitor".into()).spawn_scoped(scope, move || {
                    let _place = place;
                    handler.gone(converse(stream, handler));
                });
            }
        })
    }

    /// Serves the next monitor until it goes, on this thread. Others wait.
    ///
    /// # Errors
    ///
    /// [`ServeError`] if it did not go in good order.
    pub fn serve_one(&self, handler: &impl Handler) -> Result<(), ServeError> {
        let (stream, _) = self.listener.accept()?;
        converse(stream, handler)
    }
}

/// One of the monitors that there can be.
struct Place<'server>(&'server AtomicUsize);

impl<'server> Place<'server> {
    /// Only one thread takes them.
    fn take(monitors: &'server AtomicUsize) -> Option<Self> {
        if monitors.load(Ordering::Acquire) >= MAX_MONITORS {
            return None;
        }
        monitors.fetch_add(1, Ordering::AcqRel);
        Some(Self(monitors))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A monitor that does not read its answers is waited for, by this thread alone.
fn converse(mut stream: UnixStream, handler: &impl Handler) -> Result<(), ServeError> {
    let mut conversation = Conversation::new(handler.arguments());
    stream.write_all(conversation.hello().bytes())?;
    let mut buffer = [0; 4096];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let mut answer = |request: &Request| handler.call(request);
        conversation.receive(&buffer[..count], &mut answer, |frame| {
            stream.write_all(frame.bytes()).map_err(ServeError::Io)
        })?;
    }
}

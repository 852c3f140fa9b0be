//! The thread between the slots and the server's socket.
//!
//! It waits for the bell, which a call rings, and for the socket. Nothing of it blocks, so a server that stalls stalls
//! nobody else: what it does not read stays in the slots, and is answered there when its time is over.

mod bell;
mod connection;
mod problem;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use switchboard_firmware::CpuIndex;

use crate::{
    ServeSpec, Slots,
    protocol::{MonitorHello, Version},
};
use bell::Bell;
use connection::{Connection, Shaken};
pub use problem::{ConnectError, LinkProblem};

/// How long a server may take for its hello.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after a connection has ended the next is tried.
pub const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The same after many that were of no use: each pause is twice the one before, up to this.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The connection to a server.
#[derive(Debug)]
pub struct Link {
    path: PathBuf,
    hello: MonitorHello,
    slots: Arc<Slots>,
    bell: Bell,
    closing: AtomicBool,
    /// A connection that was made before there was a thread for it.
    first: Mutex<Option<Connection>>,
    problem: Mutex<Option<LinkProblem>>,
}

impl Link {
    pub(crate) fn new(spec: &ServeSpec, slots: Arc<Slots>) -> io::Result<Self> {
        let cpus = u32::try_from(slots.cpus()).unwrap_or(u32::MAX);
        Ok(Self {
            path: spec.path.clone(),
            hello: MonitorHello { version: Version::HIGHEST, range: spec.range, cpus },
            slots,
            bell: Bell::new()?,
            closing: AtomicBool::new(false),
            first: Mutex::new(None),
            problem: Mutex::new(None),
        })
    }

    /// Connects, and says hello, on the caller's thread.
    pub(crate) fn connect_first(&self) -> Result<(), ConnectError> {
        let refused = |problem| ConnectError { path: self.path.clone(), problem };
        let mut connection = self.connect().map_err(refused)?;
        match connection.shake_hands(&self.slots, &self.bell, &|| self.is_closing()) {
            Ok(_) => {
                *lock(&self.first) = Some(connection);
                Ok(())
            }
            Err(problem) => {
                connection.end(&self.slots, &|_| {});
                Err(refused(problem))
            }
        }
    }

    /// Connects, and connects again, until [`Link::close`]. One thread of the embedder's is to run this. `wake` is called
    /// on it for a CPU whose call can return now: that CPU's thread is to ask for its reply.
    ///
    /// Calls that wait when it returns get the defined answer, and so do all after that.
    pub fn run(&self, wake: &dyn Fn(CpuIndex)) {
        let mut pause = FIRST_PAUSE;
        let mut first = lock(&self.first).take();
        while !self.is_closing() {
            let answered = self.slots.counts().answered;
            self.converse(first.take(), wake);
            // Only a server that answers is worth trying again so soon.
            if self.slots.counts().answered != answered {
                pause = FIRST_PAUSE;
            }
            self.pause(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        if let Some(connection) = first {
            connection.end(&self.slots, wake);
        }
    }

    /// Ends [`Link::run`], once and for all. Returns at once, and may be called from any thread.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    /// A request has been posted.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    pub(crate) fn last_problem(&self) -> Option<LinkProblem> {
        *lock(&self.problem)
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    fn connect(&self) -> Result<Connection, LinkProblem> {
        Connection::new(&self.path, self.hello)
    }

    /// One connection, from its beginning to its end.
    fn converse(&self, first: Option<Connection>, wake: &dyn Fn(CpuIndex)) {
        let mut connection = match first.map_or_else(|| self.connect(), Ok) {
            Ok(connection) => connection,
            Err(problem) => return self.note(problem),
        };
        let closing = || self.is_closing();
        let result = match connection.shake_hands(&self.slots, &self.bell, &closing) {
            Ok(Shaken::Yes) => connection.serve(&self.slots, &self.bell, &closing, wake),
            Ok(Shaken::Closing) => Ok(()),
            Err(problem) => Err(problem),
        };
        // Whoever is woken can look at it.
        if let Err(problem) = result {
            self.note(problem);
        }
        connection.end(&self.slots, wake);
    }

    fn note(&self, problem: LinkProblem) {
        if let LinkProblem::Protocol(_) = problem {
            self.slots.counters.protocol_errors.count();
        }
        *lock(&self.problem) = Some(problem);
    }

    /// Waits until the next try, or until the end.
    fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_closing() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            if self.bell.wait(left).is_err() {
                // The host cannot poll. It is not asked more often for that.
                std::thread::sleep(left);
            }
        }
    }
}

/// No thread panics with one of these held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

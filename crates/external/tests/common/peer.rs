//! Servers: good ones, and scripted ones.

use std::{
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::Mutex,
    thread::{self, JoinHandle},
    time::Duration,
};

use switchboard_external::{
    ServeSpec,
    protocol::{ArgumentCount, FromMonitor, Inbox, ProtocolError, Request, Response, ServerHello, Version},
    server::{Handler, Server},
};
use switchboard_firmware::Results;
use switchboard_smccc::Register;
use tempfile::TempDir;

/// A folder with room for a socket.
pub(crate) struct Place {
    folder: TempDir,
    /// Keep listening when a script has ended.
    listeners: Mutex<Vec<UnixListener>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), listeners: Mutex::default() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("sip.socket")
    }

    /// As on the command line: `options` is empty, or begins with a comma.
    pub(crate) fn spec(&self, range: &str, options: &str) -> ServeSpec {
        format!("{range}=unix:{}{options}", self.path().display()).parse().unwrap()
    }

    pub(crate) fn listen(&self) -> UnixListener {
        UnixListener::bind(self.path()).unwrap()
    }

    /// A server that does what `script` says with the first monitor that comes.
    pub(crate) fn scripted<T: Send + 'static>(
        &self,
        script: impl FnOnce(&mut Peer) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let listener = self.listen();
        self.listeners.lock().unwrap().push(listener.try_clone().unwrap());
        thread::spawn(move || script(&mut Peer::accept(&listener)))
    }

    /// The server of this crate, for ever.
    pub(crate) fn serve(&self, handler: impl Handler + Send + 'static) {
        let server = Server::bind(&self.path()).unwrap();
        thread::spawn(move || server.serve(&handler));
    }
}

/// Does as the examples do, with as many arguments as a test says.
pub(crate) struct Sip(pub(crate) u8);

impl Handler for Sip {
    fn arguments(&self) -> ArgumentCount {
        ArgumentCount::new(self.0).unwrap()
    }

    fn call(&self, request: &Request) -> Results {
        sip(request)
    }
}

pub(crate) fn sip(request: &Request) -> Results {
    let x = |register| request.arguments.get(register);
    match request.function.0 {
        0x8200_0000 | 0xc200_0000 => Results::of(x(Register::X1).wrapping_add(x(Register::X2))),
        0xc200_0001 => {
            Register::all().skip(1).take(4).fold(Results::of(0), |results, n| results.with(n, x(n)))
        }
        _ => Results::not_supported(),
    }
}

/// A server's end of one connection.
pub(crate) struct Peer {
    pub(crate) stream: UnixStream,
    inbox: Inbox,
}

impl Peer {
    pub(crate) fn accept(listener: &UnixListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        // A monitor that does not close when it should fails a test, and does not stop it.
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream, inbox: Inbox::new() }
    }

    /// A hello of version 1.
    pub(crate) fn hello(&mut self, arguments: u8) {
        let arguments = ArgumentCount::new(arguments).unwrap();
        self.send(ServerHello { version: Version::V1, arguments }.encode().bytes());
    }

    /// Whether the monitor still takes it.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn answer(&mut self, request: &Request) {
        self.send(&answer_to(request));
    }

    /// The next request, the monitor's hello skipped; `None` when the monitor has gone.
    pub(crate) fn request(&mut self) -> Option<Request> {
        loop {
            let mut said = None;
            // A byte at a time, so that nothing is read beyond the frame.
            while said.is_none() {
                let mut byte = [0];
                if !matches!(self.stream.read(&mut byte), Ok(1)) {
                    return None;
                }
                let keep = |body: &[u8]| {
                    said = Some(FromMonitor::decode(body)?);
                    Ok::<_, ProtocolError>(())
                };
                self.inbox.feed(&byte, keep).unwrap();
            }
            if let Some(FromMonitor::Request(request)) = said {
                return Some(request);
            }
        }
    }

    /// Waits until the monitor closes the connection; how many bytes it has sent until then.
    pub(crate) fn drain(&mut self) -> usize {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap_or(0)
    }
}

pub(crate) fn answer_to(request: &Request) -> Vec<u8> {
    Response { sequence: request.sequence, results: sip(request) }.encode().bytes().to_vec()
}

/// Tries it again until it is so, for a while.
pub(crate) fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..500 {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

//! A control socket with a scripted machine behind it.

#![allow(missing_docs, unreachable_pub, reason = "a module of tests")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    sync::{Condvar, Mutex},
    thread,
    time::Duration,
};

use switchboard_machine::control::{
    Caller, Handler, Server,
    protocol::{Change, ChangeReport, ChangeResult, Command, Problem, ProblemCode, Reply, Response},
};
use tempfile::TempDir;

/// So long is what should happen at once waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A machine that does what its commands say in these tests.
#[derive(Default)]
pub struct Machine {
    ended: Mutex<bool>,
    changed: Condvar,
    /// How many commands wait for the end.
    waiting: Mutex<u32>,
}

impl Machine {
    pub fn end(&self) {
        *self.ended.lock().unwrap() = true;
        self.changed.notify_all();
    }

    pub fn wait_for_end(&self) {
        let ended = self.ended.lock().unwrap();
        drop(self.changed.wait_while(ended, |ended| !*ended).unwrap());
    }

    pub fn wait_until_somebody_waits(&self) {
        let waiting = self.waiting.lock().unwrap();
        let (_waiting, timeout) =
            self.changed.wait_timeout_while(waiting, PATIENCE, |waiting| *waiting == 0).unwrap();
        assert!(!timeout.timed_out());
    }
}

impl Handler for Machine {
    /// `pause` panics, `reset` waits for the machine's end, `wake` until its caller has gone, `resume` is for one that has
    /// not, `set-cpus` has a large answer.
    fn handle(&self, command: Command, caller: &dyn Caller) -> Result<Reply, Problem> {
        match command {
            Command::Pause => panic!("scripted"),
            Command::Stop => {
                self.end();
                Ok(Reply::Done)
            }
            Command::Reset => {
                *self.waiting.lock().unwrap() += 1;
                self.changed.notify_all();
                self.wait_for_end();
                Err(Problem::new(ProblemCode::State, "the machine has ended"))
            }
            Command::Wake => {
                while !caller.is_gone() {
                    thread::sleep(Duration::from_millis(1));
                }
                Ok(Reply::Done)
            }
            Command::Resume if caller.is_gone() => panic!("nobody is there to read the answer"),
            Command::Status | Command::Resume => Ok(Reply::Done),
            Command::SetCpus { count, .. } => {
                let report = ChangeReport {
                    cpu: 1,
                    change: Change::Add,
                    result: ChangeResult::Online,
                    milliseconds: 7,
                };
                Ok(Reply::Changes { changes: vec![report; usize::try_from(count).unwrap()] })
            }
            _ => Err(Problem::new(ProblemCode::State, "not in this test").with_hint("take another")),
        }
    }
}

struct Closed<'server>(&'server Server);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Serves a machine for as long as `test` takes. All threads have ended when this returns.
pub fn served(machine: &Machine, test: impl FnOnce(&Path, &Server)) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("control");
    let server = Server::bind(&path).unwrap();
    thread::scope(|scope| {
        let _closed = Closed(&server);
        server.serve(scope, machine).unwrap();
        test(&path, &server);
    });
}

/// A client that says anything.
pub struct Raw(BufReader<UnixStream>);

impl Raw {
    pub fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    pub fn command(&mut self, command: &str) {
        self.send(format!("{{\"protocol\":1,\"command\":{command}}}\n"));
    }

    /// Half of it closes: there is no more to come.
    pub fn finish(&mut self) {
        self.0.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    }

    pub fn stream(&self) -> &UnixStream {
        self.0.get_ref()
    }

    #[track_caller]
    pub fn answer(&mut self) -> Result<Reply, Problem> {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "an answer is a whole line: {line:?}");
        serde_json::from_str::<Response>(&line).unwrap().answer.into()
    }

    #[track_caller]
    pub fn problem(&mut self, code: ProblemCode) -> String {
        let problem = self.answer().unwrap_err();
        assert_eq!(problem.code, code, "{problem:?}");
        problem.message
    }

    /// The server has closed the connection, and has said nothing more.
    #[track_caller]
    pub fn assert_end(&mut self) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => assert_eq!(String::from_utf8_lossy(&rest), ""),
            // It closed it with something unread.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }

    pub fn count_answers(mut self) -> usize {
        let mut count = 0;
        let mut line = String::new();
        while self.0.read_line(&mut line).unwrap() > 0 {
            serde_json::from_str::<Response>(&line).unwrap();
            line.clear();
            count += 1;
        }
        count
    }
}

//! The emulator's monitor: QEMU Machine Protocol, one JSON value a line.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest line that is read: the registers of 64 CPUs take a tenth of it.
const LONGEST: u64 = 4 << 20;

/// A conversation with the monitor, which ends at a deadline at the latest.
pub(crate) struct Monitor {
    socket: BufReader<UnixStream>,
    deadline: Instant,
}

/// Why the monitor is of no help.
pub(crate) type Unavailable = String;

impl Monitor {
    /// Connects to the monitor whose socket is at `path`; from then on it has `patience` for everything.
    pub(crate) fn connect(path: &Path, patience: Duration) -> Result<Self, Unavailable> {
        let socket = UnixStream::connect(path).map_err(|error| format!("its socket: {error}"))?;
        let mut monitor = Self { socket: BufReader::new(socket), deadline: Instant::now() + patience };
        // It greets, and takes nothing else before this (QMP specification, capabilities negotiation).
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// What the monitor for people answers to `line`.
    pub(crate) fn ask(&mut self, line: &str) -> Result<String, Unavailable> {
        let answer = self.execute("human-monitor-command", &json!({ "command-line": line }))?;
        answer.as_str().map(str::to_owned).ok_or_else(|| format!("`{line}` is answered with {answer}"))
    }

    fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, Unavailable> {
        let failed = |error: std::io::Error| format!("`{command}`: {error}");
        let left = self.left()?;
        self.socket.get_ref().set_write_timeout(Some(left)).map_err(failed)?;
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.socket.get_mut().write_all(line.as_bytes()).map_err(failed)?;
        loop {
            let message = self.message().map_err(|reason| format!("`{command}`: {reason}"))?;
            if let Some(answer) = message.get("return") {
                return Ok(answer.clone());
            }
            if let Some(error) = message.get("error") {
                return Err(format!("`{command}`: {error}"));
            }
            // The greeting, or an event.
        }
    }

    fn message(&mut self) -> Result<Value, Unavailable> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let left = self.left()?;
            self.socket.get_ref().set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
            let room = LONGEST.saturating_sub(u64::try_from(line.len()).unwrap_or(LONGEST));
            match self.socket.by_ref().take(room).read_until(b'\n', &mut line) {
                Ok(0) => return Err(String::from("no answer, and the connection is at its end")),
                Ok(_) => {}
                Err(_) => return Err(String::from("no answer")),
            }
        }
        serde_json::from_slice(&line).map_err(|error| format!("no JSON: {error}"))
    }

    /// What is left of the time; a socket takes no timeout of zero.
    fn left(&self) -> Result<Duration, Unavailable> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(String::from("no answer")) } else { Ok(left) }
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use super::*;

    use std::os::unix::net::UnixListener;
    use std::thread;

    /// A monitor at `path` that gives one client these answers to its questions, and then none.
    pub(crate) fn listen(path: &Path, answers: &[&str]) {
        let listener = UnixListener::bind(path).unwrap();
        let answers: Vec<_> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        thread::spawn(move || {
            let mut socket = BufReader::new(listener.accept().unwrap().0);
            let say = |value: Value, socket: &mut BufReader<UnixStream>| {
                socket.get_mut().write_all(format!("{value}\r\n").as_bytes()).unwrap();
            };
            say(json!({ "QMP": { "version": {}, "capabilities": [] } }), &mut socket);
            let mut answers = answers.into_iter();
            loop {
                let mut line = String::new();
                if socket.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                if line.contains("qmp_capabilities") {
                    say(json!({ "event": "RESUME" }), &mut socket);
                    say(json!({ "return": {} }), &mut socket);
                } else if let Some(answer) = answers.next() {
                    say(json!({ "return": answer }), &mut socket);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    #[test]
    fn a_question_is_answered_whatever_else_the_monitor_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor");
        fake::listen(&path, &["PC=1\r\n", "PC=2\r\n"]);
        let mut monitor = Monitor::connect(&path, PATIENCE).unwrap();
        assert_eq!(monitor.ask("info registers -a"), Ok("PC=1\r\n".into()));
        assert_eq!(monitor.ask("info registers -a"), Ok("PC=2\r\n".into()));
    }

    #[test]
    fn a_monitor_that_does_not_answer_is_waited_for_until_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor");
        fake::listen(&path, &[]);
        let mut monitor = Monitor::connect(&path, PATIENCE).unwrap();
        let begin = Instant::now();
        assert_eq!(monitor.ask("info cpus"), Err("`human-monitor-command`: no answer".into()));
        assert!(begin.elapsed() < 10 * PATIENCE);
    }

    #[test]
    fn a_monitor_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Monitor::connect(&folder.path().join("monitor"), PATIENCE).is_err());
    }
}

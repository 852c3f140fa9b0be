//! The other end of the control socket.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use super::protocol::{Command, Problem, Reply, Request, Response};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1 << 20;

/// A connection to a machine.
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the machine that listens on this socket.
    ///
    /// # Errors
    ///
    /// If nobody does, or if it may not be connected to.
    pub fn connect(path: &Path) -> io::Result<Self> {
        Ok(Self { stream: BufReader::new(UnixStream::connect(path)?) })
    }

    /// Asks, and waits for the answer: for as long as the command says, where it says so, and a moment otherwise.
    ///
    /// # Errors
    ///
    /// If the connection ends before there is an answer, or if the answer cannot be understood.
    pub fn request(&mut self, command: Command) -> io::Result<Result<Reply, Problem>> {
        let mut line = serde_json::to_vec(&Request::new(command))?;
        line.push(b'\n');
        // A machine that has too many clients closes the connection: what it has said before that is there to be read.
        let sent = self.stream.get_mut().write_all(&line);
        match (self.read_answer(), sent) {
            (Ok(answer), _) => Ok(answer),
            (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
        }
    }

    fn read_answer(&mut self) -> io::Result<Result<Reply, Problem>> {
        let mut line = Vec::new();
        self.stream.by_ref().take(MAX_ANSWER).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            let kind = io::ErrorKind::UnexpectedEof;
            return Err(io::Error::new(kind, "the machine ended the connection before its answer"));
        }
        let response: Response = serde_json::from_slice(&line).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("the answer cannot be understood: {error}"))
        })?;
        Ok(response.answer.into())
    }
}

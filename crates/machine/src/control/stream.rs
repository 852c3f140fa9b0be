//! A client's connection, line by line: every wait on it ends when the server closes.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::Errno,
};

use super::protocol::MAX_LINE;

/// Raised once and for all when a server closes.
pub(super) struct Closing {
    raised: AtomicBool,
    /// Readable then: wakes a thread that polls.
    event: OwnedFd,
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// What was waited for may be there.
    Ready,
    /// The server closes.
    Closing,
}

impl Closing {
    pub(super) fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { raised: AtomicBool::new(false), event })
    }

    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        // Fails only if the counter would overflow; then it is readable anyhow.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// Waits for a descriptor, or for the end.
    pub(super) fn wait(&self, descriptor: impl AsFd, wanted: PollFlags) -> io::Result<Woken> {
        let mut events = [PollFd::new(&self.event, PollFlags::IN), PollFd::new(&descriptor, wanted)];
        loop {
            match poll(&mut events, None) {
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(if events[0].revents().is_empty() { Woken::Ready } else { Woken::Closing })
    }
}

/// What a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its newline; the last one may have had none.
    Whole(Vec<u8>),
    /// The beginning of one that is longer than a line may be.
    TooLong,
    /// Nothing more: the client or the server closes.
    End,
}

/// A connection.
pub(super) struct Stream<'server> {
    socket: UnixStream,
    closing: &'server Closing,
    /// Received, and not yet a line that has been given out.
    received: Vec<u8>,
    /// How much of it holds no newline.
    searched: usize,
}

impl<'server> Stream<'server> {
    pub(super) fn new(socket: UnixStream, closing: &'server Closing) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, closing, received: Vec::new(), searched: 0 })
    }

    /// Waits for the next line.
    pub(super) fn read_line(&mut self) -> io::Result<Line> {
        loop {
            // A client that never stops sending does not hold up the end.
            if self.closing.is_raised() {
                return Ok(Line::End);
            }
            if let Some(line) = self.received_line() {
                return Ok(line);
            }
            let mut buffer = [0; 4096];
            match (&self.socket).read(&mut buffer) {
                Ok(0) if self.received.is_empty() => return Ok(Line::End),
                Ok(0) => {
                    self.searched = 0;
                    return Ok(Line::Whole(std::mem::take(&mut self.received)));
                }
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.closing.wait(&self.socket, PollFlags::IN)? == Woken::Closing {
                        return Ok(Line::End);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Has the other end been closed? One that has only said that it sends nothing more is still there to read.
    pub(super) fn is_hung_up(&self) -> bool {
        // Without a time this returns at once.
        let mut events = [PollFd::new(&self.socket, PollFlags::empty())];
        let polled = poll(&mut events, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        polled.is_ok() && events[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }

    fn received_line(&mut self) -> Option<Line> {
        let newline = self.received[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(length) = newline.map(|at| self.searched + at) else {
            self.searched = self.received.len();
            return (self.received.len() >= MAX_LINE).then_some(Line::TooLong);
        };
        if length >= MAX_LINE {
            return Some(Line::TooLong);
        }
        let mut line: Vec<u8> = self.received.drain(..=length).collect();
        line.pop();
        self.searched = 0;
        Some(Line::Whole(line))
    }

    /// Writes all of it. When the server closes, what the client has no room for is not waited for.
    pub(super) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match (&self.socket).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.closing.wait(&self.socket, PollFlags::OUT)? == Woken::Closing {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

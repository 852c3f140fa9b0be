//! One connection: an exchange, and the socket that carries it.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags},
    io::{Errno, read},
    net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with},
};
use switchboard_firmware::CpuIndex;

use super::{
    HANDSHAKE_TIMEOUT, LinkProblem,
    bell::{Bell, wait_for},
};
use crate::{Exchange, Slots, protocol::MonitorHello};

/// How much is received before requests get their turn again.
const TURN: usize = 4096;

/// A socket that has been connected.
#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    exchange: Exchange,
}

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shaken {
    Yes,
    /// The link closes.
    Closing,
}

impl Connection {
    /// Connects. A Unix socket does so at once, or not at all.
    pub(super) fn new(path: &Path, hello: MonitorHello) -> Result<Self, LinkProblem> {
        let address = SocketAddrUnix::new(path).map_err(|_| LinkProblem::PathTooLong)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(LinkProblem::Io)?;
        connect(&socket, &address).map_err(LinkProblem::Connect)?;
        Ok(Self { socket, exchange: Exchange::new(hello) })
    }

    /// Waits for the server's hello; at once if it has been there.
    pub(super) fn shake_hands(
        &mut self,
        slots: &Slots,
        bell: &Bell,
        closing: &dyn Fn() -> bool,
    ) -> Result<Shaken, LinkProblem> {
        let end = Instant::now() + HANDSHAKE_TIMEOUT;
        while !self.exchange.is_open() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LinkProblem::Silent);
            }
            if closing() {
                return Ok(Shaken::Closing);
            }
            self.turn(slots, bell, Some(left), &|_| {})?;
        }
        Ok(Shaken::Yes)
    }

    /// Sends what is posted, and receives what is answered, until the server or the link ends it.
    pub(super) fn serve(
        &mut self,
        slots: &Slots,
        bell: &Bell,
        closing: &dyn Fn() -> bool,
        wake: &dyn Fn(CpuIndex),
    ) -> Result<(), LinkProblem> {
        while !closing() {
            self.send(slots)?;
            self.turn(slots, bell, None, wake)?;
        }
        Ok(())
    }

    /// Calls that wait get the defined answer.
    pub(super) fn end(self, slots: &Slots, wake: &dyn Fn(CpuIndex)) {
        self.exchange.end(slots, wake);
    }

    /// Waits for something to do, and receives a piece.
    fn turn(
        &mut self,
        slots: &Slots,
        bell: &Bell,
        time: Option<Duration>,
        wake: &dyn Fn(CpuIndex),
    ) -> Result<(), LinkProblem> {
        let wanted =
            if self.exchange.output().is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let mut events =
            [PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN), PollFd::new(&self.socket, wanted)];
        wait_for(&mut events, time).map_err(LinkProblem::Io)?;
        let [rung, socket] = events.map(|event| event.revents());
        if !rung.is_empty() {
            bell.quiet();
        }
        // An end and an error are found by reading.
        if socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            self.receive(slots, wake)?;
        }
        Ok(())
    }

    fn receive(&mut self, slots: &Slots, wake: &dyn Fn(CpuIndex)) -> Result<(), LinkProblem> {
        let mut buffer = [0; TURN];
        match read(&self.socket, &mut buffer) {
            Ok(0) | Err(Errno::CONNRESET | Errno::PIPE) => Err(LinkProblem::Closed),
            Ok(count) => Ok(self.exchange.receive(&buffer[..count], slots, wake)?),
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(error) => Err(LinkProblem::Io(error)),
        }
    }

    /// Sends what is there to be sent, until there is nothing more or the socket has no room.
    fn send(&mut self, slots: &Slots) -> Result<(), LinkProblem> {
        loop {
            self.exchange.collect(slots)?;
            if self.exchange.output().is_empty() {
                return Ok(());
            }
            match send(&self.socket, self.exchange.output(), SendFlags::NOSIGNAL) {
                Ok(count) => self.exchange.sent(count),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET | Errno::PIPE) => return Err(LinkProblem::Closed),
                Err(error) => return Err(LinkProblem::Io(error)),
            }
        }
    }
}

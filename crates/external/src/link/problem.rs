//! Why there is no connection, or none any more.

use std::path::PathBuf;

use rustix::io::Errno;
use thiserror::Error;

use super::HANDSHAKE_TIMEOUT;
use crate::protocol::ProtocolError;

/// There is no server to start with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no server answers at {}", path.display())]
pub struct ConnectError {
    /// The socket.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub problem: LinkProblem,
}

/// Why there is no connection to a server, or none any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkProblem {
    /// A socket cannot have such a path.
    #[error("a socket's path cannot be so long")]
    PathTooLong,
    /// The socket is not there, or cannot be connected to.
    #[error("connecting to it failed: {0}")]
    Connect(Errno),
    /// It says nothing.
    #[error("it sent no hello within {} seconds", HANDSHAKE_TIMEOUT.as_secs())]
    Silent,
    /// It has closed the connection, or has ended.
    #[error("it closed the connection")]
    Closed,
    /// It does not keep to the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The host cannot send, receive or wait.
    #[error("the connection failed: {0}")]
    Io(Errno),
}

impl ConnectError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        self.problem.hint()
    }
}

impl LinkProblem {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::PathTooLong => "give the socket a path of 107 bytes or less, or a relative one",
            Self::Connect(Errno::NOENT) => "start the server before the machine, and check the path",
            Self::Connect(Errno::CONNREFUSED) => {
                "nobody listens on that socket any more: start the server again"
            }
            Self::Connect(Errno::ACCESS | Errno::PERM) => {
                "run the server as the same user, or let this one use its socket"
            }
            Self::Connect(Errno::AGAIN) => {
                "the server accepts no connection: check that it runs, and what it waits for"
            }
            Self::Connect(_) => "check that the path is that of a Unix stream socket",
            Self::Silent => {
                "the server must speak first; check that it is one for function IDs, and that it serves more than one monitor or \
                 range at a time"
            }
            Self::Closed => "look at what the server says about it",
            Self::Protocol(error) => error.hint(),
            Self::Io(_) => "check the host's limits, such as the number of open files",
        }
    }
}

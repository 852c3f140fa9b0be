//! What a monitor and a server say to each other, byte by byte. Nothing here does I/O, and every function is total.
//!
//! A frame is a length (`u32`, of all that follows it), a kind (`u8`) and the kind's fields. Numbers are little-endian,
//! and nothing is padded. The server speaks first, then the monitor, a [`ServerHello`] and a [`MonitorHello`]; after that
//! the monitor sends [`Request`]s, and the server exactly one [`Response`] to each, in any order.
//!
//! # Versions
//!
//! The server's hello has the highest version it speaks, the monitor's the one that is spoken from then on: the lower of
//! both. Whoever does not speak it closes the connection. What never changes is how a frame begins, the largest frame,
//! and the fields that the two hellos have now; a later version may append to a hello, so what comes after the known fields is
//! ignored. Everything else has exactly the length that its version gives it, and a kind that a version has not is an
//! error.

mod error;
mod frame;
mod hello;
mod request;
mod response;

pub use error::ProtocolError;
pub use frame::{Frame, Inbox};
pub use hello::{ArgumentCount, MonitorHello, ServerHello, Version};
pub use request::{Arguments, Request, Sequence};
pub use response::Response;

use frame::Kind;

/// The first eight bytes of either hello.
pub const MAGIC: [u8; 8] = *b"SWBDCALL";

/// The largest frame, its length included, in bytes.
pub const MAX_FRAME: usize = 256;

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromServer {
    /// Its first frame.
    Hello(ServerHello),
    /// Every other one.
    Response(Response),
}

/// What a monitor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromMonitor {
    /// Its first frame.
    Hello(MonitorHello),
    /// Every other one.
    Request(Request),
}

impl FromServer {
    /// Reads a frame without its length, as [`Inbox::feed`] gives it.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] if a server cannot have sent it.
    pub fn decode(body: &[u8]) -> Result<Self, ProtocolError> {
        match Kind::split(body)? {
            (Kind::ServerHello, fields) => ServerHello::decode(fields).map(Self::Hello),
            (Kind::Response, fields) => Response::decode(fields).map(Self::Response),
            (kind @ (Kind::MonitorHello | Kind::Request), _) => Err(ProtocolError::Kind(kind.number())),
        }
    }
}

impl FromMonitor {
    /// Reads a frame without its length, as [`Inbox::feed`] gives it.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] if a monitor cannot have sent it.
    pub fn decode(body: &[u8]) -> Result<Self, ProtocolError> {
        match Kind::split(body)? {
            (Kind::MonitorHello, fields) => MonitorHello::decode(fields).map(Self::Hello),
            (Kind::Request, fields) => Request::decode(fields).map(Self::Request),
            (kind @ (Kind::ServerHello | Kind::Response), _) => Err(ProtocolError::Kind(kind.number())),
        }
    }
}

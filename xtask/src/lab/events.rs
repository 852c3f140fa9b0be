//! What the lab's threads tell the one that runs it.

use std::os::unix::net::UnixStream;
use std::time::Instant;

use switchboard_lab_init::protocol::{Frame, Stream};

/// Something happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The control port's socket is connected; frames to the lab go there.
    Connected(UnixStream),
    /// A frame came from the lab; those that carry files are not among them.
    Frame(Frame),
    /// A file that was asked for is not to be had, and why.
    NotGot(String),
    /// The control port cannot be read any more.
    ControlEnded(String),
    /// What an output stream goes to takes no more; the reason, unless it is just closed.
    Unread(Stream, Option<String>),
    /// The emulator has ended.
    EmulatorEnded,
    /// This process got a signal.
    Signal(i32),
}

/// The earlier of two moments, either of which may never come.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

//! What is no conversation.

use thiserror::Error;

use super::{ArgumentCount, MAX_FRAME, Version};

/// What the peer has sent, or left out, that this protocol does not allow. The connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A length that no frame has.
    #[error("it announced a frame of {0} bytes: there are 1 to {max}", max = MAX_FRAME - 4)]
    Length(u32),
    /// A kind that is unknown, or that the other side sends.
    #[error("it sent a frame of kind {0}, which is not its to send")]
    Kind(u8),
    /// The frame is shorter or longer than its fields.
    #[error("its frame of kind {kind} has not the length of one ({length} bytes)")]
    Size {
        /// Which kind it is.
        kind: u8,
        /// How long it is, without its length.
        length: usize,
    },
    /// A hello that is none.
    #[error("it does not speak this protocol: its first bytes are others")]
    Magic,
    /// A version that this side does not speak.
    #[error("it speaks version {0} of the protocol, and this side {own}", own = Version::HIGHEST)]
    Version(Version),
    /// More arguments than there are.
    #[error("it asks for {0} arguments: a call has {max} at most", max = ArgumentCount::MAX.get())]
    Arguments(u8),
    /// No conduit.
    #[error("it names conduit {0}: there are 0 (HVC) and 1 (SMC)")]
    Conduit(u8),
    /// Registers that a call has not, or a result without x0.
    #[error("it sets the registers {0:#x}: x0 must be among them, and none above x17")]
    Registers(u32),
    /// A function ID range that is none.
    #[error("the range of function IDs in its hello ends before it begins")]
    Range,
    /// A frame that is well-formed, at the wrong time.
    #[error("it sent a frame of kind {0} before its hello, or a second hello")]
    Order(u8),
    /// A response to what was never asked, or has been answered.
    #[error("it answered request {0}, which does not wait for an answer")]
    Unasked(u64),
    /// Requests without a response.
    #[error("it has left {0} requests without a response")]
    Unanswered(u64),
    /// A request with more or fewer arguments than were asked for.
    #[error("its request has {got} arguments, and {asked} were asked for")]
    ArgumentCount {
        /// How many it has.
        got: u8,
        /// How many the server's hello asked for.
        asked: u8,
    },
}

impl ProtocolError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Magic => {
                "check that the path is that of a server for function IDs, and not another program's socket"
            }
            Self::Version(_) => "use a server and a monitor of which one speaks the version of the other",
            Self::Unasked(_) | Self::Unanswered(_) => {
                "the server must send exactly one response to each request, with the request's sequence number"
            }
            _ => "compare what the server sends with the protocol's reference page",
        }
    }
}

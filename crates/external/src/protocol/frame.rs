//! Frames: how they begin and end.

use super::{MAX_FRAME, ProtocolError};

/// How many bytes a length has.
const LENGTH: usize = 4;
/// How many may follow it.
const LONGEST: usize = MAX_FRAME - LENGTH;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ServerHello,
    MonitorHello,
    Request,
    Response,
}

impl Kind {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::ServerHello => 1,
            Self::MonitorHello => 2,
            Self::Request => 3,
            Self::Response => 4,
        }
    }

    /// The kind of a frame, and its fields.
    pub(super) fn split(body: &[u8]) -> Result<(Self, &[u8]), ProtocolError> {
        let (&number, fields) = body.split_first().ok_or(ProtocolError::Length(0))?;
        let kind = match number {
            1 => Self::ServerHello,
            2 => Self::MonitorHello,
            3 => Self::Request,
            4 => Self::Response,
            unknown => return Err(ProtocolError::Kind(unknown)),
        };
        Ok((kind, fields))
    }

    /// Its fields have not the length they must have.
    pub(super) const fn size(self, fields: &[u8]) -> ProtocolError {
        ProtocolError::Size { kind: self.number(), length: fields.len() + 1 }
    }
}

/// A frame to send.
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: [u8; MAX_FRAME],
    length: u8,
}

impl Frame {
    /// The largest one is a response that sets every register.
    const LARGEST: usize = LENGTH + 1 + 8 + 4 + 18 * 8;

    pub(super) fn new(kind: Kind) -> Self {
        const { assert!(Self::LARGEST <= MAX_FRAME) };
        let mut frame = Self { bytes: [0; MAX_FRAME], length: 4 };
        frame.push([kind.number()]);
        frame
    }

    /// Appends a field. The kinds there are leave room for all of theirs: see above.
    pub(super) fn push<const N: usize>(&mut self, field: [u8; N]) {
        for byte in field {
            self.bytes[usize::from(self.length)] = byte;
            self.length += 1;
        }
        let [first, ..] = &mut self.bytes;
        *first = self.length - 4;
    }

    /// What goes over the connection.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Puts frames together from bytes that come in pieces of any size. It holds one frame at most.
#[derive(Debug)]
pub struct Inbox {
    bytes: [u8; MAX_FRAME],
    length: usize,
}

impl Inbox {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; MAX_FRAME], length: 0 }
    }

    /// Takes what has been received, and gives out each frame that is whole, without its length.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Length`], as soon as a length is there that no frame has, and the first error of `take`. Nothing more
    /// can be made of the connection then.
    pub fn feed<E: From<ProtocolError>>(
        &mut self,
        mut received: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while !received.is_empty() {
            let missing = self.whole()? - self.length;
            let (piece, rest) = received.split_at(missing.min(received.len()));
            self.bytes[self.length..][..piece.len()].copy_from_slice(piece);
            self.length += piece.len();
            received = rest;
            let whole = self.whole()?;
            if self.length == whole && whole > LENGTH {
                self.length = 0;
                take(&self.bytes[LENGTH..whole])?;
            }
        }
        Ok(())
    }

    /// How many bytes there will be once the frame is whole; as long as its length is not, those of the length.
    fn whole(&self) -> Result<usize, ProtocolError> {
        let Some((length, _)) = self.bytes[..self.length].split_first_chunk::<LENGTH>() else {
            return Ok(LENGTH);
        };
        let length = u32::from_le_bytes(*length);
        match usize::try_from(length) {
            Ok(body @ 1..=LONGEST) => Ok(LENGTH + body),
            _ => Err(ProtocolError::Length(length)),
        }
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

/// Fields, one after the other.
pub(super) struct Fields<'frame>(pub(super) &'frame [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

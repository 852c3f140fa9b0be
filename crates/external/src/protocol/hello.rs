//! The first frame of either side.

use core::fmt;

use switchboard_filter::Range;
use switchboard_smccc::FunctionId;

use super::{
    Frame, MAGIC, ProtocolError,
    frame::{Fields, Kind},
};

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

/// How many of x1 to x17 a server wants with each request, x1 first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArgumentCount(u8);

/// What a server says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello {
    /// The highest version it speaks.
    pub version: Version,
    /// How many arguments it wants.
    pub arguments: ArgumentCount,
}

/// What a monitor answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorHello {
    /// The version that is spoken from now on.
    pub version: Version,
    /// The function IDs that it will ask about.
    pub range: Range,
    /// How many CPUs its guest can have.
    pub cpus: u32,
}

impl Version {
    /// The only one so far.
    pub const V1: Self = Self(1);
    /// The highest one that this crate speaks.
    pub const HIGHEST: Self = Self::V1;

    /// Does this crate speak it?
    #[must_use]
    pub fn is_spoken(self) -> bool {
        (Self::V1..=Self::HIGHEST).contains(&self)
    }

    /// The version that a monitor speaks with a server whose highest is this one.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Version`] if there is none that both speak.
    pub fn agreed(self) -> Result<Self, ProtocolError> {
        let lower = self.min(Self::HIGHEST);
        if lower.is_spoken() { Ok(lower) } else { Err(ProtocolError::Version(self)) }
    }
}

impl ArgumentCount {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// x1 to x17.
    pub const MAX: Self = Self(17);

    /// So many, or `None` if a call has not as many.
    #[must_use]
    pub const fn new(count: u8) -> Option<Self> {
        if count <= Self::MAX.0 { Some(Self(count)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl ServerHello {
    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Frame {
        let mut frame = Frame::new(Kind::ServerHello);
        frame.push(MAGIC);
        frame.push(self.version.0.to_le_bytes());
        frame.push([self.arguments.0]);
        frame
    }

    pub(super) fn decode(fields: &[u8]) -> Result<Self, ProtocolError> {
        let size = || Kind::ServerHello.size(fields);
        let mut rest = Fields(fields);
        read_magic(&mut rest).ok_or_else(size)??;
        let version = Version(rest.u16().ok_or_else(size)?);
        let count = rest.u8().ok_or_else(size)?;
        let arguments = ArgumentCount::new(count).ok_or(ProtocolError::Arguments(count))?;
        Ok(Self { version, arguments })
    }
}

impl MonitorHello {
    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Frame {
        let mut frame = Frame::new(Kind::MonitorHello);
        frame.push(MAGIC);
        frame.push(self.version.0.to_le_bytes());
        frame.push(self.range.first().0.to_le_bytes());
        frame.push(self.range.last().0.to_le_bytes());
        frame.push(self.cpus.to_le_bytes());
        frame
    }

    pub(super) fn decode(fields: &[u8]) -> Result<Self, ProtocolError> {
        let size = || Kind::MonitorHello.size(fields);
        let mut rest = Fields(fields);
        read_magic(&mut rest).ok_or_else(size)??;
        let version = Version(rest.u16().ok_or_else(size)?);
        let first = rest.u32().ok_or_else(size)?;
        let last = rest.u32().ok_or_else(size)?;
        let cpus = rest.u32().ok_or_else(size)?;
        Ok(Self { version, range: range(first, last)?, cpus })
    }
}

/// A hello that ends within its magic has no size; one that has another is somebody else's protocol.
fn read_magic(rest: &mut Fields<'_>) -> Option<Result<(), ProtocolError>> {
    let magic = rest.take()?;
    Some(if magic == MAGIC { Ok(()) } else { Err(ProtocolError::Magic) })
}

fn range(first: u32, last: u32) -> Result<Range, ProtocolError> {
    let count = last.checked_sub(first).and_then(|more| more.checked_add(1));
    match count.map(|count| Range::new(FunctionId(first), count)) {
        Some(Ok(range)) => Ok(range),
        // All 2^32 function IDs are a range that has no count of 32 bits.
        None if (first, last) == (0, u32::MAX) => Ok(Range::ALL),
        _ => Err(ProtocolError::Range),
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

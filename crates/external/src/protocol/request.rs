//! One call, on its way to the server.

use core::fmt;

use switchboard_smccc::{Conduit, FunctionId, Register};

use super::{
    ArgumentCount, Frame, ProtocolError,
    frame::{Fields, Kind},
};

/// Which request it is. A monitor uses none twice; to a server it has no other meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// x1 and as many of those after it as the server asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Arguments {
    /// Zero from `count` on.
    values: [u64; 17],
    count: ArgumentCount,
}

/// A call that the server is to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// To be given back with the response.
    pub sequence: Sequence,
    /// The function ID, without the SVE hint.
    pub function: FunctionId,
    /// The instruction that carried the call.
    pub conduit: Conduit,
    /// The CPU that calls: 0 is the one that boots.
    pub caller: u32,
    /// Its arguments.
    pub arguments: Arguments,
}

impl Arguments {
    /// As many as `count`, each one asked for once, x1 first.
    pub fn read(count: ArgumentCount, mut argument: impl FnMut(Register) -> u64) -> Self {
        let mut values = [0; 17];
        let registers = Register::all().skip(1).take(usize::from(count.get()));
        for (value, register) in values.iter_mut().zip(registers) {
            *value = argument(register);
        }
        Self { values, count }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> ArgumentCount {
        self.count
    }

    /// What is in this register; 0 if it was not asked for, and for x0.
    #[must_use]
    pub fn get(&self, register: Register) -> u64 {
        register.index().checked_sub(1).map_or(0, |index| self.values[index])
    }

    /// x1 and so on.
    #[must_use]
    pub fn values(&self) -> &[u64] {
        &self.values[..usize::from(self.count.get())]
    }
}

impl Request {
    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Frame {
        let mut frame = Frame::new(Kind::Request);
        frame.push(self.sequence.0.to_le_bytes());
        frame.push(self.function.0.to_le_bytes());
        frame.push(self.caller.to_le_bytes());
        frame.push([conduit_number(self.conduit)]);
        for value in self.arguments.values() {
            frame.push(value.to_le_bytes());
        }
        frame
    }

    pub(super) fn decode(fields: &[u8]) -> Result<Self, ProtocolError> {
        let size = || Kind::Request.size(fields);
        let mut rest = Fields(fields);
        let sequence = Sequence(rest.u64().ok_or_else(size)?);
        let function = FunctionId(rest.u32().ok_or_else(size)?);
        let caller = rest.u32().ok_or_else(size)?;
        let conduit = conduit(rest.u8().ok_or_else(size)?)?;
        let arguments = Arguments::decode(rest).ok_or_else(size)?;
        Ok(Self { sequence, function, conduit, caller, arguments })
    }
}

impl Arguments {
    /// All that is left of a frame.
    fn decode(mut rest: Fields<'_>) -> Option<Self> {
        let count = u8::try_from(rest.0.len() / 8).ok().and_then(ArgumentCount::new)?;
        let arguments = Self::read(count, |_| rest.u64().unwrap_or(0));
        rest.0.is_empty().then_some(arguments)
    }
}

const fn conduit_number(conduit: Conduit) -> u8 {
    match conduit {
        Conduit::Hvc => 0,
        Conduit::Smc => 1,
    }
}

const fn conduit(number: u8) -> Result<Conduit, ProtocolError> {
    match number {
        0 => Ok(Conduit::Hvc),
        1 => Ok(Conduit::Smc),
        unknown => Err(ProtocolError::Conduit(unknown)),
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

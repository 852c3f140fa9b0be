//! What a call returns, on its way back.

use switchboard_firmware::Results;
use switchboard_smccc::Register;

use super::{
    Frame, ProtocolError, Sequence,
    frame::{Fields, Kind},
};

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// That of the request.
    pub sequence: Sequence,
    /// x0, and any others of the caller's registers; all that are not among them keep what is in them.
    pub results: Results,
}

impl Response {
    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Frame {
        let mut frame = Frame::new(Kind::Response);
        let set = self.results.iter().fold(0_u32, |set, (register, _)| set | 1 << register.number());
        frame.push(self.sequence.0.to_le_bytes());
        frame.push(set.to_le_bytes());
        for (_, value) in self.results.iter() {
            frame.push(value.to_le_bytes());
        }
        frame
    }

    pub(super) fn decode(fields: &[u8]) -> Result<Self, ProtocolError> {
        let size = || Kind::Response.size(fields);
        let mut rest = Fields(fields);
        let sequence = Sequence(rest.u64().ok_or_else(size)?);
        let set = rest.u32().ok_or_else(size)?;
        if set & 1 == 0 || set >> Register::COUNT != 0 {
            return Err(ProtocolError::Registers(set));
        }
        let mut results = Results::of(rest.u64().ok_or_else(size)?);
        for register in Register::all().skip(1).filter(|register| set & (1 << register.number()) != 0) {
            results = results.with(register, rest.u64().ok_or_else(size)?);
        }
        if rest.0.is_empty() { Ok(Self { sequence, results }) } else { Err(size()) }
    }
}

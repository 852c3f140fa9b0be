//! The hypercalls that are implemented: the one list behind the answers and the support table.

use switchboard_smccc::hyperv::CallCode;

/// A hypercall that [`HyperV`](super::HyperV) implements. Both take a list of elements behind one header (rep hypercalls).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hypercall {
    GetVpRegisters,
    SetVpRegisters,
}

impl Hypercall {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::GetVpRegisters, Self::SetVpRegisters];

    /// The length of the header of either: guest, CPU and trust level. In bytes.
    pub(super) const HEADER: usize = 16;

    /// The implemented hypercall with this code.
    pub(super) const fn from_code(code: CallCode) -> Option<Self> {
        Some(match code {
            CallCode::GET_VP_REGISTERS => Self::GetVpRegisters,
            CallCode::SET_VP_REGISTERS => Self::SetVpRegisters,
            _ => return None,
        })
    }

    /// The length of what the guest hands over for each element, in bytes: a name; or a name, padding, and a value.
    pub(super) const fn input_element(self) -> usize {
        match self {
            Self::GetVpRegisters => 4,
            Self::SetVpRegisters => 32,
        }
    }

    /// The length of what it gets for each element, in bytes: a value.
    pub(super) const fn output_element(self) -> usize {
        match self {
            Self::GetVpRegisters => 16,
            Self::SetVpRegisters => 0,
        }
    }
}

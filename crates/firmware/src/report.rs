//! What a guest says of itself, and people may want to know.

use crate::CpuIndex;

/// What a guest says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report<'call> {
    /// It has crashed: its kernel panicked.
    Crash {
        /// The CPU that says so.
        cpu: CpuIndex,
        /// Five numbers of the guest's choice, P0 to P4.
        parameters: [u64; 5],
        /// What it has to say about it: bytes of the guest's choice, as many as its interface admits. `None` where it says
        /// nothing.
        message: Option<&'call [u8]>,
    },
}

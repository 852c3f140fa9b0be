//! What is saved of it with a machine.

use alloc::vec::Vec;
use core::fmt;

use crate::CpuIndex;

/// What a guest has set and asked for: plain data, to be saved with a machine.
///
/// The reference time is not in it: [`HyperV::reference_time`](super::HyperV::reference_time) has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HyperVState {
    /// What the guest says it is.
    pub guest_os_id: u64,
    /// P0 to P4, as the guest set them last.
    pub crash_parameters: [u64; 5],
    /// The CPUs that have asked for their number, each once, in any order.
    pub asked_for_vp_index: Vec<CpuIndex>,
}

/// A state is none of this guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreError {
    /// The guest has no such CPU.
    NoSuchCpu(CpuIndex),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchCpu(cpu) => {
                write!(f, "the saved state of Hyper-V is of a guest with {cpu}, which this one has not")
            }
        }
    }
}

impl core::error::Error for RestoreError {}

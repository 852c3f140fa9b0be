//! What a service makes of each function of its specification: the guide's tables come from here.

use switchboard_smccc::{catalogue, psci::Version};

/// A row of a support table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// The function, with its ID and widths.
    pub function: &'static catalogue::Function,
    /// Is it answered?
    pub supported: Supported,
    /// How it behaves where the specification leaves a choice, and every difference from KVM's own service.
    pub note: &'static str,
}

/// Is a function answered?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supported {
    /// Yes.
    Yes,
    /// From this version of its specification on. With an earlier one it is NOT_SUPPORTED, and discovery says so.
    Since(Version),
    /// It is NOT_SUPPORTED, and discovery says so.
    No,
}

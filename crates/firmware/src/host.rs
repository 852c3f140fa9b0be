//! What a pure service has not, lent by the machine.

use switchboard_smccc::Ipa;

/// Facts and means of the machine around the firmware. Each defaults to refusal, so that an embedder lends
/// what it has, and a test scripts what it needs.
pub trait Host {
    /// Is this address in the guest's memory, so that a CPU can run from it?
    fn is_memory(&self, address: Ipa) -> bool {
        let _ = address;
        false
    }
}

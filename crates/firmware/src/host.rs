//! What a pure service has not, lent by the machine.

use core::time::Duration;

use switchboard_smccc::Ipa;

/// Facts and means of the machine around the firmware. Each defaults to refusal, so that an embedder lends
/// what it has, and a test scripts what it needs.
pub trait Host {
    /// Is this range of addresses in the guest's memory, so that a CPU can run from it? `length` is in bytes; an empty
    /// range is where its address is.
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        let _ = (address, length);
        false
    }

    /// The time of a clock that never goes back, from any point in time on. Without one, statistics of time are zero.
    fn monotonic(&self) -> Option<Duration> {
        None
    }
}

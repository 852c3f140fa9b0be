//! What a pure service has not, lent by the machine.

use core::{fmt, time::Duration};

use switchboard_smccc::{Conduit, FunctionId, InterruptId, Ipa};

use crate::{CpuIndex, Report};

/// Facts and means of the machine around the firmware. Each defaults to refusal, so that an embedder lends
/// what it has, and a test scripts what it needs.
///
/// Every method is called on the thread of a vCPU that waits for its answer: none may block.
pub trait Host {
    /// Is this range of addresses in the guest's memory, so that a CPU can run from it? `length` is in bytes; an empty
    /// range is where its address is.
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        let _ = (address, length);
        false
    }

    /// May the guest call this function over this conduit, by its policy? What it may not call is not advertised by
    /// functions like `PSCI_FEATURES`: an answer and a discovery that disagree lead guests astray.
    fn allows(&self, function: FunctionId, conduit: Conduit) -> bool {
        let _ = (function, conduit);
        true
    }

    /// Copies from the guest's memory to `bytes`. The guest may write there meanwhile: whatever is read is checked after it
    /// has been read, and read once.
    ///
    /// # Errors
    ///
    /// [`NotMemory`] if not all of it is there. What is in `bytes` then is not to be used.
    fn read_memory(&self, address: Ipa, bytes: &mut [u8]) -> Result<(), NotMemory> {
        let _ = (address, bytes);
        Err(NotMemory)
    }

    /// Copies `bytes` to the guest's memory, or to memory that the machine gave the guest for the purpose.
    ///
    /// # Errors
    ///
    /// [`NotMemory`] if not all of it is there; then nothing has been written.
    fn write_memory(&self, address: Ipa, bytes: &[u8]) -> Result<(), NotMemory> {
        let _ = (address, bytes);
        Err(NotMemory)
    }

    /// Sees to it that [`Service::before_entry`](crate::Service::before_entry) is asked before this CPU next enters the guest,
    /// and that it leaves the guest for it soon, if it is there. It may be the calling CPU. Without it, services that switch a
    /// CPU's context do so when the CPU happens to leave the guest.
    fn kick(&self, cpu: CpuIndex) {
        let _ = cpu;
    }

    /// A service has taken an interrupt for itself, or given it back: the machine is to ask it where the interrupt goes now.
    fn rerouted(&self, interrupt: InterruptId) {
        let _ = interrupt;
    }

    /// Says what the guest has said of itself. A guest can say it as often as it likes: what is kept of it must be bounded.
    fn report(&self, report: Report<'_>) {
        let _ = report;
    }

    /// The time of a clock that never goes back, from any point in time on. It stands still while the machine does.
    /// Without one, statistics of time are zero, and what needs deadlines is not supported.
    fn monotonic(&self) -> Option<Duration> {
        None
    }

    /// What time it is, and what the guest's counters showed at that moment.
    fn wall_clock(&self) -> Option<WallClock> {
        None
    }

    /// Fills `bytes` with random bits fit for keys.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`] if there are not that many yet. What is in `bytes` then is not to be used.
    fn entropy(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        let _ = bytes;
        Err(NoEntropy)
    }
}

/// A moment, on the wall clock and on a guest's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallClock {
    /// Since 1970-01-01 00:00 UTC, without leap seconds.
    pub since_epoch: Duration,
    /// What the guest would have read in `CNTVCT_EL0`.
    pub virtual_counter: u64,
    /// What the guest would have read in `CNTPCT_EL0`.
    pub physical_counter: u64,
}

/// There is no such memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotMemory;

/// There are no random bits now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoEntropy;

impl fmt::Display for NotMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the guest has no memory there")
    }
}

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are no random bits now")
    }
}

impl core::error::Error for NotMemory {}
impl core::error::Error for NoEntropy {}

//! The records of stolen time (DEN0057): memory of the guest that is not among what it may use for itself.

use switchboard_firmware::pv_time::RECORD_SIZE;
use switchboard_smccc::Ipa;

use crate::{Error, Memory, layout};

/// A record for each CPU, one after the other, all zero.
pub(crate) struct StolenTime {
    memory: Memory,
}

/// The largest page of an arm64 kernel: memory of a guest begins and ends at a page of the host's.
const GRANULE: u64 = 0x1_0000;

impl StolenTime {
    pub(crate) fn new(cpus: u32) -> Result<Self, Error> {
        let size = u64::from(cpus).saturating_mul(RECORD_SIZE).next_multiple_of(GRANULE);
        Memory::at(layout::STOLEN_TIME, size).map(|memory| Self { memory })
    }

    /// All of them.
    pub(crate) const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Where a CPU's record is.
    pub(crate) fn record(cpu: usize) -> Ipa {
        let offset = u64::try_from(cpu).unwrap_or(u64::MAX).saturating_mul(RECORD_SIZE);
        Ipa(layout::STOLEN_TIME.0.saturating_add(offset))
    }
}

//! The functions that are implemented: the one list behind `PV_TIME_FEATURES`, the answers and the support table.

use switchboard_smccc::{FunctionId, pv_time};

/// A function that [`PvTime`](super::PvTime) implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Features,
    StolenTime,
}

impl Function {
    /// The implemented function with this ID. There are no SMC32 forms.
    pub(super) const fn from_id(id: FunctionId) -> Option<Self> {
        match id {
            pv_time::FEATURES => Some(Self::Features),
            pv_time::STOLEN_TIME => Some(Self::StolenTime),
            _ => None,
        }
    }
}

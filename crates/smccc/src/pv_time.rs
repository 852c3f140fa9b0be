//! Paravirtualized time (DEN0057).

use crate::FunctionId;

/// `PV_TIME_FEATURES`.
pub const FEATURES: FunctionId = FunctionId(0xc500_0020);
/// `PV_TIME_ST`: where the record of stolen time is.
pub const STOLEN_TIME: FunctionId = FunctionId(0xc500_0021);

//! Paravirtualized time (DEN0057).

use crate::FunctionId;

/// `PV_TIME_FEATURES`.
pub const FEATURES: FunctionId = FunctionId(0xc500_0020);
/// `PV_TIME_ST`: where the record of stolen time is.
pub const STOLEN_TIME: FunctionId = FunctionId(0xc500_0021);

/// How many function IDs there are, from [`FEATURES`] on.
pub const FUNCTION_COUNT: u32 = 2;

/// The length of a record of stolen time: revision and attributes, of 32 bits each, and the stolen time in nanoseconds, of
/// 64 bits, all little-endian.
pub const STOLEN_TIME_LENGTH: usize = 16;

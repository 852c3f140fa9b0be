//! The True Random Number Generator firmware interface (DEN0098, version 1.0).

use crate::FunctionId;

/// `TRNG_VERSION`.
pub const VERSION: FunctionId = FunctionId(0x8400_0050);
/// `TRNG_FEATURES`.
pub const FEATURES: FunctionId = FunctionId(0x8400_0051);
/// `TRNG_GET_UUID`.
pub const GET_UUID: FunctionId = FunctionId(0x8400_0052);
/// `TRNG_RND`, SMC32: at most 96 bits.
pub const RND_32: FunctionId = FunctionId(0x8400_0053);
/// `TRNG_RND`, SMC64: at most 192 bits.
pub const RND_64: FunctionId = FunctionId(0xc400_0053);

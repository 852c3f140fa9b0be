//! The True Random Number Generator firmware interface (DEN0098, version 1.0).

use core::fmt;

use crate::{FunctionId, uuid::Uuid};

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

/// How many function numbers TRNG has set aside in each width: 0x50 to 0x5f.
pub const FUNCTION_COUNT: u32 = 0x10;
/// The first SMC32 function ID of TRNG.
pub const FIRST_32: FunctionId = FunctionId(0x8400_0050);
/// The first SMC64 function ID of TRNG.
pub const FIRST_64: FunctionId = FunctionId(0xc400_0050);

/// What `TRNG_VERSION` returns: 1.0.
pub const VERSION_1_0: u64 = 0x1_0000;

/// What `TRNG_GET_UUID` returns where Switchboard is the source.
pub const UUID: Uuid =
    Uuid([0x51, 0x90, 0xb8, 0x13, 0xa5, 0x9e, 0x44, 0x75, 0x80, 0xd9, 0x60, 0x9e, 0xff, 0xc5, 0xac, 0xcf]);

/// A status code. They are TRNG's own: -2 and -3 are others in SMCCC.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub i32);

impl Status {
    /// It is done.
    pub const SUCCESS: Self = Self(0);
    /// Nobody implements this function.
    pub const NOT_SUPPORTED: Self = Self(-1);
    /// An argument makes no sense.
    pub const INVALID_PARAMETERS: Self = Self(-2);
    /// There are not that many random bits now.
    pub const NO_ENTROPY: Self = Self(-3);

    /// The value for x0, sign-extended to 64 bits as KVM does for either width.
    #[must_use]
    pub fn to_x0(self) -> u64 {
        i64::from(self.0).cast_unsigned()
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::SUCCESS => "SUCCESS",
            Self::NOT_SUPPORTED => "NOT_SUPPORTED",
            Self::INVALID_PARAMETERS => "INVALID_PARAMETERS",
            Self::NO_ENTROPY => "NO_ENTROPY",
            Self(_) => "unknown",
        };
        write!(f, "Status({}, {name})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_entropy_is_minus_3_in_64_bits() {
        assert_eq!(Status::SUCCESS.to_x0(), 0);
        assert_eq!(Status::INVALID_PARAMETERS.to_x0(), 0xffff_ffff_ffff_fffe);
        assert_eq!(Status::NO_ENTROPY.to_x0(), 0xffff_ffff_ffff_fffd);
    }
}

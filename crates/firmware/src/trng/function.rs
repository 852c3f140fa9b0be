//! The functions that are implemented: the one list behind `TRNG_FEATURES`, the answers and the support table.

use switchboard_smccc::{FunctionId, trng};

/// A function of TRNG that [`Trng`](super::Trng) implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Version,
    Features,
    GetUuid,
    Rnd32,
    Rnd64,
}

impl Function {
    /// The implemented function with this ID, in exactly the widths that the specification gives it.
    pub(super) const fn from_id(id: FunctionId) -> Option<Self> {
        Some(match id {
            trng::VERSION => Self::Version,
            trng::FEATURES => Self::Features,
            trng::GET_UUID => Self::GetUuid,
            trng::RND_32 => Self::Rnd32,
            trng::RND_64 => Self::Rnd64,
            _ => return None,
        })
    }
}

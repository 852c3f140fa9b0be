//! Random bits, and the registers they come in.

use core::num::NonZeroU8;

use switchboard_smccc::{Width, trng::Status};

use crate::{Host, NoEntropy, Results};

/// The most bytes that a call can ask for: 192 bits.
const MOST_BYTES: usize = 24;

/// A number of bits that fits the three result registers of a call: 1 to 192.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BitCount(NonZeroU8);

impl BitCount {
    /// The number that a call of this width asks for, if it may (DEN0098, `TRNG_RND`).
    ///
    /// 0 is refused, as TF-A does (`services/std_svc/trng/trng_main.c`). KVM takes it and returns zeros; nobody has a use
    /// for those, and a guest that asks for 0 bits has made a mistake it should hear of.
    pub(super) fn new(bits: u32, width: Width) -> Option<Self> {
        let most = match width {
            Width::Smc32 => 96,
            Width::Smc64 => 192,
        };
        u8::try_from(bits).ok().filter(|&bits| bits <= most).and_then(NonZeroU8::new).map(Self)
    }

    pub(super) fn bits(self) -> u8 {
        self.0.get()
    }

    /// How many bytes hold them: 1 to [`MOST_BYTES`].
    fn bytes(self) -> usize {
        usize::from(self.bits().div_ceil(8))
    }

    /// The bits of the highest byte that were asked for.
    fn highest_byte(self) -> u8 {
        u8::MAX >> ((8 - self.bits() % 8) % 8)
    }
}

/// That many random bits, as results: the lowest in x3, the next in x2, the highest in x1, those beyond are zero (DEN0098,
/// `TRNG_RND`). The host is asked for no byte that is not used.
pub(super) fn draw(count: BitCount, width: Width, host: &dyn Host) -> Result<Results, NoEntropy> {
    let mut bytes = [0; MOST_BYTES];
    let drawn = &mut bytes[..count.bytes()];
    host.entropy(drawn)?;
    if let Some(highest) = drawn.last_mut() {
        *highest &= count.highest_byte();
    }
    let word_length = match width {
        Width::Smc32 => 4,
        Width::Smc64 => 8,
    };
    let mut words = bytes.chunks(word_length).map(little_endian);
    let mut next = || words.next().unwrap_or(0);
    let (x3, x2, x1) = (next(), next(), next());
    Ok(Results::of_four([Status::SUCCESS.to_x0(), x1, x2, x3]))
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

//! Numbers that a seed decides.

/// `SplitMix64` (Steele, Lea and Flood, 2014): small, and the same everywhere and for ever, as a replay needs.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The numbers of one program of a campaign.
    #[must_use]
    pub fn of_program(seed: u64, number: u64) -> Self {
        let mut random = Self(seed);
        let start = random.bits();
        Self(start ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// 32 random bits.
    pub fn word(&mut self) -> u32 {
        let [b0, b1, b2, b3, ..] = self.bits().to_le_bytes();
        u32::from_le_bytes([b0, b1, b2, b3])
    }

    /// A number below `bound`, which is not 0. Not exactly uniform: nothing here needs that.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// An index below `length`, which is not 0.
    pub fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them; there must be one.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}

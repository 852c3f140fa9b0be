//! Reproducible pseudo-random numbers: xorshift64 (Marsaglia, 2003).

pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        // Zero is the one state that xorshift never leaves.
        Self(if seed == 0 { 1 } else { seed })
    }

    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A value in whose upper half a bit is set and whose lower half is `low`.
    pub fn dirty(&mut self, low: u32) -> u64 {
        (self.next() | 1) << 32 | u64::from(low)
    }
}

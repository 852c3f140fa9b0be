//! What a CPU says about a trap.

use core::fmt;

use switchboard_smccc::Conduit;

/// A value of `ESR_EL2` (Arm ARM, D24.2.40): exception class in bits `[31:26]`, instruction length in bit 25, the rest
/// by class.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Syndrome(pub u64);

/// The four classes by which a call arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionClass {
    /// 0x12: `HVC` in AArch32 state.
    Hvc32,
    /// 0x13: `SMC` in AArch32 state.
    Smc32,
    /// 0x16: `HVC` in AArch64 state.
    Hvc64,
    /// 0x17: `SMC` in AArch64 state.
    Smc64,
}

/// How long the trapped instruction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstructionLength {
    Bits16,
    Bits32,
}

impl ExceptionClass {
    /// The six-bit value.
    #[must_use]
    pub const fn value(self) -> u64 {
        match self {
            Self::Hvc32 => 0x12,
            Self::Smc32 => 0x13,
            Self::Hvc64 => 0x16,
            Self::Smc64 => 0x17,
        }
    }

    /// The instruction.
    #[must_use]
    pub const fn conduit(self) -> Conduit {
        match self {
            Self::Hvc32 | Self::Hvc64 => Conduit::Hvc,
            Self::Smc32 | Self::Smc64 => Conduit::Smc,
        }
    }
}

impl Syndrome {
    /// `IL`: the instruction is 32 bits long.
    const IL: u64 = 1 << 25;

    /// The syndrome of a 32-bit `HVC` or `SMC`. An `SMC` in AArch32 state does not report its immediate.
    #[must_use]
    pub fn new(class: ExceptionClass, immediate: u16) -> Self {
        let immediate = if class == ExceptionClass::Smc32 { 0 } else { immediate };
        Self(class.value() << 26 | Self::IL | u64::from(immediate))
    }

    /// The class, if this is a call.
    #[must_use]
    pub const fn class(self) -> Option<ExceptionClass> {
        match self.0 >> 26 & 0x3f {
            0x12 => Some(ExceptionClass::Hvc32),
            0x13 => Some(ExceptionClass::Smc32),
            0x16 => Some(ExceptionClass::Hvc64),
            0x17 => Some(ExceptionClass::Smc64),
            _ => None,
        }
    }

    /// The immediate of the instruction, where the class has one.
    #[must_use]
    pub const fn immediate(self) -> u16 {
        let [low, high, ..] = self.0.to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    pub(crate) const fn length(self) -> InstructionLength {
        if self.0 & Self::IL == 0 { InstructionLength::Bits16 } else { InstructionLength::Bits32 }
    }
}

impl fmt::Debug for Syndrome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Syndrome({:#x}", self.0)?;
        if let Some(class) = self.class() {
            write!(f, ", {class:?}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_is_in_bits_31_to_26_and_the_immediate_in_15_to_0() {
        let syndrome = Syndrome::new(ExceptionClass::Smc64, 0x1234);
        assert_eq!(syndrome, Syndrome(0x5e00_1234));
        assert_eq!(syndrome.class(), Some(ExceptionClass::Smc64));
        assert_eq!(syndrome.immediate(), 0x1234);
        assert_eq!(Syndrome(0x9200_0000).class(), None, "a data abort");
    }

    #[test]
    fn an_smc_in_aarch32_state_has_no_immediate() {
        assert_eq!(Syndrome::new(ExceptionClass::Smc32, 7).immediate(), 0);
    }
}

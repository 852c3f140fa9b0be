//! The CPUs among which a guest may be moved.

use core::{fmt, str::FromStr};

/// An implementation of a CPU on which the guest may find itself: with what its identification registers read there.
///
/// A guest enables the workarounds for the errata of all of them (Linux, `arch/arm64/kernel/cpu_errata.c`).
///
/// As text it is `MIDR:REVIDR:AIDR`, each decimal or, with `0x`, hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Implementation {
    /// `MIDR_EL1`: who made it, and which part and revision it is.
    pub midr: u64,
    /// `REVIDR_EL1`: which errata are fixed in it.
    pub revidr: u64,
    /// `AIDR_EL1`: whatever its maker says.
    pub aidr: u64,
}

/// A text is no [`Implementation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImplementationError {
    /// There are not three numbers with a colon between each two.
    Form,
    /// What should be the value of this register is no number of 64 bits.
    Number(&'static str),
}

impl FromStr for Implementation {
    type Err = ImplementationError;

    fn from_str(text: &str) -> Result<Self, ImplementationError> {
        let mut fields = text.split(':');
        let (Some(midr), Some(revidr), Some(aidr), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(ImplementationError::Form);
        };
        Ok(Self {
            midr: number(midr, "MIDR_EL1")?,
            revidr: number(revidr, "REVIDR_EL1")?,
            aidr: number(aidr, "AIDR_EL1")?,
        })
    }
}

fn number(text: &str, register: &'static str) -> Result<u64, ImplementationError> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    // The standard library takes a sign, also behind the prefix.
    let is_signed = digits.starts_with(['+', '-']);
    match u64::from_str_radix(digits, radix) {
        Ok(value) if !is_signed => Ok(value),
        _ => Err(ImplementationError::Number(register)),
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}:{:#x}:{:#x}", self.midr, self.revidr, self.aidr)
    }
}

impl fmt::Display for ImplementationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("an implementation is MIDR:REVIDR:AIDR, e.g. 0x413fd0c1:0x0:0x0"),
            Self::Number(register) => {
                write!(f, "the value of {register} is no number of 64 bits, decimal or hexadecimal with 0x")
            }
        }
    }
}

impl core::error::Error for ImplementationError {}

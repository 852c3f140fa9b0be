//! The registers a call can use.

use core::fmt;

/// One of x0 to x17: the registers that carry a call's function ID, arguments and results (DEN0028,
/// section 2.6, "Argument passing"). x18 and up never take part in a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register(u8);

impl Register {
    /// How many registers there are: x0 to x17.
    pub const COUNT: usize = 18;
    /// Function ID on the way in, first result on the way out.
    pub const X0: Self = Self(0);
    /// First argument.
    pub const X1: Self = Self(1);
    /// Second argument.
    pub const X2: Self = Self(2);
    /// Third argument.
    pub const X3: Self = Self(3);
    /// Fourth argument.
    pub const X4: Self = Self(4);
    /// Fifth argument.
    pub const X5: Self = Self(5);
    /// The last one, x17.
    pub const X17: Self = Self(17);

    /// Register `x<number>`, or `None` above x17.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= Self::X17.0 { Some(Self(number)) } else { None }
    }

    /// 0 for x0 to 17 for x17.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The same as an index into an array of [`Register::COUNT`].
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Every register, x0 first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=Self::X17.0).map(Self)
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x{}", self.0)
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x17_is_the_last_register_of_a_call() {
        assert_eq!(Register::new(17), Some(Register::X17));
        assert_eq!(Register::new(18), None);
        assert_eq!(Register::all().count(), Register::COUNT);
    }
}

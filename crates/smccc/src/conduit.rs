//! The instruction that carries a call.

use core::fmt;

/// The instruction that carried a call from the guest (DEN0028, section 2.5.3, "Conduits").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Conduit {
    /// `HVC`: the hypervisor call.
    Hvc,
    /// `SMC`: the secure monitor call; a hypervisor traps it.
    Smc,
}

impl Conduit {
    /// The name that device trees use (`method = "hvc"`), and our command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hvc => "hvc",
            Self::Smc => "smc",
        }
    }
}

impl fmt::Display for Conduit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

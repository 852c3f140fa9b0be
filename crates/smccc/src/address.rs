//! Which CPU, which address, and which interrupt.

use core::fmt;

/// An intermediate physical address: what the guest believes to be a physical address. In bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipa(pub u64);

impl fmt::Display for Ipa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Ipa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ipa({:#x})", self.0)
    }
}

/// An interrupt as the guest's interrupt controller numbers it (INTID): 0 to 15 software generated, 16 to 31 private to a
/// CPU, 32 to 1019 shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterruptId(pub u32);

impl fmt::Display for InterruptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupt {}", self.0)
    }
}

/// The affinity of a CPU: the fields Aff3 to Aff0 of `MPIDR_EL1`, in their places, all other bits zero.
///
/// This is the form in which PSCI names a CPU (DEN0022, section 5.1.4, `target_cpu`) and in which a device
/// tree and an ACPI MADT list it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mpidr(u64);

impl Mpidr {
    /// The bits that hold affinity: Aff3 is `[39:32]`, Aff2 to Aff0 are `[23:0]`.
    pub const AFFINITY_MASK: u64 = 0xff_00ff_ffff;

    /// A call's argument as an affinity, or `None` if a bit outside the affinity fields is set.
    #[must_use]
    pub const fn from_argument(value: u64) -> Option<Self> {
        if value & !Self::AFFINITY_MASK == 0 { Some(Self(value)) } else { None }
    }

    /// The affinity in a value of `MPIDR_EL1`; the other fields (U, MT, RES1) are dropped.
    #[must_use]
    pub const fn from_register(mpidr_el1: u64) -> Self {
        Self(mpidr_el1 & Self::AFFINITY_MASK)
    }

    /// The value as a guest sees it in an argument.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// This affinity with every field below `level` cleared: the node of the topology at that level. `None`
    /// above level 3, which no MPIDR has.
    #[must_use]
    pub const fn at_level(self, level: u64) -> Option<Self> {
        match level {
            0 => Some(self),
            1 => Some(Self(self.0 & 0xff_00ff_ff00)),
            2 => Some(Self(self.0 & 0xff_00ff_0000)),
            3 => Some(Self(self.0 & 0xff_0000_0000)),
            _ => None,
        }
    }
}

impl fmt::Display for Mpidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Mpidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mpidr({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_with_a_bit_outside_the_affinity_fields_names_no_cpu() {
        assert_eq!(Mpidr::from_argument(0x8000_0000), None);
        assert_eq!(Mpidr::from_argument(0x0100_0000), None);
        assert_eq!(Mpidr::from_argument(0x100_0000_0000), None);
        assert_eq!(Mpidr::from_argument(0xff_00ff_ffff).map(Mpidr::value), Some(0xff_00ff_ffff));
    }

    #[test]
    fn the_register_form_drops_what_is_not_affinity() {
        assert_eq!(Mpidr::from_register(0x8100_0003).value(), 3);
    }

    #[test]
    fn a_level_clears_the_fields_below_it() {
        let cpu = Mpidr::from_register(0x12_0034_5678);
        assert_eq!(cpu.at_level(0).map(Mpidr::value), Some(0x12_0034_5678));
        assert_eq!(cpu.at_level(1).map(Mpidr::value), Some(0x12_0034_5600));
        assert_eq!(cpu.at_level(2).map(Mpidr::value), Some(0x12_0034_0000));
        assert_eq!(cpu.at_level(3).map(Mpidr::value), Some(0x12_0000_0000));
        assert_eq!(cpu.at_level(4), None);
    }
}

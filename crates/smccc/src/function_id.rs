//! The number of a call, and how it decodes (DEN0028, section 2.5, "Function identifiers").

use core::fmt;

/// A function ID: the value of W0 when the guest calls.
///
/// Every 32-bit value is a valid `FunctionId`; whether anybody answers it is another question.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// The register width a function ID asks for (bit 30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Width {
    /// SMC32 and HVC32: arguments and results are W registers.
    Smc32,
    /// SMC64 and HVC64: arguments and results are X registers.
    Smc64,
}

/// The owning entity: bits `[29:24]` of a function ID. An open set, so a newtype with constants.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(u8);

impl FunctionId {
    const FAST: u32 = 1 << 31;
    const SMC64: u32 = 1 << 30;
    const SVE_HINT: u32 = 1 << 16;

    /// The function ID in a value of X0. The upper half is not part of it (DEN0028, section 2.5: W0).
    #[must_use]
    pub const fn from_x0(x0: u64) -> Self {
        let [b0, b1, b2, b3, ..] = x0.to_le_bytes();
        Self(u32::from_le_bytes([b0, b1, b2, b3]))
    }

    /// The fast SMC32 call of this owner with this number.
    #[must_use]
    pub fn fast_32(owner: Owner, number: u16) -> Self {
        Self(Self::FAST | u32::from(owner.0) << 24 | u32::from(number))
    }

    /// Bit 31: an atomic (fast) call, as opposed to a yielding one.
    #[must_use]
    pub const fn is_fast(self) -> bool {
        self.0 & Self::FAST != 0
    }

    /// Bit 30: the width of arguments and results.
    #[must_use]
    pub const fn width(self) -> Width {
        if self.0 & Self::SMC64 == 0 { Width::Smc32 } else { Width::Smc64 }
    }

    /// The same function in the other width. Not every function has both.
    #[must_use]
    pub const fn other_width(self) -> Self {
        Self(self.0 ^ Self::SMC64)
    }

    /// Bits `[29:24]`: whose function it is.
    #[must_use]
    pub const fn owner(self) -> Owner {
        let [_, _, _, top] = self.0.to_le_bytes();
        Owner(top & 0x3f)
    }

    /// Bits `[15:0]`: the number among its owner's functions.
    #[must_use]
    pub const fn number(self) -> u16 {
        let [b0, b1, ..] = self.0.to_le_bytes();
        u16::from_le_bytes([b0, b1])
    }

    /// Bit 16 of a fast call: the caller has no live SVE state (the hint of SMCCC 1.3; DEN0028, section 2.5.1).
    #[must_use]
    pub const fn has_sve_hint(self) -> bool {
        self.is_fast() && self.0 & Self::SVE_HINT != 0
    }

    /// The ID without the hint: what a service matches. A filter matches the raw ID, as KVM does.
    #[must_use]
    pub const fn without_sve_hint(self) -> Self {
        if self.is_fast() { Self(self.0 & !Self::SVE_HINT) } else { self }
    }
}

impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl fmt::Debug for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FunctionId({:#010x}, {}", self.0, self.owner())?;
        if let Some(function) = crate::catalogue::find(*self) {
            write!(f, ", {}", function.name)?;
        }
        f.write_str(")")
    }
}

impl Owner {
    /// Arm Architecture Calls.
    pub const ARCHITECTURE: Self = Self(0);
    /// CPU Service Calls.
    pub const CPU: Self = Self(1);
    /// Silicon provider (SiP) calls.
    pub const SIP: Self = Self(2);
    /// OEM calls.
    pub const OEM: Self = Self(3);
    /// Standard Secure Service Calls: PSCI, TRNG, SDEI, FF-A and more.
    pub const STANDARD_SECURE: Self = Self(4);
    /// Standard Hypervisor Service Calls: paravirtualized time.
    pub const STANDARD_HYPERVISOR: Self = Self(5);
    /// Vendor-specific Hypervisor Service Calls: KVM, Hyper-V.
    pub const VENDOR_HYPERVISOR: Self = Self(6);
    /// Vendor-specific EL3 Monitor Calls.
    pub const VENDOR_EL3: Self = Self(7);

    /// The six-bit value.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Owners 48 and 49: Trusted Applications.
    #[must_use]
    pub const fn is_trusted_application(self) -> bool {
        matches!(self.0, 48..=49)
    }

    /// Owners 50 to 63: a Trusted OS.
    #[must_use]
    pub const fn is_trusted_os(self) -> bool {
        matches!(self.0, 50..=63)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ARCHITECTURE => f.write_str("architecture"),
            Self::CPU => f.write_str("CPU"),
            Self::SIP => f.write_str("SiP"),
            Self::OEM => f.write_str("OEM"),
            Self::STANDARD_SECURE => f.write_str("standard secure"),
            Self::STANDARD_HYPERVISOR => f.write_str("standard hypervisor"),
            Self::VENDOR_HYPERVISOR => f.write_str("vendor hypervisor"),
            Self::VENDOR_EL3 => f.write_str("vendor EL3"),
            owner if owner.is_trusted_application() => f.write_str("trusted application"),
            owner if owner.is_trusted_os() => f.write_str("trusted OS"),
            Self(value) => write!(f, "owner {value}"),
        }
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({}, {self})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn a_dirty_upper_half_of_x0_is_not_part_of_the_id() {
        let id = FunctionId::from_x0(0xdead_beef_c400_0003);
        assert_eq!(id, FunctionId(0xc400_0003));
    }

    #[test]
    fn cpu_on_decodes_field_by_field() {
        let id = FunctionId(0xc400_0003);
        assert!(id.is_fast());
        assert_eq!(id.width(), Width::Smc64);
        assert_eq!(id.owner(), Owner::STANDARD_SECURE);
        assert_eq!(id.number(), 3);
        assert_eq!(id.other_width(), FunctionId(0x8400_0003));
        assert!(!id.has_sve_hint());
    }

    #[test]
    fn the_sve_hint_is_bit_16_and_can_be_masked() {
        let id = FunctionId(0xc401_0003);
        assert!(id.has_sve_hint());
        assert_eq!(id.without_sve_hint(), FunctionId(0xc400_0003));
        assert_eq!(id.number(), 3);
        let yielding = FunctionId(0x4401_0003);
        assert!(!yielding.has_sve_hint(), "yielding calls have none");
        assert_eq!(yielding.without_sve_hint(), yielding);
    }

    #[test]
    fn ids_print_as_ten_hexadecimal_characters_and_debug_names_them() {
        assert_eq!(format!("{}", FunctionId(0x1)), "0x00000001");
        assert_eq!(
            format!("{:?}", FunctionId(0xc400_0003)),
            "FunctionId(0xc4000003, standard secure, CPU_ON)"
        );
        assert_eq!(format!("{:?}", FunctionId(0xb200_0000)), "FunctionId(0xb2000000, trusted OS)");
    }
}

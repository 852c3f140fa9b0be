//! The control word that a hypercall begins with, and the word that it ends with.

use core::fmt;

/// The control word (TLFS, "Hypercall Inputs"): which call, by which convention, and how many elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Control(pub u64);

impl Control {
    /// Bits that must be zero. Bit 31 among them: it asks for the hypervisor below the one that answers, and there is none.
    const RESERVED: u64 = 0xf000_f000_f800_0000;
    /// How many bits the number of elements has, and the first of them.
    const REP_BITS: u64 = 0xfff;

    /// Bits 15 to 0: which call.
    #[must_use]
    pub const fn code(self) -> CallCode {
        let [b0, b1, ..] = self.0.to_le_bytes();
        CallCode(u16::from_le_bytes([b0, b1]))
    }

    /// Bit 16: what belongs to the call is in registers, not in memory.
    #[must_use]
    pub const fn is_fast(self) -> bool {
        self.0 & (1 << 16) != 0
    }

    /// Bits 26 to 17: by how much the header is longer than its fixed part, in units of 8 bytes.
    #[must_use]
    pub const fn variable_header_size(self) -> u64 {
        self.0 >> 17 & 0x3ff
    }

    /// Bits 43 to 32: how many elements there are.
    #[must_use]
    pub const fn rep_count(self) -> u16 {
        Self::reps(self.0 >> 32)
    }

    /// Bits 59 to 48: which element is the first to be looked at.
    #[must_use]
    pub const fn rep_start(self) -> u16 {
        Self::reps(self.0 >> 48)
    }

    /// Is a bit set that must be zero?
    #[must_use]
    pub const fn has_reserved_bits(self) -> bool {
        self.0 & Self::RESERVED != 0
    }

    const fn reps(word: u64) -> u16 {
        let [b0, b1, ..] = (word & Self::REP_BITS).to_le_bytes();
        u16::from_le_bytes([b0, b1])
    }
}

/// Which hypercall (TLFS, "Hypercall Reference"). An open set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallCode(pub u16);

impl CallCode {
    /// `HvCallGetVpRegisters`.
    pub const GET_VP_REGISTERS: Self = Self(0x50);
    /// `HvCallSetVpRegisters`.
    pub const SET_VP_REGISTERS: Self = Self(0x51);
}

/// What has become of a hypercall (TLFS, `HV_STATUS`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

impl Status {
    /// It is done.
    pub const SUCCESS: Self = Self(0);
    /// There is no such call.
    pub const INVALID_HYPERCALL_CODE: Self = Self(2);
    /// The control word makes no sense for the call.
    pub const INVALID_HYPERCALL_INPUT: Self = Self(3);
    /// A list is not aligned, spans pages, or is not in memory.
    pub const INVALID_ALIGNMENT: Self = Self(4);
    /// An argument makes no sense: for one, there is no such register.
    pub const INVALID_PARAMETER: Self = Self(5);
    /// The guest lacks the privilege.
    pub const ACCESS_DENIED: Self = Self(6);
    /// There is no such guest.
    pub const INVALID_PARTITION_ID: Self = Self(0xd);
    /// There is no such CPU.
    pub const INVALID_VP_INDEX: Self = Self(0xe);
    /// The register cannot hold the value.
    pub const INVALID_REGISTER_VALUE: Self = Self(0x50);
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::SUCCESS => "SUCCESS",
            Self::INVALID_HYPERCALL_CODE => "INVALID_HYPERCALL_CODE",
            Self::INVALID_HYPERCALL_INPUT => "INVALID_HYPERCALL_INPUT",
            Self::INVALID_ALIGNMENT => "INVALID_ALIGNMENT",
            Self::INVALID_PARAMETER => "INVALID_PARAMETER",
            Self::ACCESS_DENIED => "ACCESS_DENIED",
            Self::INVALID_PARTITION_ID => "INVALID_PARTITION_ID",
            Self::INVALID_VP_INDEX => "INVALID_VP_INDEX",
            Self::INVALID_REGISTER_VALUE => "INVALID_REGISTER_VALUE",
            Self(_) => "unknown",
        };
        write!(f, "Status({} {name})", self.0)
    }
}

/// The result word (TLFS, "Hypercall Outputs"): what has become of the call, and of how many elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HypercallResult {
    /// Bits 15 to 0.
    pub status: Status,
    /// Bits 43 to 32: how many elements are done, from the first one of the list on and not from the one where the call
    /// began. At most 4095.
    pub reps_completed: u16,
}

impl HypercallResult {
    /// The word, for x0. All other bits are zero.
    #[must_use]
    pub const fn to_x0(self) -> u64 {
        let [s0, s1] = self.status.0.to_le_bytes();
        let [r0, r1] = self.reps_completed.to_le_bytes();
        u64::from_le_bytes([s0, s1, 0, 0, r0, r1 & 0xf, 0, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linuxs_control_word_for_one_register_decodes() {
        // HVCALL_GET_VP_REGISTERS | HV_HYPERCALL_FAST_BIT | HV_HYPERCALL_REP_COMP_1.
        let control = Control(0x0000_0001_0001_0050);
        assert_eq!(control.code(), CallCode::GET_VP_REGISTERS);
        assert!(control.is_fast() && !control.has_reserved_bits());
        assert_eq!((control.variable_header_size(), control.rep_count(), control.rep_start()), (0, 1, 0));
    }

    #[test]
    fn each_bit_is_of_one_field() {
        for bit in 0..64 {
            let control = Control(1 << bit);
            let fields = [
                (0..=15, control.code() != CallCode(0)),
                (16..=16, control.is_fast()),
                (17..=26, control.variable_header_size() != 0),
                (32..=43, control.rep_count() != 0),
                (48..=59, control.rep_start() != 0),
            ];
            for (bits, is_set) in &fields {
                assert_eq!(*is_set, bits.contains(&bit), "{bit}");
            }
            assert_eq!(
                control.has_reserved_bits(),
                !fields.iter().any(|(bits, _)| bits.contains(&bit)),
                "{bit}"
            );
        }
        let all = Control(u64::MAX);
        assert_eq!((all.variable_header_size(), all.rep_count(), all.rep_start()), (0x3ff, 0xfff, 0xfff));
    }

    #[test]
    fn the_result_word_has_status_and_reps_and_nothing_else() {
        let result = |status, reps_completed| HypercallResult { status, reps_completed }.to_x0();
        assert_eq!(result(Status::SUCCESS, 1), 0x0000_0001_0000_0000);
        assert_eq!(result(Status::INVALID_REGISTER_VALUE, 0xabc), 0x0000_0abc_0000_0050);
        assert_eq!(result(Status(u16::MAX), u16::MAX), 0x0000_0fff_0000_ffff);
    }
}

//! The process state of a vCPU.

use crate::features::VcpuFeatures;

/// `PSTATE`, in the form of `SPSR_EL2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PState(pub(crate) u64);

/// The execution state of EL1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExecutionState {
    AArch32,
    AArch64,
}

/// M\[4\]: AArch32 state.
const MODE_32BIT: u64 = 1 << 4;
/// M\[4:0\] in AArch32 state, M\[4\] and M\[3:0\] in AArch64 state.
const MODE: u64 = 0x1f;
/// `E` in AArch32 state: data is big-endian.
const AARCH32_E: u64 = 1 << 9;
/// `T` in AArch32 state: Thumb.
const AARCH32_T: u64 = 1 << 5;
/// `SS`: software step.
const SS: u64 = 1 << 21;
/// `BTYPE`, in AArch64 state.
const BTYPE: u64 = 3 << 10;
/// `IT[7:2]`, in AArch32 state.
const IT_7_2: u64 = 0x3f << 10;
/// `IT[1:0]`, in AArch32 state.
const IT_1_0: u64 = 3 << 25;

impl PState {
    /// After a reset: EL1h, D, A, I and F masked (Arm ARM, D1.3.3).
    pub(crate) const RESET_EL1: Self = Self(0x3c5);
    /// After a reset of a vCPU that has an EL2: EL2h, D, A, I and F masked.
    pub(crate) const RESET_EL2: Self = Self(0x3c9);
    /// After a reset in AArch32 state: Supervisor mode, A, I and F masked.
    pub(crate) const RESET_AARCH32: Self = Self(0x1d3);

    pub(crate) const fn execution_state(self) -> ExecutionState {
        if self.0 & MODE_32BIT == 0 { ExecutionState::AArch64 } else { ExecutionState::AArch32 }
    }

    /// The mode is one that userspace may give to a vCPU with these features. (KVM also takes User mode where the host
    /// has AArch32 at EL0 alone: that is not modelled.)
    pub(crate) const fn mode_is_valid(self, features: VcpuFeatures) -> bool {
        // EL2t, EL2h.
        if features.contains(VcpuFeatures::HAS_EL2) && matches!(self.0 & MODE, 0x8 | 0x9) {
            return true;
        }
        match features.el1() {
            // User, FIQ, IRQ, Supervisor, Abort, Undefined, System.
            ExecutionState::AArch32 => {
                matches!(self.0 & MODE, 0x10 | 0x11 | 0x12 | 0x13 | 0x17 | 0x1b | 0x1f)
            }
            // EL0t, EL1t, EL1h.
            ExecutionState::AArch64 => matches!(self.0 & MODE, 0x0 | 0x4 | 0x5),
        }
    }

    /// Data is big-endian, as far as PSTATE says.
    pub(crate) const fn is_big_endian_aarch32(self) -> bool {
        self.0 & AARCH32_E != 0
    }

    pub(crate) const fn with_big_endian_aarch32(self) -> Self {
        Self(self.0 | AARCH32_E)
    }

    pub(crate) const fn with_thumb(self) -> Self {
        Self(self.0 | AARCH32_T)
    }

    /// What skipping an instruction in software does besides moving PC: no branch has been taken, the step is done,
    /// and an IT block goes on by one instruction.
    #[inline]
    pub(crate) const fn after_skip(self) -> Self {
        match self.execution_state() {
            ExecutionState::AArch64 => Self(self.0 & !(BTYPE | SS)),
            ExecutionState::AArch32 if self.is_thumb() => self.with_it(advance_it(self.it())).without_step(),
            ExecutionState::AArch32 => self.without_step(),
        }
    }

    /// In AArch32 state, executing T32 instructions.
    pub(crate) const fn is_thumb(self) -> bool {
        matches!(self.execution_state(), ExecutionState::AArch32) && self.0 & AARCH32_T != 0
    }

    const fn without_step(self) -> Self {
        Self(self.0 & !SS)
    }

    /// IT\[7:0\], which PSTATE keeps in two places.
    const fn it(self) -> u64 {
        (self.0 & IT_7_2) >> 8 | (self.0 & IT_1_0) >> 25
    }

    const fn with_it(self, it: u64) -> Self {
        Self(self.0 & !(IT_7_2 | IT_1_0) | (it << 8 & IT_7_2) | (it << 25 & IT_1_0))
    }
}

/// `ITAdvance()` of the Arm ARM: the base condition stays, the mask moves up by one, and the block ends with its last
/// instruction. Outside of a block IT is zero and stays so.
const fn advance_it(it: u64) -> u64 {
    if it & 0x7 == 0 { 0 } else { it & 0xe0 | it << 1 & 0x1f }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_instruction_clears_btype_and_the_step_bit() {
        let before = PState(0x3c5 | 2 << 10 | 1 << 21);
        assert_eq!(before.after_skip(), PState(0x3c5));
    }

    #[test]
    fn an_it_block_goes_on_by_one_instruction_and_ends() {
        // IT = 0b1010_0100: condition 0b101, one instruction follows this one.
        let within = PState(0x1f3).with_it(0xa4);
        assert_eq!(within.after_skip(), PState(0x1f3).with_it(0xa8));
        assert_eq!(within.after_skip().after_skip(), PState(0x1f3), "the block is over");
        assert_eq!(PState(0x1f3).after_skip(), PState(0x1f3));
    }

    #[test]
    fn it_is_kept_in_bits_15_to_10_and_26_to_25() {
        assert_eq!(PState(0).with_it(0xff), PState(0x0600_fc00));
        assert_eq!(PState(0x0600_fc00).it(), 0xff);
    }
}

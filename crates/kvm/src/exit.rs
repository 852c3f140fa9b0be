//! `KVM_EXIT_HYPERCALL`, decoded.

use switchboard_smccc::{Conduit, FunctionId};

/// A forwarded call, as the exit describes it. The arguments are not in it: they are still in the vCPU's
/// registers, and PC is already past the instruction, for either conduit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HypercallExit {
    /// W0, as the guest set it.
    pub function: FunctionId,
    /// The instruction.
    pub conduit: Conduit,
    /// How long the instruction is: how far back PC would go to run it again.
    pub length: InstructionLength,
}

/// The encoding of the `HVC` or `SMC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionLength {
    /// A Thumb encoding of 16 bits. Never from AArch64.
    Bits16,
    /// 32 bits.
    Bits32,
}

/// `KVM_HYPERCALL_EXIT_SMC` (Linux, `arch/arm64/include/uapi/asm/kvm.h`).
const EXIT_SMC: u64 = 1 << 0;
/// `KVM_HYPERCALL_EXIT_16BIT`.
const EXIT_16BIT: u64 = 1 << 1;

impl HypercallExit {
    /// The exit with these values of `kvm_run.hypercall.nr` and `.flags`. Each flag is a bit of its own: bits that
    /// are not known yet change nothing.
    #[must_use]
    pub const fn decode(nr: u64, flags: u64) -> Self {
        Self {
            function: FunctionId::from_x0(nr),
            conduit: if flags & EXIT_SMC == 0 { Conduit::Hvc } else { Conduit::Smc },
            length: if flags & EXIT_16BIT == 0 {
                InstructionLength::Bits32
            } else {
                InstructionLength::Bits16
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_0_is_the_conduit_and_bit_1_the_length_whatever_else_is_set() {
        let decode = |flags| {
            let exit = HypercallExit::decode(0xc400_0003, flags);
            (exit.conduit, exit.length)
        };
        assert_eq!(decode(0), (Conduit::Hvc, InstructionLength::Bits32));
        assert_eq!(decode(1), (Conduit::Smc, InstructionLength::Bits32));
        assert_eq!(decode(2), (Conduit::Hvc, InstructionLength::Bits16));
        assert_eq!(decode(3), (Conduit::Smc, InstructionLength::Bits16));
        assert_eq!(decode(0xffff_ffff_ffff_fffc), (Conduit::Hvc, InstructionLength::Bits32));
        assert_eq!(decode(0xffff_ffff_ffff_fffd), (Conduit::Smc, InstructionLength::Bits32));
    }

    #[test]
    fn the_function_id_is_the_low_half_of_nr() {
        assert_eq!(HypercallExit::decode(0xdead_beef_8400_0000, 0).function, FunctionId(0x8400_0000));
    }
}

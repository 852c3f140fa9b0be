//! One trap: from the syndrome to what happens next.

use switchboard_filter::Action;
use switchboard_smccc::smccc::{ARCH_WORKAROUND_1, ARCH_WORKAROUND_2, ARCH_WORKAROUND_3};
use switchboard_smccc::{Conduit, FunctionId};

use crate::exit::{Exit, Hypercall, HypercallFlags};
use crate::syndrome::{ExceptionClass, InstructionLength, Syndrome};
use crate::{Host, Vcpu, VcpuFeatures, smccc};

/// What happens after a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The guest goes on at PC.
    Resume,
    /// `KVM_RUN` returns 0, with this exit.
    Exit(Exit),
    /// `CPU_OFF`: the vCPU is off. Its thread sleeps in `KVM_RUN`, as after [`Entry::Stopped`](crate::Entry::Stopped).
    Stopped,
    /// `CPU_SUSPEND`: its thread sleeps in `KVM_RUN` until there is an interrupt or a signal. Then the guest goes on,
    /// or `KVM_RUN` fails with EINTR; the result is in x0 already.
    WaitForInterrupt,
    /// The guest's EL1 takes an Undefined Instruction exception.
    Undefined,
    /// The guest's own EL2 takes this exception. PC is as the CPU reported it.
    VirtualEl2(Syndrome),
    /// This was no call: nothing has been done.
    NotACall,
}

/// Where in a guest that has an EL2 the trapped instruction was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// At its EL1 or, on a vCPU that has one, its EL2: the guest itself.
    Guest,
    /// In a guest of the guest.
    NestedGuest,
}

/// `HCR_EL2.TSC`: `SMC` traps.
const HCR_EL2_TSC: u64 = 1 << 19;
/// `HCR_EL2.HCD`: `HVC` is undefined.
const HCR_EL2_HCD: u64 = 1 << 29;

/// Workarounds 1 to 3, which KVM's exception vector answers by itself.
const WORKAROUNDS: [FunctionId; 3] = [ARCH_WORKAROUND_1, ARCH_WORKAROUND_2, ARCH_WORKAROUND_3];

impl Vcpu<'_> {
    /// Takes an `HVC` or `SMC` as the CPU reports it at EL2: PC is what `ELR_EL2` holds, which is the instruction after
    /// an `HVC`, and an `SMC` itself.
    ///
    /// Only a vCPU that executes can trap: [`Vcpu::enter`] has said [`Entry::Guest`](crate::Entry::Guest), and nothing
    /// else since. This is not checked. A vCPU that is not there yet, or has stopped, is answered all the same.
    pub fn trap(&mut self, syndrome: Syndrome, level: Level, host: &impl Host) -> Next {
        let Some(class) = syndrome.class() else { return Next::NotACall };
        match class.conduit() {
            Conduit::Hvc => self.hvc(syndrome, host),
            Conduit::Smc => self.smc(syndrome, class, level, host),
        }
    }

    fn hvc(&mut self, syndrome: Syndrome, host: &impl Host) -> Next {
        // Before anything else, whatever the immediate, and even on a vCPU that has an EL2. x1 is lost.
        if WORKAROUNDS.contains(&self.function_id()) {
            self.x[0] = 0;
            self.x[1] = 0;
            return Next::Resume;
        }
        if self.has_el2() {
            return if self.virtual_hcr_el2 & HCR_EL2_HCD == 0 {
                Next::VirtualEl2(syndrome)
            } else {
                Next::Undefined
            };
        }
        // The immediate is not looked at.
        self.call(Conduit::Hvc, syndrome, host)
    }

    fn smc(&mut self, syndrome: Syndrome, class: ExceptionClass, level: Level, host: &impl Host) -> Next {
        let nested = self.has_el2() && level == Level::NestedGuest;
        if nested && self.virtual_hcr_el2 & HCR_EL2_TSC != 0 {
            return Next::VirtualEl2(syndrome);
        }
        // The CPU reports the trapped instruction itself. That it is skipped does not depend on its immediate.
        self.skip(syndrome.length());
        let reports_immediate = class == ExceptionClass::Smc64;
        if reports_immediate && syndrome.immediate() != 0 {
            self.x[0] = smccc::NOT_SUPPORTED;
            return Next::Resume;
        }
        self.call(Conduit::Smc, syndrome, host)
    }

    fn call(&mut self, conduit: Conduit, syndrome: Syndrome, host: &impl Host) -> Next {
        let function_id = self.function_id();
        match self.vm.lookups().action(conduit, function_id) {
            Action::Forward => Next::Exit(Exit::Hypercall(Hypercall {
                function_id,
                flags: flags(conduit, syndrome.length()),
            })),
            Action::Handle if self.vm.serves(function_id) => smccc::handle(self, function_id, host),
            Action::Handle | Action::Deny => self.complete([smccc::NOT_SUPPORTED, 0, 0, 0]),
        }
    }

    /// Writes the results of a call that KVM answers itself, and goes on.
    #[inline]
    pub(crate) fn complete(&mut self, results: [u64; 4]) -> Next {
        self.x[..4].copy_from_slice(&results);
        Next::Resume
    }

    const fn function_id(&self) -> FunctionId {
        FunctionId::from_x0(self.x[0])
    }

    fn has_el2(&self) -> bool {
        self.features.is_some_and(|features| features.contains(VcpuFeatures::HAS_EL2))
    }

    #[inline]
    fn skip(&mut self, length: InstructionLength) {
        self.pc = self.pc.wrapping_add(match length {
            InstructionLength::Bits16 if self.pstate.is_thumb() => 2,
            InstructionLength::Bits16 | InstructionLength::Bits32 => 4,
        });
        self.pstate = self.pstate.after_skip();
    }
}

const fn flags(conduit: Conduit, length: InstructionLength) -> HypercallFlags {
    let conduit = match conduit {
        Conduit::Hvc => HypercallFlags(0),
        Conduit::Smc => HypercallFlags::SMC,
    };
    match length {
        InstructionLength::Bits16 => conduit.union(HypercallFlags::SIXTEEN_BIT),
        InstructionLength::Bits32 => conduit,
    }
}

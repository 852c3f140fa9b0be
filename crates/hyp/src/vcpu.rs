//! A virtual CPU: its registers, and how it is initialised and reset.

use switchboard_smccc::{Ipa, Mpidr};

use crate::features::{Init, VcpuFeatures};
use crate::power::{Endianness, MpState, Slot};
use crate::pstate::{ExecutionState, PState};
use crate::{Errno, RegisterId, Vm, register_id};

/// A virtual CPU. One thread at a time drives it; others see only whether it is on.
#[derive(Debug)]
pub struct Vcpu<'vm> {
    pub(crate) vm: &'vm Vm,
    pub(crate) slot: &'vm Slot,
    /// The number it was created with, of which its affinity is made.
    id: u32,
    /// `None`: it has not been initialised.
    pub(crate) features: Option<VcpuFeatures>,
    pub(crate) has_run: bool,
    /// Where its record of stolen time is.
    pub(crate) stolen_time: Option<Ipa>,
    /// `HCR_EL2` of its own EL2.
    pub(crate) virtual_hcr_el2: u64,
    pub(crate) x: [u64; 31],
    pub(crate) pc: u64,
    pub(crate) pstate: PState,
    sctlr_el1: u64,
}

/// The level of an interrupt line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Not asserted.
    Low,
    /// Asserted.
    High,
}

/// What KVM's reset leaves in `SCTLR_EL1`.
const SCTLR_EL1_RESET: u64 = 0x00c5_0078;
/// `SCTLR_EL1.EE`: EL1's data is big-endian.
const SCTLR_EL1_EE: u64 = 1 << 25;
/// Bit 31 of `MPIDR_EL1`, which is always 1.
const MPIDR_RES1: u64 = 1 << 31;

impl<'vm> Vcpu<'vm> {
    pub(crate) fn new(vm: &'vm Vm, slot: &'vm Slot, id: u32) -> Self {
        Self {
            vm,
            slot,
            id,
            features: None,
            has_run: false,
            stolen_time: None,
            virtual_hcr_el2: 0,
            x: [0; 31],
            pc: 0,
            pstate: PState(0),
            sctlr_el1: 0,
        }
    }

    /// `KVM_ARM_VCPU_INIT`, with the preferred target: resets it, and turns it on or off.
    ///
    /// # Errors
    ///
    /// ENOENT for a feature that does not exist, EINVAL for a combination that does not, for a change of this vCPU's
    /// features, and for features that differ from another vCPU's of the VM.
    pub fn init(&mut self, init: Init) -> Result<(), Errno> {
        let features = init.features.without(VcpuFeatures::POWER_OFF);
        features.check()?;
        if self.features.is_some_and(|present| present != features) || !self.vm.agree_on(features) {
            return Err(Errno::EINVAL);
        }
        self.features = Some(features);
        self.reset();
        let mut power = self.slot.power();
        if !self.has_run {
            // KVM keeps the line in HCR_EL2, which it sets anew for a vCPU that has not run.
            power.line = Line::Low;
        }
        power.mp_state = if init.features.contains(VcpuFeatures::POWER_OFF) {
            MpState::Stopped
        } else {
            MpState::Runnable
        };
        Ok(())
    }

    /// `KVM_GET_ONE_REG` of a 64-bit register.
    ///
    /// # Errors
    ///
    /// ENOEXEC before it is initialised, EINVAL for an ID of another architecture, ENOENT for a register it does not
    /// have - or that this library does not model: it knows x0 to x30, PC, PSTATE, `MPIDR_EL1`, `SCTLR_EL1` and the
    /// firmware registers.
    pub fn get_register(&mut self, id: RegisterId) -> Result<u64, Errno> {
        let features = self.ready()?;
        if !register_id::is_arm64(id) {
            return Err(Errno::EINVAL);
        }
        if register_id::is_firmware(id) {
            return self.vm.firmware_register(id, features);
        }
        if let Some(number) = register_id::as_general(id)? {
            return Ok(self.x[number]);
        }
        match id {
            RegisterId::PC => Ok(self.pc),
            RegisterId::PSTATE => Ok(self.pstate.0),
            RegisterId::MPIDR_EL1 => Ok(self.slot.affinity().value() | MPIDR_RES1),
            RegisterId::SCTLR_EL1 => Ok(self.sctlr_el1),
            _ => Err(Errno::ENOENT),
        }
    }

    /// `KVM_SET_ONE_REG` of a 64-bit register.
    ///
    /// # Errors
    ///
    /// As [`Vcpu::get_register`]; EINVAL for a value the register does not take, EBUSY for one it does not take any
    /// more since a vCPU has run.
    pub fn set_register(&mut self, id: RegisterId, value: u64) -> Result<(), Errno> {
        let features = self.ready()?;
        if !register_id::is_arm64(id) {
            return Err(Errno::EINVAL);
        }
        if register_id::is_firmware(id) {
            return self.vm.set_firmware_register(id, value, features);
        }
        if let Some(number) = register_id::as_general(id)? {
            self.x[number] = value;
            return Ok(());
        }
        match id {
            RegisterId::PC => self.pc = value,
            RegisterId::PSTATE if PState(value).mode_is_valid(features) => {
                self.pstate = PState(value);
            }
            RegisterId::PSTATE => return Err(Errno::EINVAL),
            RegisterId::MPIDR_EL1 => self.slot.set_affinity(Mpidr::from_register(value)),
            RegisterId::SCTLR_EL1 => self.sctlr_el1 = value,
            _ => return Err(Errno::ENOENT),
        }
        Ok(())
    }

    /// `KVM_GET_MP_STATE`.
    #[must_use]
    pub fn mp_state(&self) -> MpState {
        self.slot.power().mp_state
    }

    /// `KVM_SET_MP_STATE`, from the thread that drives this vCPU. Nothing is reset.
    pub fn set_mp_state(&mut self, mp_state: MpState) {
        self.slot.power().mp_state = mp_state;
    }

    /// `KVM_IRQ_LINE` on a VM whose interrupt controller is in userspace.
    pub fn set_interrupt_line(&mut self, line: Line) {
        self.slot.power().line = line;
    }

    /// Sets `HCR_EL2` of the vCPU's own EL2, of which the bits `HCD` and `TSC` route calls. It does nothing on a vCPU
    /// without the feature `HAS_EL2`.
    pub fn set_virtual_hcr_el2(&mut self, value: u64) {
        self.virtual_hcr_el2 = value;
    }

    /// The registers x0 to x17, which calls use.
    #[inline]
    #[must_use]
    pub fn call_registers(&self) -> [u64; 18] {
        core::array::from_fn(|number| self.x[number])
    }

    /// Lets the guest put these values into x0 to x17.
    #[inline]
    pub fn set_call_registers(&mut self, values: &[u64; 18]) {
        self.x[..18].copy_from_slice(values);
    }

    /// Initialised, and reset if another CPU has asked for it.
    fn ready(&mut self) -> Result<VcpuFeatures, Errno> {
        let features = self.features.ok_or(Errno::ENOEXEC)?;
        self.reset_if_requested();
        Ok(features)
    }

    pub(crate) fn reset_if_requested(&mut self) {
        let requested = core::mem::replace(&mut self.slot.power().reset_requested, false);
        if requested {
            self.reset();
        }
    }

    /// What KVM resets, as far as it is modelled; then what `CPU_ON` has asked for, once.
    fn reset(&mut self) {
        let features = self.features.unwrap_or_default();
        let asked = self.slot.power().reset.take();
        self.x = [0; 31];
        self.pc = 0;
        self.sctlr_el1 = SCTLR_EL1_RESET;
        self.virtual_hcr_el2 = 0;
        self.slot.set_affinity(affinity_of(self.id));
        self.pstate = if features.contains(VcpuFeatures::EL1_32BIT) {
            PState::RESET_AARCH32
        } else if features.contains(VcpuFeatures::HAS_EL2) {
            PState::RESET_EL2
        } else {
            PState::RESET_EL1
        };
        let Some(asked) = asked else { return };
        self.pc = asked.entry;
        if self.execution_state() == ExecutionState::AArch32 && asked.entry & 1 == 1 {
            self.pc &= !1;
            self.pstate = self.pstate.with_thumb();
        }
        if asked.endianness == Endianness::Big {
            self.become_big_endian();
        }
        self.x[0] = asked.context;
    }

    pub(crate) const fn execution_state(&self) -> ExecutionState {
        self.pstate.execution_state()
    }

    pub(crate) const fn endianness(&self) -> Endianness {
        let big = match self.execution_state() {
            ExecutionState::AArch32 => self.pstate.is_big_endian_aarch32(),
            ExecutionState::AArch64 => self.sctlr_el1 & SCTLR_EL1_EE != 0,
        };
        if big { Endianness::Big } else { Endianness::Little }
    }

    fn become_big_endian(&mut self) {
        match self.execution_state() {
            ExecutionState::AArch32 => self.pstate = self.pstate.with_big_endian_aarch32(),
            ExecutionState::AArch64 => self.sctlr_el1 |= SCTLR_EL1_EE,
        }
    }
}

/// The affinity that KVM makes of a vCPU's number: Aff0 has four bits of it, Aff1 and Aff2 eight each, since GICv3
/// addresses 16 CPUs at a time.
fn affinity_of(id: u32) -> Mpidr {
    let id = u64::from(id);
    Mpidr::from_register(id & 0xf | (id >> 4 & 0xff) << 8 | (id >> 12 & 0xff) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_cpus_share_an_aff1() {
        assert_eq!(affinity_of(15).value(), 0xf);
        assert_eq!(affinity_of(16).value(), 0x100);
        assert_eq!(affinity_of(0x1fff).value(), 0x1_ff0f);
    }
}

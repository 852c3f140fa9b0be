//! The functions of PSCI that are about one CPU.

use core::sync::atomic::Ordering;

use switchboard_smccc::{
    Ipa, Mpidr, Register, Width,
    psci::{HardwareState, Status},
};

use super::{
    CpuPower, Endianness, IdleKind, Psci, Refusal, Start,
    idle::{self, idle_states},
    sleep::SleepRecords,
};
use crate::{Call, CpuIndex, EntryPoint, Host, Outcome, Results, SystemRegister};

/// `SCTLR_EL1.EE`: data accesses at EL1 are big-endian (Arm ARM, D24.2).
const SCTLR_EL1_EE: u64 = 1 << 25;
/// The length of an A64 instruction, and what its address is a multiple of, in bytes.
const INSTRUCTION: u64 = 4;
/// The modes of `PSCI_SET_SUSPEND_MODE`.
const PLATFORM_COORDINATED: u32 = 0;
const OS_INITIATED: u32 = 1;

impl Psci {
    /// `CPU_ON` (section 5.1.4). Registers are read in the order in which they can refuse the call.
    pub(super) fn cpu_on(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let Some(cpu) = self.target(call) else {
            return Status::INVALID_PARAMETERS.into();
        };
        let address = match self.entry(call, Register::X2, host) {
            Ok(address) => address,
            Err(status) => return status.into(),
        };
        let claim = match self.power.claim(cpu) {
            Ok(claim) => claim,
            Err(Refusal::Disabled) => return self.version.no_such_cpu_now().into(),
            Err(Refusal::AlreadyOn) => return Status::ALREADY_ON.into(),
            Err(Refusal::OnPending) => return Status::ON_PENDING.into(),
        };
        let context = call.argument(Register::X3);
        let endianness = match call.system_register(SystemRegister::SctlrEl1) & SCTLR_EL1_EE {
            0 => Endianness::Little,
            _ => Endianness::Big,
        };
        if call.fault().is_some() {
            // The caller is lost. The claim is dropped, and the target stays off.
            return Status::INTERNAL_FAILURE.into();
        }
        claim.start(Start { entry: EntryPoint { address, context }, endianness });
        Outcome::Start(cpu)
    }

    /// `CPU_SUSPEND` (section 5.1.2). In the OS-initiated mode the caller says which higher levels go down with it;
    /// there are none here, so both modes ask for the same states.
    pub(super) fn cpu_suspend(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let Some(index) = idle::find(call.argument32(Register::X1)) else {
            return Status::INVALID_PARAMETERS.into();
        };
        match idle_states()[index].kind {
            IdleKind::Standby => {
                self.sleep.sleep(call.caller(), index, host.monotonic());
                self.power.standby(call.caller());
                Outcome::Standby
            }
            IdleKind::PowerDown => self.power_down(call, [Register::X2, Register::X3], index, host),
        }
    }

    /// `CPU_DEFAULT_SUSPEND` (section 5.1.17).
    pub(super) fn cpu_default_suspend(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        self.power_down(call, [Register::X1, Register::X2], idle::DEFAULT, host)
    }

    fn power_down(
        &self,
        call: &mut Call<'_>,
        [entry, context]: [Register; 2],
        state: usize,
        host: &dyn Host,
    ) -> Outcome {
        match self.entry(call, entry, host) {
            Ok(address) => {
                let context = call.argument(context);
                self.sleep.sleep(call.caller(), state, host.monotonic());
                self.power.power_down(call.caller());
                Outcome::PowerDown(EntryPoint { address, context })
            }
            Err(status) => status.into(),
        }
    }

    /// `PSCI_SET_SUSPEND_MODE` (section 5.1.20).
    pub(super) fn set_suspend_mode(&self, call: &mut Call<'_>) -> Outcome {
        let os_initiated = match call.argument32(Register::X1) {
            PLATFORM_COORDINATED => false,
            OS_INITIATED => true,
            _ => return Status::INVALID_PARAMETERS.into(),
        };
        if os_initiated == self.is_os_initiated() {
            return Status::SUCCESS.into();
        }
        let allowed = self.power.is_alone() || os_initiated && self.power.all_on();
        if !allowed {
            return Status::DENIED.into();
        }
        self.os_initiated.store(os_initiated, Ordering::Relaxed);
        Status::SUCCESS.into()
    }

    /// `AFFINITY_INFO` (section 5.1.5).
    pub(super) fn affinity_info(&self, call: &mut Call<'_>) -> Outcome {
        let Some(target) = Mpidr::from_argument(call.argument(Register::X1)) else {
            return Status::INVALID_PARAMETERS.into();
        };
        let level = u64::from(call.argument32(Register::X2));
        match self.power.affinity_info(target, level) {
            Some(state) => Outcome::Return(Results::of(state.to_x0())),
            None => Status::INVALID_PARAMETERS.into(),
        }
    }

    /// `NODE_HW_STATE` (section 5.1.18). There are no power domains above the CPUs.
    pub(super) fn node_hw_state(&self, call: &mut Call<'_>) -> Outcome {
        let Some(cpu) = self.target(call) else {
            return Status::INVALID_PARAMETERS.into();
        };
        if call.argument32(Register::X2) != 0 {
            return Status::INVALID_PARAMETERS.into();
        }
        let state = match self.power.state(cpu) {
            CpuPower::On => HardwareState::On,
            CpuPower::Standby => HardwareState::Standby,
            CpuPower::Disabled | CpuPower::Off | CpuPower::Pending | CpuPower::PowerDown => {
                HardwareState::Off
            }
        };
        Outcome::Return(Results::of(state.to_x0()))
    }

    /// `PSCI_STAT_RESIDENCY` and `PSCI_STAT_COUNT` (sections 5.1.21, 5.1.22): 0 where an argument makes no sense.
    pub(super) fn stat(
        &self,
        call: &mut Call<'_>,
        read: fn(&SleepRecords, CpuIndex, usize) -> u64,
    ) -> Outcome {
        let target = self.target(call);
        let state = target.and_then(|_| idle::find(call.argument32(Register::X2)));
        let value = target.zip(state).map_or(0, |(cpu, state)| read(&self.sleep, cpu, state));
        Outcome::Return(Results::of(match call.function().width() {
            Width::Smc32 => value & u64::from(u32::MAX),
            Width::Smc64 => value,
        }))
    }

    /// The CPU that x1 names.
    fn target(&self, call: &mut Call<'_>) -> Option<CpuIndex> {
        let affinity = Mpidr::from_argument(call.argument(Register::X1))?;
        self.power.find(affinity)
    }

    /// The entry point in a register, if code can run from there.
    pub(super) fn entry(
        &self,
        call: &mut Call<'_>,
        register: Register,
        host: &dyn Host,
    ) -> Result<Ipa, Status> {
        let address = Ipa(call.argument(register));
        if address.0.is_multiple_of(INSTRUCTION) && host.is_memory(address, INSTRUCTION) {
            Ok(address)
        } else {
            Err(self.version.bad_entry())
        }
    }
}

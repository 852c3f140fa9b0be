//! The answers of PSCI.

use alloc::sync::Arc;

use switchboard_filter::Range;
use switchboard_smccc::{
    FunctionId, Ipa, Mpidr, Register, kvm,
    psci::{self, Status, Version},
    smccc,
};

use super::{Endianness, IdleKind, PowerTable, Refusal, Start, function::Function, idle};
use crate::{Call, Declaration, EntryPoint, Host, Outcome, Results, Service, SystemRegister};

/// PSCI for one guest.
pub struct Psci {
    power: Arc<PowerTable>,
}

/// `SCTLR_EL1.EE`: data accesses at EL1 are big-endian (Arm ARM, D24.2).
const SCTLR_EL1_EE: u64 = 1 << 25;

impl Psci {
    /// PSCI for the CPUs of this table.
    #[must_use]
    pub const fn new(power: Arc<PowerTable>) -> Self {
        Self { power }
    }

    /// `PSCI_FEATURES` (section 5.1.15): flags of a function, or NOT_SUPPORTED.
    ///
    /// `SMCCC_VERSION` is no function of PSCI, and yet this is where a guest asks for it (DEN0028, section 2.8):
    /// a guest that hears NOT_SUPPORTED uses nothing of SMCCC 1.1, no vulnerability mitigation either.
    fn features(id: FunctionId) -> Status {
        match Function::from_id(id) {
            // Flags of CPU_SUSPEND: original format of `power_state`, no OS-initiated mode. All others have none.
            Some(_) => Status::SUCCESS,
            None if id == smccc::SMCCC_VERSION => Status::SUCCESS,
            None => Status::NOT_SUPPORTED,
        }
    }

    /// `CPU_ON` (section 5.1.4). Registers are read in the order in which they can refuse the call.
    fn cpu_on(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let target = call.argument(Register::X1);
        let Some(cpu) = Mpidr::from_argument(target).and_then(|affinity| self.power.find(affinity)) else {
            return Status::INVALID_PARAMETERS.into();
        };
        let address = Ipa(call.argument(Register::X2));
        if !host.is_memory(address) {
            return Status::INVALID_ADDRESS.into();
        }
        let claim = match self.power.claim(cpu) {
            Ok(claim) => claim,
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

    /// `CPU_SUSPEND` (section 5.1.2).
    fn cpu_suspend(call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let Some(state) = idle::find(call.argument32(Register::X1)) else {
            return Status::INVALID_PARAMETERS.into();
        };
        if state.kind == IdleKind::Standby {
            return Outcome::Standby;
        }
        let address = Ipa(call.argument(Register::X2));
        if !host.is_memory(address) {
            return Status::INVALID_ADDRESS.into();
        }
        Outcome::PowerDown(EntryPoint { address, context: call.argument(Register::X3) })
    }

    /// `AFFINITY_INFO` (section 5.1.5).
    fn affinity_info(&self, call: &mut Call<'_>) -> Outcome {
        let Some(target) = Mpidr::from_argument(call.argument(Register::X1)) else {
            return Status::INVALID_PARAMETERS.into();
        };
        let level = u64::from(call.argument32(Register::X2));
        match self.power.affinity_info(target, level) {
            Some(state) => Outcome::Return(Results::of(state.to_x0())),
            None => Status::INVALID_PARAMETERS.into(),
        }
    }
}

impl Service for Psci {
    fn name(&self) -> &'static str {
        "psci"
    }

    fn declaration(&self) -> Declaration {
        Declaration {
            owned: &const {
                [
                    Range::literal(psci::FIRST_32, psci::FUNCTION_COUNT),
                    Range::literal(psci::FIRST_64, psci::FUNCTION_COUNT),
                ]
            },
            denied: &const { [Range::literal(kvm::PSCI_0_1_FIRST, kvm::PSCI_0_1_COUNT)] },
        }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let Some(function) = Function::from_id(call.function()) else {
            return Outcome::Return(Results::not_supported());
        };
        match function {
            Function::Version => Outcome::Return(Results::of(Version::V1_3.to_x0())),
            Function::Features => Self::features(FunctionId(call.argument32(Register::X1))).into(),
            Function::MigrateInfoType => Outcome::Return(Results::of(psci::MIGRATE_TYPE_NONE)),
            Function::CpuOn => self.cpu_on(call, host),
            Function::CpuOff => {
                self.power.off(call.caller());
                Outcome::Off
            }
            Function::CpuSuspend => Self::cpu_suspend(call, host),
            Function::AffinityInfo => self.affinity_info(call),
            Function::SystemOff => Outcome::SystemOff,
            Function::SystemReset => Outcome::SystemReset,
        }
    }
}

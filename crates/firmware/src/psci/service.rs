//! Which function of PSCI answers which call.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use switchboard_filter::Range;
use switchboard_smccc::{
    FunctionId, Register, kvm,
    psci::{self, Status},
    smccc,
};

use super::{PowerTable, PsciVersion, function::Function, sleep::SleepRecords};
use crate::{Call, Conduits, CpuIndex, Declaration, Host, Outcome, Results, Service};

/// PSCI for one life of a guest.
pub struct Psci {
    pub(super) power: Arc<PowerTable>,
    pub(super) version: PsciVersion,
    pub(super) sleep: SleepRecords,
    /// `PSCI_SET_SUSPEND_MODE`: OS-initiated, or (false) platform-coordinated.
    pub(super) os_initiated: AtomicBool,
    /// `MEM_PROTECT`.
    pub(super) memory_protected: AtomicBool,
}

impl Psci {
    /// PSCI of this version for the CPUs of this table.
    #[must_use]
    pub fn new(power: Arc<PowerTable>, version: PsciVersion) -> Self {
        let sleep = SleepRecords::new(power.len());
        Self {
            power,
            version,
            sleep,
            os_initiated: AtomicBool::new(false),
            memory_protected: AtomicBool::new(false),
        }
    }

    /// The CPUs.
    #[must_use]
    pub fn power(&self) -> &PowerTable {
        &self.power
    }

    /// A CPU goes on that slept after [`Outcome::Standby`], [`Outcome::PowerDown`] or [`Outcome::SystemSuspend`]. Its own
    /// thread says so, before it runs.
    pub fn resumed(&self, cpu: CpuIndex, host: &dyn Host) {
        self.sleep.wake(cpu, host.monotonic());
        self.power.resume(cpu);
    }

    /// The function with this ID, if this version has it.
    fn function(&self, id: FunctionId) -> Option<Function> {
        Function::from_id(id).filter(|function| function.since() <= self.version.number())
    }

    /// `PSCI_FEATURES` (section 5.1.15): flags of a function, or NOT_SUPPORTED.
    ///
    /// `SMCCC_VERSION` is no function of PSCI, and yet this is where a guest asks for it (DEN0028, section 2.8):
    /// a guest that hears NOT_SUPPORTED uses nothing of SMCCC 1.1, no vulnerability mitigation either.
    fn features(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let id = FunctionId(call.argument32(Register::X1));
        let function = self.function(id).filter(|_| host.allows(id, call.conduit()));
        let flags = match function {
            // Original format of `power_state`, and the OS-initiated mode.
            Some(Function::CpuSuspend) => psci::FEATURE_OS_INITIATED,
            Some(Function::SystemOff2) => u64::from(psci::HIBERNATE_OFF),
            Some(_) => 0,
            None if id == smccc::SMCCC_VERSION => 0,
            None => return Status::NOT_SUPPORTED.into(),
        };
        Outcome::Return(Results::of(flags))
    }

    fn answer(&self, function: Function, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match function {
            Function::Version => Outcome::Return(Results::of(self.version.number().to_x0())),
            Function::Features => self.features(call, host),
            Function::MigrateInfoType => Outcome::Return(Results::of(psci::MIGRATE_TYPE_NONE)),
            Function::CpuOn => self.cpu_on(call, host),
            // A virtual CPU that is off is as good as frozen: interrupts may still be sent to it, and wait.
            Function::CpuOff | Function::CpuFreeze => {
                self.power.off(call.caller());
                Outcome::Off
            }
            Function::CpuSuspend => self.cpu_suspend(call, host),
            Function::CpuDefaultSuspend => self.cpu_default_suspend(call, host),
            Function::SetSuspendMode => self.set_suspend_mode(call),
            Function::AffinityInfo => self.affinity_info(call),
            Function::NodeHwState => self.node_hw_state(call),
            Function::StatCount => self.stat(call, SleepRecords::count),
            Function::StatResidency => self.stat(call, SleepRecords::residency),
            Function::SystemOff => Self::system_off(),
            Function::SystemOff2 => Self::system_off2(call),
            Function::SystemReset => Self::system_reset(),
            Function::SystemReset2 => self.system_reset2(call),
            Function::SystemSuspend => self.system_suspend(call, host),
            Function::MemProtect => self.mem_protect(call),
            Function::MemProtectCheckRange => Self::mem_protect_check_range(call, host),
        }
    }

    pub(super) fn is_os_initiated(&self) -> bool {
        self.os_initiated.load(Ordering::Relaxed)
    }
}

impl Service for Psci {
    fn name(&self) -> &'static str {
        "psci"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration {
            owned: &const {
                [
                    Range::literal(psci::FIRST_32, psci::FUNCTION_COUNT),
                    Range::literal(psci::FIRST_64, psci::FUNCTION_COUNT),
                ]
            },
            denied: &const { [Range::literal(kvm::PSCI_0_1_FIRST, kvm::PSCI_0_1_COUNT)] },
            conduits: Conduits::Both,
        }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match self.function(call.function()) {
            Some(function) => self.answer(function, call, host),
            None => Outcome::Return(Results::not_supported()),
        }
    }
}

//! The functions of PSCI that are about the whole system.

use core::sync::atomic::Ordering;

use switchboard_smccc::{
    Ipa, Register,
    psci::{HIBERNATE_OFF, Status, WARM_RESET},
};

use super::Psci;
use crate::{Call, EntryPoint, Host, MemoryAtReset, OffKind, Outcome, ResetKind, Results};

impl Psci {
    /// `SYSTEM_OFF` (section 5.1.9).
    pub(super) const fn system_off() -> Outcome {
        Outcome::SystemOff(OffKind::Off)
    }

    /// `SYSTEM_OFF2` (section 5.1.10). Type 0 stands for `HIBERNATE_OFF` as well; the cookie must be zero.
    pub(super) fn system_off2(call: &mut Call<'_>) -> Outcome {
        if ![0, HIBERNATE_OFF].contains(&call.argument32(Register::X1)) || call.argument(Register::X2) != 0 {
            return Status::INVALID_PARAMETERS.into();
        }
        Outcome::SystemOff(OffKind::Hibernate)
    }

    /// `SYSTEM_RESET` (section 5.1.11): cold.
    pub(super) const fn system_reset() -> Outcome {
        Outcome::SystemReset(ResetKind::Cold, MemoryAtReset::Cleared)
    }

    /// `SYSTEM_RESET2` (section 5.1.13). A warm reset keeps memory, unless the guest has it protected. We are no vendor
    /// with reset types of our own.
    pub(super) fn system_reset2(&self, call: &mut Call<'_>) -> Outcome {
        if call.argument32(Register::X1) != WARM_RESET {
            return Status::INVALID_PARAMETERS.into();
        }
        let memory = if self.memory_protected.load(Ordering::Relaxed) {
            MemoryAtReset::Cleared
        } else {
            MemoryAtReset::Kept
        };
        Outcome::SystemReset(ResetKind::Warm, memory)
    }

    /// `SYSTEM_SUSPEND` (section 5.1.19).
    pub(super) fn system_suspend(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let address = match self.entry(call, Register::X1, host) {
            Ok(address) => address,
            Err(status) => return status.into(),
        };
        let context = call.argument(Register::X2);
        if !self.power.is_alone() {
            return Status::DENIED.into();
        }
        // Nobody is left who could turn another CPU on, so the caller stays alone.
        self.power.power_down(call.caller());
        Outcome::SystemSuspend(EntryPoint { address, context })
    }

    /// `MEM_PROTECT` (section 5.1.14): returns what it was before. A cold reset clears memory in any case.
    pub(super) fn mem_protect(&self, call: &mut Call<'_>) -> Outcome {
        let protect = call.argument32(Register::X1) != 0;
        let before = self.memory_protected.swap(protect, Ordering::Relaxed);
        Outcome::Return(Results::of(u64::from(before)))
    }

    /// `MEM_PROTECT_CHECK_RANGE` (section 5.1.16): all memory can be protected.
    pub(super) fn mem_protect_check_range(call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let base = Ipa(call.argument(Register::X1));
        let length = call.argument(Register::X2);
        if length > 0 && host.is_memory(base, length) {
            Status::SUCCESS.into()
        } else {
            Status::DENIED.into()
        }
    }
}

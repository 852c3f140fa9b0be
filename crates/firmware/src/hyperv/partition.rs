//! The guest as its registers show it. A guest is a partition, to Hyper-V.

use alloc::{boxed::Box, vec::Vec};
use core::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use switchboard_smccc::{
    Ipa,
    hyperv::{RegisterName, Status, crash},
};

use super::{
    HyperVState, RestoreError,
    features::{self, Clock, Value},
    vp_register::VpRegister,
};
use crate::{CpuIndex, Host, Report};

/// What the guest has set, and what it has asked for. Each is one atomic word, and none goes with another: a guest whose CPUs
/// write to them at once gets what one of them wrote.
#[derive(Debug)]
pub(super) struct Partition {
    cpus: usize,
    guest_os_id: AtomicU64,
    crash_parameters: [AtomicU64; 5],
    /// Bit `n % 64` of word `n / 64`: CPU `n` has asked for its number.
    asked: Box<[AtomicU64]>,
    /// What is added to the host's clock, modulo 2^64: units of 100 ns.
    time_offset: AtomicU64,
}

/// Who reads or writes a register, and whose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) caller: CpuIndex,
    pub(super) target: CpuIndex,
}

impl Partition {
    pub(super) fn new(cpus: usize) -> Self {
        Self {
            cpus,
            guest_os_id: AtomicU64::new(0),
            crash_parameters: array::from_fn(|_| AtomicU64::new(0)),
            asked: (0..cpus.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            time_offset: AtomicU64::new(0),
        }
    }

    pub(super) fn has(&self, cpu: CpuIndex) -> bool {
        cpu.0 < self.cpus
    }

    pub(super) fn guest_os_id(&self) -> u64 {
        self.guest_os_id.load(Ordering::Relaxed)
    }

    /// Reads a register.
    pub(super) fn get(&self, name: RegisterName, access: Access, host: &dyn Host) -> Result<Value, Status> {
        // OpenVMM says so of a register that it does not know; the TLFS has no other status for it.
        let register = VpRegister::from_name(name).ok_or(Status::INVALID_PARAMETER)?;
        Ok(match register {
            VpRegister::HypervisorVersion => features::VERSION,
            VpRegister::PrivilegesAndFeaturesInfo => {
                let clock = if host.monotonic().is_some() { Clock::Lent } else { Clock::None };
                features::privileges_and_features(clock)
            }
            VpRegister::FeaturesInfo => features::FEATURES,
            VpRegister::ImplementationLimitsInfo => features::implementation_limits(self.cpus),
            VpRegister::GuestCrashP(number) => [self.crash_parameters[number].load(Ordering::Relaxed), 0],
            // Read, it says what can be said with it.
            VpRegister::GuestCrashCtl => [crash::NOTIFY | crash::NOTIFY_MSG, 0],
            VpRegister::GuestOsId => [self.guest_os_id(), 0],
            VpRegister::VpIndex => [self.vp_index(access)?, 0],
            VpRegister::TimeRefCount => {
                // Without a clock, the privilege is not there.
                let now = host.monotonic().ok_or(Status::ACCESS_DENIED)?;
                [self.reference_time(now), 0]
            }
        })
    }

    /// Writes a register. What no register of its size holds is INVALID_REGISTER_VALUE, and one that is only read is as
    /// unknown as one that there is not (OpenVMM).
    pub(super) fn set(
        &self,
        name: RegisterName,
        [value, high]: Value,
        access: Access,
        host: &dyn Host,
    ) -> Result<(), Status> {
        let register = VpRegister::from_name(name).ok_or(Status::INVALID_PARAMETER)?;
        let is_word = if high == 0 { Ok(()) } else { Err(Status::INVALID_REGISTER_VALUE) };
        match register {
            VpRegister::GuestOsId => is_word.map(|()| self.guest_os_id.store(value, Ordering::Relaxed)),
            VpRegister::GuestCrashP(number) => {
                is_word.map(|()| self.crash_parameters[number].store(value, Ordering::Relaxed))
            }
            VpRegister::GuestCrashCtl => is_word.and_then(|()| self.crash(value, access.caller, host)),
            _ => Err(Status::INVALID_PARAMETER),
        }
    }

    /// The guest says that it has crashed.
    ///
    /// SUCCESS whatever is where its message should be: the crash is one, and Linux would crash once more of another status.
    fn crash(&self, control: u64, cpu: CpuIndex, host: &dyn Host) -> Result<(), Status> {
        if control & !(crash::NOTIFY | crash::NOTIFY_MSG | crash::DETAILS) != 0 {
            return Err(Status::INVALID_REGISTER_VALUE);
        }
        if control & crash::NOTIFY == 0 {
            return Ok(());
        }
        let parameters = self.crash_parameters();
        let mut page = [0; 4096];
        const { assert!(crash::MAX_MESSAGE == 4096) };
        let message = if control & crash::NOTIFY_MSG == 0 {
            None
        } else {
            let [.., address, length] = parameters;
            // A longer one is cut.
            let length = usize::try_from(length.min(crash::MAX_MESSAGE)).unwrap_or(0);
            let bytes = &mut page[..length];
            host.read_memory(Ipa(address), bytes).ok().map(|()| &*bytes).filter(|bytes| !bytes.is_empty())
        };
        host.report(Report::Crash { cpu, parameters, message });
        Ok(())
    }

    fn crash_parameters(&self) -> [u64; 5] {
        array::from_fn(|number| self.crash_parameters[number].load(Ordering::Relaxed))
    }

    /// The number of a CPU. One that asks for its own is remembered.
    fn vp_index(&self, Access { caller, target }: Access) -> Result<u64, Status> {
        let number = u64::try_from(target.0).map_err(|_| Status::INVALID_VP_INDEX)?;
        if let Some((word, bit)) = self.asked(target).filter(|_| caller == target) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(number)
    }

    pub(super) fn has_asked(&self, cpu: CpuIndex) -> bool {
        self.asked(cpu).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// The CPU is off: when it starts anew, it asks anew.
    pub(super) fn forget(&self, cpu: CpuIndex) {
        if let Some((word, bit)) = self.asked(cpu) {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    fn asked(&self, cpu: CpuIndex) -> Option<(&AtomicU64, u64)> {
        let word = self.asked.get(cpu.0 / 64).filter(|_| self.has(cpu))?;
        Some((word, 1 << (cpu.0 % 64)))
    }

    pub(super) fn reference_time(&self, now: Duration) -> u64 {
        units(now).wrapping_add(self.time_offset.load(Ordering::Relaxed))
    }

    pub(super) fn set_reference_time(&self, time: u64, now: Duration) {
        self.time_offset.store(time.wrapping_sub(units(now)), Ordering::Relaxed);
    }

    pub(super) fn state(&self) -> HyperVState {
        HyperVState {
            guest_os_id: self.guest_os_id(),
            crash_parameters: self.crash_parameters(),
            asked_for_vp_index: (0..self.cpus).map(CpuIndex).filter(|&cpu| self.has_asked(cpu)).collect(),
        }
    }

    pub(super) fn restore(&self, state: &HyperVState) -> Result<(), RestoreError> {
        let HyperVState { guest_os_id, crash_parameters, asked_for_vp_index } = state;
        let places = asked_for_vp_index
            .iter()
            .map(|&cpu| self.asked(cpu).ok_or(RestoreError::NoSuchCpu(cpu)))
            .collect::<Result<Vec<_>, _>>()?;
        self.guest_os_id.store(*guest_os_id, Ordering::Relaxed);
        for (place, value) in self.crash_parameters.iter().zip(crash_parameters) {
            place.store(*value, Ordering::Relaxed);
        }
        self.asked.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        for (word, bit) in places {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Of 100 ns each: 64 bits of them last for 58,494 years.
fn units(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / 100).unwrap_or(u64::MAX)
}

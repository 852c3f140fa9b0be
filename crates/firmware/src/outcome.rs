//! What a service decides.

use core::time::Duration;

use switchboard_smccc::{Ipa, Register, psci, sdei, smccc, trng, uuid::Uuid};

use crate::CpuIndex;

/// What is to happen now that a service has decided. The caller's own thread performs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The call returns.
    Return(Results),
    /// The call returns, and [`Service::expired`](crate::Service::expired) is to be asked at this time of
    /// [`Host::monotonic`](crate::Host::monotonic), unless a later deadline is given before.
    ReturnUntil(Results, Duration),
    /// The call returns later: [`Service::reply`](crate::Service::reply) says when and with what. The caller's thread
    /// waits, and whoever knows more wakes it.
    Later,
    /// The call returns SUCCESS, and the thread of that CPU finds a start waiting: wake it.
    Start(CpuIndex),
    /// The call does not return: the caller goes on with the registers that it once had.
    Restore(Restored),
    /// The caller waits for an interrupt, then its call returns SUCCESS with every register kept.
    Standby,
    /// The caller loses its context, waits for an interrupt, then goes on at the entry point.
    PowerDown(EntryPoint),
    /// The caller is off. The call does not return.
    Off,
    /// The caller is the only CPU that is on, and loses its context. It goes on at the entry point once an interrupt comes,
    /// or a wake event of the machine's own.
    SystemSuspend(EntryPoint),
    /// The machine is switched off. The call does not return.
    SystemOff(OffKind),
    /// The machine starts anew. The call does not return.
    SystemReset(ResetKind, MemoryAtReset),
}

/// What has become of a call that returns later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing yet. Ask again at this time of [`Host::monotonic`](crate::Host::monotonic) at the latest: it is answered
    /// then, whatever happens.
    Wait(Duration),
    /// The call returns.
    Return(Results),
}

/// What a service makes of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It waits for nothing.
    Never,
    /// Ask again at this time of [`Host::monotonic`](crate::Host::monotonic).
    At(Duration),
    /// The machine is switched off.
    SystemOff(OffKind),
    /// The machine starts anew.
    SystemReset(ResetKind, MemoryAtReset),
}

/// How a machine is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffKind {
    /// For good.
    Off,
    /// The guest has written its state somewhere, and goes on with it when it is switched on again.
    Hibernate,
}

/// How a machine starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetKind {
    /// As at power-on.
    Cold,
    /// The architecture's warm reset.
    Warm,
}

/// What becomes of memory when a machine starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryAtReset {
    /// It is all zero.
    Cleared,
    /// It stays as it is, but for what is booted.
    Kept,
}

/// Where a CPU starts or resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryPoint {
    /// The first instruction.
    pub address: Ipa,
    /// What x0 holds there (PSCI: `context_id`).
    pub context: u64,
}

/// What a CPU goes on with after a call that does not return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Its registers.
    pub context: SavedContext,
    /// `ELR_EL1` and `SPSR_EL1`; without them, both keep what the guest had in them.
    pub exception_return: Option<ExceptionReturn>,
}

/// The registers that are not preserved where a CPU is interrupted by firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SavedContext {
    /// x0 to x17.
    pub x: [u64; Register::COUNT],
    /// Where it goes on.
    pub pc: u64,
    /// `PSTATE`, as `SPSR_EL1` would hold it.
    pub pstate: u64,
}

/// Where an `ERET` from EL1 goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExceptionReturn {
    /// `ELR_EL1`.
    pub address: u64,
    /// `SPSR_EL1`.
    pub pstate: u64,
}

/// The result registers of a call: x0, and any of x1 to x17. All others keep what the guest had in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// Zero where the bit in `set` is clear.
    values: [u64; Register::COUNT],
    set: u32,
}

impl Results {
    /// x0 is `x0`, nothing else changes.
    #[must_use]
    pub const fn of(x0: u64) -> Self {
        let mut values = [0; Register::COUNT];
        values[0] = x0;
        Self { values, set: 1 }
    }

    /// x0 to x3, nothing else changes.
    #[must_use]
    pub fn of_four([x0, x1, x2, x3]: [u64; 4]) -> Self {
        Self::of(x0).with(Register::X1, x1).with(Register::X2, x2).with(Register::X3, x3)
    }

    /// NOT_SUPPORTED in x0, nothing else changes. (KVM's DENY clears x1 to x3 as well.)
    #[must_use]
    pub const fn not_supported() -> Self {
        Self::of(smccc::NOT_SUPPORTED)
    }

    /// These results, and `value` in `register`.
    #[must_use]
    pub fn with(mut self, register: Register, value: u64) -> Self {
        self.values[register.index()] = value;
        self.set |= 1 << register.number();
        self
    }

    /// What x0 will hold.
    #[must_use]
    pub const fn x0(&self) -> u64 {
        self.values[0]
    }

    /// The registers that are set, x0 first.
    pub fn iter(&self) -> impl Iterator<Item = (Register, u64)> + '_ {
        Register::all()
            .filter(|register| self.set & (1 << register.number()) != 0)
            .map(|register| (register, self.values[register.index()]))
    }
}

impl From<psci::Status> for Outcome {
    fn from(status: psci::Status) -> Self {
        Self::Return(Results::of(status.to_x0()))
    }
}

impl From<trng::Status> for Outcome {
    fn from(status: trng::Status) -> Self {
        Self::Return(Results::of(status.to_x0()))
    }
}

impl From<sdei::Status> for Outcome {
    fn from(status: sdei::Status) -> Self {
        Self::Return(Results::of(status.to_x0()))
    }
}

impl From<Uuid> for Outcome {
    /// In x0 to x3 (DEN0028, "General service queries", Call UID).
    fn from(uuid: Uuid) -> Self {
        Self::Return(Results::of_four(uuid.words().map(u64::from)))
    }
}

impl Outcome {
    /// The results for the caller's registers, for the outcomes after which its call returns at once.
    #[must_use]
    pub fn results(&self) -> Option<Results> {
        match self {
            Self::Return(results) | Self::ReturnUntil(results, _) => Some(results.clone()),
            Self::Start(_) | Self::Standby => Some(Results::of(psci::Status::SUCCESS.to_x0())),
            Self::Later
            | Self::Restore(_)
            | Self::PowerDown(_)
            | Self::Off
            | Self::SystemSuspend(_)
            | Self::SystemOff(_)
            | Self::SystemReset(..) => None,
        }
    }
}

//! Which vCPUs there are, and which of them are on.

use core::sync::atomic::{AtomicU64, Ordering};

use spin::{Mutex, MutexGuard};
use switchboard_smccc::Mpidr;

use crate::vcpu::Line;

/// The states that arm64 knows of `struct kvm_mp_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MpState {
    /// `KVM_MP_STATE_RUNNABLE` (0).
    Runnable,
    /// `KVM_MP_STATE_STOPPED` (5): off. `KVM_RUN` sleeps.
    Stopped,
    /// `KVM_MP_STATE_SUSPENDED` (10): `KVM_RUN` waits for an interrupt. It stays so until userspace changes it.
    Suspended,
}

impl MpState {
    /// The value in `struct kvm_mp_state`.
    #[must_use]
    pub const fn to_uapi(self) -> u32 {
        match self {
            Self::Runnable => 0,
            Self::Stopped => 5,
            Self::Suspended => 10,
        }
    }

    /// The state a value means; `None` where KVM says EINVAL.
    #[must_use]
    pub const fn from_uapi(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::Runnable),
            5 => Some(Self::Stopped),
            10 => Some(Self::Suspended),
            _ => None,
        }
    }
}

/// What other vCPUs can see and change of one.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The affinity; 0 until the first initialisation.
    affinity: AtomicU64,
    power: Mutex<Power>,
}

/// Under the slot's lock.
#[derive(Debug)]
pub(crate) struct Power {
    pub(crate) mp_state: MpState,
    /// The vCPU is to be reset before anything else is done with it.
    pub(crate) reset_requested: bool,
    /// What `CPU_ON` wants that reset to leave.
    pub(crate) reset: Option<Reset>,
    pub(crate) line: Line,
}

/// The state that `CPU_ON` gives to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reset {
    pub(crate) entry: u64,
    pub(crate) context: u64,
    pub(crate) endianness: Endianness,
}

/// The byte order of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endianness {
    Little,
    Big,
}

impl Slot {
    pub(crate) fn new() -> Self {
        Self {
            affinity: AtomicU64::new(0),
            power: Mutex::new(Power {
                mp_state: MpState::Runnable,
                reset_requested: false,
                reset: None,
                line: Line::Low,
            }),
        }
    }

    pub(crate) fn affinity(&self) -> Mpidr {
        Mpidr::from_register(self.affinity.load(Ordering::Acquire))
    }

    pub(crate) fn set_affinity(&self, affinity: Mpidr) {
        self.affinity.store(affinity.value(), Ordering::Release);
    }

    pub(crate) fn power(&self) -> MutexGuard<'_, Power> {
        self.power.lock()
    }
}

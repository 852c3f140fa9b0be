//! Which CPU is on.
//!
//! ```text
//!            CPU_ON claims          entry is there         its thread takes it
//!    Off ───────────────▶ Claimed ───────────────▶ Pending ───────────────▶ On
//!     ▲                      │ the claim is dropped                          │
//!     ├──────────────────────┘                                               │
//!     └──────────────────── CPU_OFF, by the CPU itself ──────────────────────┘
//! ```
//!
//! Every arrow is one atomic step on the state of the CPU it is about. Any number of CPUs may try the first one;
//! exactly one succeeds. Claimed and Pending are both ON_PENDING to a guest.

use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use switchboard_smccc::{Ipa, Mpidr, psci::AffinityState};

use crate::{CpuIndex, EntryPoint};

/// The byte order of data accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endianness {
    /// `SCTLR_EL1.EE` is 0.
    Little,
    /// `SCTLR_EL1.EE` is 1.
    Big,
}

/// How a CPU starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Where, and with what in x0.
    pub entry: EntryPoint,
    /// The caller's byte order, which the new CPU takes over.
    pub endianness: Endianness,
}

/// Why a CPU cannot be started now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is on.
    AlreadyOn,
    /// Somebody else is starting it.
    OnPending,
}

/// The power state of every CPU of a machine.
pub struct PowerTable {
    cpus: Box<[Cpu]>,
    /// Indices into `cpus`, sorted by affinity.
    by_affinity: Box<[(Mpidr, CpuIndex)]>,
}

struct Cpu {
    state: AtomicU8,
    /// Written between Claimed and Pending, by the claimant; read between Pending and On, by the CPU's thread.
    /// The state's release and acquire order these accesses.
    address: AtomicU64,
    context: AtomicU64,
    big_endian: AtomicU8,
}

const OFF: u8 = 0;
const CLAIMED: u8 = 1;
const PENDING: u8 = 2;
const ON: u8 = 3;

/// The right to start a CPU that was off. Dropped without [`Claim::start`], it leaves the CPU off.
pub(super) struct Claim<'table> {
    cpu: &'table Cpu,
}

impl PowerTable {
    /// A machine with these CPUs, all off. The order is that of their [`CpuIndex`].
    #[must_use]
    pub fn new(affinities: &[Mpidr]) -> Self {
        let mut by_affinity: Vec<_> =
            affinities.iter().enumerate().map(|(index, &mpidr)| (mpidr, CpuIndex(index))).collect();
        by_affinity.sort_unstable();
        let cpus = affinities.iter().map(|_| Cpu::off()).collect();
        Self { cpus, by_affinity: by_affinity.into() }
    }

    /// The CPU with this affinity.
    #[must_use]
    pub fn find(&self, affinity: Mpidr) -> Option<CpuIndex> {
        let at = self.by_affinity.binary_search_by_key(&affinity, |&(mpidr, _)| mpidr).ok()?;
        Some(self.by_affinity[at].1)
    }

    /// Starts a CPU from outside the guest: the boot CPU, at power-on.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if it is not off.
    ///
    /// # Panics
    ///
    /// If the machine has no such CPU.
    pub fn start(&self, cpu: CpuIndex, start: Start) -> Result<(), Refusal> {
        self.claim(cpu).map(|claim| claim.start(start))
    }

    /// A start that waits for this CPU; with it, the CPU is on. Only the CPU's own thread asks.
    ///
    /// # Panics
    ///
    /// If the machine has no such CPU.
    #[must_use]
    pub fn take_start(&self, cpu: CpuIndex) -> Option<Start> {
        let cpu = &self.cpus[cpu.0];
        if cpu.state.load(Ordering::Acquire) != PENDING {
            return None;
        }
        let start = cpu.read_start();
        // Nobody but this thread leaves Pending, so a plain store is a step as atomic as any.
        cpu.state.store(ON, Ordering::Release);
        Some(start)
    }

    /// What `AFFINITY_INFO` says of the node that `target` is in at `level`: the CPUs that share its affinity
    /// fields from that level up. `None` if there are none, or no such level.
    #[must_use]
    pub fn affinity_info(&self, target: Mpidr, level: u64) -> Option<AffinityState> {
        let node = target.at_level(level)?;
        let mut found = None;
        for &(mpidr, cpu) in &self.by_affinity {
            if mpidr.at_level(level) != Some(node) {
                continue;
            }
            match self.cpus[cpu.0].state.load(Ordering::Acquire) {
                ON => return Some(AffinityState::On),
                OFF => found = found.or(Some(AffinityState::Off)),
                _ => found = Some(AffinityState::OnPending),
            }
        }
        found
    }

    /// `CPU_OFF`: the CPU is off. Only its own thread says so, and runs no more guest code until a start comes.
    pub(super) fn off(&self, cpu: CpuIndex) {
        self.cpus[cpu.0].state.store(OFF, Ordering::Release);
    }

    /// Tries to become the one who starts a CPU.
    pub(super) fn claim(&self, cpu: CpuIndex) -> Result<Claim<'_>, Refusal> {
        let cpu = &self.cpus[cpu.0];
        match cpu.state.compare_exchange(OFF, CLAIMED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Claim { cpu }),
            Err(ON) => Err(Refusal::AlreadyOn),
            Err(_) => Err(Refusal::OnPending),
        }
    }
}

impl Claim<'_> {
    /// Hands the start to the CPU's thread, which must then be woken.
    pub(super) fn start(self, start: Start) {
        self.cpu.write_start(start);
        self.cpu.state.store(PENDING, Ordering::Release);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        // Fails, as it should, where the start has been handed over.
        let _ = self.cpu.state.compare_exchange(CLAIMED, OFF, Ordering::AcqRel, Ordering::Relaxed);
    }
}

impl Cpu {
    const fn off() -> Self {
        Self {
            state: AtomicU8::new(OFF),
            address: AtomicU64::new(0),
            context: AtomicU64::new(0),
            big_endian: AtomicU8::new(0),
        }
    }

    fn write_start(&self, start: Start) {
        self.address.store(start.entry.address.0, Ordering::Relaxed);
        self.context.store(start.entry.context, Ordering::Relaxed);
        self.big_endian.store(u8::from(start.endianness == Endianness::Big), Ordering::Relaxed);
    }

    fn read_start(&self) -> Start {
        let endianness = match self.big_endian.load(Ordering::Relaxed) {
            0 => Endianness::Little,
            _ => Endianness::Big,
        };
        let address = Ipa(self.address.load(Ordering::Relaxed));
        let context = self.context.load(Ordering::Relaxed);
        Start { entry: EntryPoint { address, context }, endianness }
    }
}

//! Which CPU is on, which one the guest may have, and whether the machine runs at all.
//!
//! ```text
//!              enable                CPU_ON claims         entry is there        its thread takes it
//!  Disabled ───────────▶ Off ─────────────▶ Claimed ─────────────▶ Pending ─────────────▶ On ◀──▶ suspended
//!           ◀─────────── ▲ ▲                   │ the claim is dropped                      │
//!              disable   │ └───────────────────┘                                           │
//!                        └──────────── CPU_OFF, by the CPU itself ────────────────────────┘
//! ```
//!
//! Every arrow is one atomic step on the word of the CPU it is about. Any number of CPUs may try to claim one;
//! exactly one succeeds. Claimed and Pending are both ON_PENDING to a guest. A CPU that is not off is always
//! enabled: policy takes a CPU away only once the guest has let go of it.
//!
//! Beside the words there is a count of the CPUs that are not off. It goes up after a claim and before whoever claims
//! can go off, and goes down before a CPU is seen to be off. So a CPU that finds the count at one is alone, and one
//! that has seen all others off finds it at one: that makes `SYSTEM_SUSPEND` exact without stopping anybody. Another
//! count, of the claims so far, goes up with it, and tells a look at several CPUs whether one was started meanwhile.

use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

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
    /// The guest may not have it.
    Disabled,
    /// It is on.
    AlreadyOn,
    /// Somebody else is starting it.
    OnPending,
}

/// How a CPU is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuPower {
    /// Off, and the guest may not have it.
    Disabled,
    /// Off.
    Off,
    /// About to be on.
    Pending,
    /// On.
    On,
    /// On, and asleep with its context (`CPU_SUSPEND`, standby).
    Standby,
    /// On, and asleep without its context (`CPU_SUSPEND`, power-down, or `SYSTEM_SUSPEND`).
    PowerDown,
}

/// What a CPU's thread does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The CPU is on: start it so, and run it.
    Start(Start),
    /// It is off: sleep until woken, then ask again.
    Wait,
    /// The machine has stopped, or the guest may no longer have the CPU: the thread is not needed.
    Leave,
}

/// The power state of every CPU of a machine.
pub struct PowerTable {
    cpus: Box<[Cpu]>,
    /// Indices into `cpus`, sorted by affinity.
    by_affinity: Box<[(Mpidr, CpuIndex)]>,
    /// CPUs that are not off.
    alive: AtomicU32,
    /// Claims so far. It may wrap: only that it has changed between two looks says something.
    claims: AtomicU32,
    stopped: AtomicBool,
}

struct Cpu {
    word: AtomicU8,
    /// Written between Claimed and Pending, by the claimant; read between Pending and On, by the CPU's thread.
    /// The word's release and acquire order these accesses.
    address: AtomicU64,
    context: AtomicU64,
    big_endian: AtomicBool,
}

// The word of a CPU.
const DISABLED: u8 = 0;
const OFF: u8 = 1;
const CLAIMED: u8 = 2;
const PENDING: u8 = 3;
const ON: u8 = 4;
const STANDBY: u8 = 5;
const POWER_DOWN: u8 = 6;

impl CpuPower {
    const fn of_word(word: u8) -> Self {
        match word {
            DISABLED => Self::Disabled,
            OFF => Self::Off,
            CLAIMED | PENDING => Self::Pending,
            STANDBY => Self::Standby,
            POWER_DOWN => Self::PowerDown,
            _ => Self::On,
        }
    }
}

/// The right to start a CPU that was off. Dropped without [`Claim::start`], it leaves the CPU off.
pub(super) struct Claim<'table> {
    table: &'table PowerTable,
    cpu: &'table Cpu,
}

impl PowerTable {
    /// A machine with these CPUs, all off and all enabled. The order is that of their [`CpuIndex`].
    #[must_use]
    pub fn new(affinities: &[Mpidr]) -> Self {
        let mut by_affinity: Vec<_> =
            affinities.iter().enumerate().map(|(index, &mpidr)| (mpidr, CpuIndex(index))).collect();
        by_affinity.sort_unstable();
        Self {
            cpus: affinities.iter().map(|_| Cpu::off()).collect(),
            by_affinity: by_affinity.into(),
            alive: AtomicU32::new(0),
            claims: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// How many CPUs the machine can have.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cpus.len()
    }

    /// Can it have none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cpus.is_empty()
    }

    /// The affinity of a CPU, if there is one. Not for a call that is made often: it looks at each.
    #[must_use]
    pub fn affinity(&self, cpu: CpuIndex) -> Option<Mpidr> {
        self.by_affinity.iter().find(|&&(_, of)| of == cpu).map(|&(affinity, _)| affinity)
    }

    /// The CPU with this affinity.
    #[must_use]
    pub fn find(&self, affinity: Mpidr) -> Option<CpuIndex> {
        let at = self.by_affinity.binary_search_by_key(&affinity, |&(mpidr, _)| mpidr).ok()?;
        Some(self.by_affinity[at].1)
    }

    /// How a CPU is.
    ///
    /// # Panics
    ///
    /// If the machine has no such CPU.
    #[must_use]
    pub fn state(&self, cpu: CpuIndex) -> CpuPower {
        CpuPower::of_word(self.cpus[cpu.0].word.load(Ordering::Acquire))
    }

    /// May the guest have a CPU?
    ///
    /// # Panics
    ///
    /// If the machine has no such CPU.
    #[must_use]
    pub fn is_enabled(&self, cpu: CpuIndex) -> bool {
        self.state(cpu) != CpuPower::Disabled
    }

    /// Lets the guest have a CPU. False if it had it already.
    ///
    /// # Panics
    ///
    /// If the machine has no such CPU.
    pub fn enable(&self, cpu: CpuIndex) -> bool {
        self.cpus[cpu.0].step(DISABLED, OFF).is_ok()
    }

    /// Takes a CPU away that is off: from now on `CPU_ON` is DENIED. Its thread, once woken, leaves.
    ///
    /// # Errors
    ///
    /// How the CPU is, if it is not off: [`CpuPower::Disabled`] where that has been done before.
    ///
    /// # Panics
    ///
    /// If the machine has no such CPU.
    pub fn disable(&self, cpu: CpuIndex) -> Result<(), CpuPower> {
        // Of the very step that did not succeed: a moment later the CPU may be off.
        self.cpus[cpu.0].step(OFF, DISABLED).map_err(CpuPower::of_word)
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

    /// What the thread of a CPU that does not run is to do. With [`Next::Start`] the CPU is on. Only the CPU's own
    /// thread asks.
    ///
    /// # Panics
    ///
    /// If the machine has no such CPU.
    #[must_use]
    pub fn next(&self, cpu: CpuIndex) -> Next {
        let cpu = &self.cpus[cpu.0];
        if self.is_stopped() {
            return Next::Leave;
        }
        match cpu.word.load(Ordering::Acquire) {
            PENDING => {
                let start = cpu.read_start();
                // Nobody but this thread leaves Pending, so a plain store is a step as atomic as any.
                cpu.word.store(ON, Ordering::Release);
                Next::Start(start)
            }
            DISABLED => Next::Leave,
            _ => Next::Wait,
        }
    }

    /// What `AFFINITY_INFO` says of the node that `target` is in at `level`: the CPUs that share its affinity
    /// fields from that level up. `None` if there are none, or no such level.
    #[must_use]
    pub fn affinity_info(&self, target: Mpidr, level: u64) -> Option<AffinityState> {
        let node = target.at_level(level)?;
        loop {
            let claims = self.claims.load(Ordering::Acquire);
            let found = self.look_at(node, level);
            // All off, one after the other, is not all off at once: one of them may have turned on another one that had
            // been looked at, and then gone off. Each further look is owed to a `CPU_ON` of somebody else's.
            if found != Some(AffinityState::Off) || self.claims.load(Ordering::Acquire) == claims {
                return found;
            }
        }
    }

    fn look_at(&self, node: Mpidr, level: u64) -> Option<AffinityState> {
        let mut found = None;
        for &(mpidr, cpu) in &self.by_affinity {
            if mpidr.at_level(level) != Some(node) {
                continue;
            }
            match self.cpus[cpu.0].word.load(Ordering::Acquire) {
                DISABLED | OFF => found = found.or(Some(AffinityState::Off)),
                CLAIMED | PENDING => found = Some(AffinityState::OnPending),
                _ => return Some(AffinityState::On),
            }
        }
        found
    }

    /// Is the calling CPU, which is on, the only one that is not off?
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.alive.load(Ordering::SeqCst) == 1
    }

    /// Is every CPU on that the guest may have, and none asleep?
    #[must_use]
    pub fn all_on(&self) -> bool {
        self.cpus.iter().all(|cpu| matches!(cpu.word.load(Ordering::Acquire), ON | DISABLED))
    }

    /// A CPU that slept goes on. Only its own thread says so.
    ///
    /// # Panics
    ///
    /// If the machine has no such CPU.
    pub fn resume(&self, cpu: CpuIndex) {
        self.cpus[cpu.0].word.store(ON, Ordering::Release);
    }

    /// The machine stops, for good or until [`Self::reset`]: no CPU starts any more. Of any number of callers one is
    /// told that it was the first.
    pub fn stop(&self) -> bool {
        !self.stopped.swap(true, Ordering::SeqCst)
    }

    /// Has the machine stopped?
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// A new life: every CPU is off, the guest has those that it had, and the machine can start. Not before the
    /// thread of every CPU has left.
    pub fn reset(&self) {
        for cpu in &self.cpus {
            // What is off can be given and taken away meanwhile, and is not touched. All else is nobody's but ours now.
            if !matches!(cpu.word.load(Ordering::Acquire), DISABLED | OFF) {
                cpu.word.store(OFF, Ordering::Release);
            }
        }
        self.alive.store(0, Ordering::SeqCst);
        self.stopped.store(false, Ordering::SeqCst);
    }

    /// `CPU_OFF`: the CPU is off. Only its own thread says so, and runs no more guest code until a start comes.
    pub(super) fn off(&self, cpu: CpuIndex) {
        // In this order: whoever sees it off, and is alone otherwise, finds itself alone.
        self.alive.fetch_sub(1, Ordering::SeqCst);
        self.cpus[cpu.0].word.store(OFF, Ordering::Release);
    }

    /// The CPU sleeps, with its context. Only its own thread says so.
    pub(super) fn standby(&self, cpu: CpuIndex) {
        self.cpus[cpu.0].word.store(STANDBY, Ordering::Release);
    }

    /// The CPU sleeps, without its context. Only its own thread says so.
    pub(super) fn power_down(&self, cpu: CpuIndex) {
        self.cpus[cpu.0].word.store(POWER_DOWN, Ordering::Release);
    }

    /// Tries to become the one who starts a CPU.
    pub(super) fn claim(&self, cpu: CpuIndex) -> Result<Claim<'_>, Refusal> {
        let cpu = &self.cpus[cpu.0];
        match cpu.step(OFF, CLAIMED) {
            Ok(()) => {
                self.alive.fetch_add(1, Ordering::SeqCst);
                self.claims.fetch_add(1, Ordering::AcqRel);
                Ok(Claim { table: self, cpu })
            }
            Err(DISABLED) => Err(Refusal::Disabled),
            Err(CLAIMED | PENDING) => Err(Refusal::OnPending),
            Err(_) => Err(Refusal::AlreadyOn),
        }
    }
}

impl Claim<'_> {
    /// Hands the start to the CPU's thread, which must then be woken.
    pub(super) fn start(self, start: Start) {
        self.cpu.write_start(start);
        self.cpu.word.store(PENDING, Ordering::Release);
        // Not dropped: by now the CPU may have been on, gone off, and been claimed by somebody else.
        core::mem::forget(self);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.table.alive.fetch_sub(1, Ordering::SeqCst);
        self.cpu.word.store(OFF, Ordering::Release);
    }
}

impl Cpu {
    fn off() -> Self {
        Self {
            word: AtomicU8::new(OFF),
            address: AtomicU64::new(0),
            context: AtomicU64::new(0),
            big_endian: AtomicBool::new(false),
        }
    }

    /// From one state to another, or the state it is in instead.
    fn step(&self, from: u8, to: u8) -> Result<(), u8> {
        self.word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).map(drop)
    }

    fn write_start(&self, start: Start) {
        self.address.store(start.entry.address.0, Ordering::Relaxed);
        self.context.store(start.entry.context, Ordering::Relaxed);
        self.big_endian.store(start.endianness == Endianness::Big, Ordering::Relaxed);
    }

    fn read_start(&self) -> Start {
        let endianness =
            if self.big_endian.load(Ordering::Relaxed) { Endianness::Big } else { Endianness::Little };
        let address = Ipa(self.address.load(Ordering::Relaxed));
        let context = self.context.load(Ordering::Relaxed);
        Start { entry: EntryPoint { address, context }, endianness }
    }
}

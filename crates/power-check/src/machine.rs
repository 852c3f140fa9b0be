//! The monitor around the table, as `switchboard-machine` is: threads that ask what is next, sleep, are woken and leave.
//!
//! Deliberately missing: the guest's code, which a closure plays; KVM.

use std::sync::{Arc, Mutex, PoisonError};

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle, Thread};
use switchboard_firmware::psci::{CpuPower, Endianness, Next, Refusal, Start};
use switchboard_firmware::{CpuIndex, EntryPoint};
use switchboard_smccc::{Ipa, Mpidr, psci::AffinityState};

use crate::Invariant;
use crate::table::{Make, Table};

/// The CPU whose thread is the model's main thread.
pub(crate) const BOOT: CpuIndex = CpuIndex(0);
/// A CPU, alone in its node of the topology with [`OTHER`].
pub(crate) const CPU: CpuIndex = CpuIndex(1);
/// One more.
pub(crate) const OTHER: CpuIndex = CpuIndex(2);

/// By the order of their indices.
const AFFINITIES: [u64; 3] = [0x000, 0x100, 0x101];

/// A mistake of a monitor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It wakes the target's thread, and then hands the start over.
    WakesFirst,
    /// A thread looks, and then says that it can be woken.
    LooksFirst,
    /// A thread says that it can be woken, and a waker looks for it, by accesses that do not exclude each other.
    EntersUnlocked,
}

/// The mistakes of monitors, and the invariant that must notice each.
pub const FLAWS: &[(Flaw, Invariant)] = &[
    (Flaw::WakesFirst, Invariant::NoLostWakeUp),
    (Flaw::LooksFirst, Invariant::NoLostWakeUp),
    (Flaw::EntersUnlocked, Invariant::NoLostWakeUp),
];

/// What a model tries.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    make: Make,
    flaw: Option<Flaw>,
}

impl Subject {
    /// Such a table, in a monitor without a mistake.
    pub(crate) const fn new(make: Make) -> Self {
        Self { make, flaw: None }
    }

    /// In a monitor with this mistake.
    #[must_use]
    pub const fn in_a_monitor_that(self, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }
}

/// A machine of three CPUs.
#[derive(Clone)]
pub(crate) struct Machine(Arc<Inner>);

struct Inner {
    table: Arc<dyn Table>,
    flaw: Option<Flaw>,
    cpus: [Cpu; 3],
    /// In suspend-to-RAM.
    asleep: AtomicBool,
}

struct Cpu {
    /// Its thread can be woken. A lock around `thread` would be the monitor's way; it is an atomic exchange, because loom
    /// takes the unpark of a thread that waits for a lock for the lock's release.
    entered: AtomicBool,
    /// Not loom's: nothing happens between its accesses.
    thread: Mutex<Option<Thread>>,
    /// It may execute the guest's code. Always accessed relaxed, so that only the table orders the accesses: who learns from
    /// the table that a CPU executes nothing, and sees `true`, has learned too early.
    executing: AtomicBool,
}

/// What a CPU's guest code ends with, in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// `CPU_OFF`.
    Off,
    /// It stays on. Its thread's part in the model is over.
    Stay,
}

/// How a thread's part in a model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// It was told to leave.
    Told,
    /// With its CPU on.
    On,
}

impl Machine {
    /// A machine in which these CPUs are on.
    pub(crate) fn new(subject: Subject, on: &[CpuIndex]) -> Self {
        let cpu = || Cpu {
            entered: AtomicBool::new(false),
            thread: Mutex::new(None),
            executing: AtomicBool::new(false),
        };
        let machine = Self(Arc::new(Inner {
            table: (subject.make)(&AFFINITIES.map(Mpidr::from_register)),
            flaw: subject.flaw,
            cpus: [cpu(), cpu(), cpu()],
            asleep: AtomicBool::new(false),
        }));
        for &cpu in on {
            machine.table().claim(cpu).unwrap_or_else(|error| panic!("{error:?}")).start(start(0));
            assert_eq!(machine.table().next(cpu), Next::Start(start(0)), "nothing has happened yet");
            machine.begin(cpu);
        }
        machine
    }

    pub(crate) fn table(&self) -> &dyn Table {
        &*self.0.table
    }

    /// Starts a thread that does something.
    pub(crate) fn spawn<T: 'static>(&self, work: impl FnOnce(&Self) -> T + 'static) -> JoinHandle<T> {
        let machine = self.clone();
        thread::spawn(move || work(&machine))
    }

    /// Starts a CPU's thread, whose guest code is `guest`.
    pub(crate) fn spawn_cpu(
        &self,
        cpu: CpuIndex,
        guest: impl FnMut(&Self, Start) -> After + 'static,
    ) -> JoinHandle<Left> {
        self.spawn(move |machine| machine.live(cpu, guest))
    }

    /// The whole life of a CPU's thread.
    pub(crate) fn live(&self, cpu: CpuIndex, mut guest: impl FnMut(&Self, Start) -> After) -> Left {
        let mut next = None;
        if self.0.flaw == Some(Flaw::LooksFirst) {
            next = Some(self.table().next(cpu));
        }
        self.enter(cpu);
        loop {
            match next.take().unwrap_or_else(|| self.table().next(cpu)) {
                Next::Start(start) => {
                    self.begin(cpu);
                    match guest(self, start) {
                        After::Off => self.cpu_off(cpu),
                        After::Stay => return Left::On,
                    }
                }
                Next::Wait => thread::park(),
                Next::Leave => return Left::Told,
            }
        }
    }

    /// The calling thread is that of a CPU: it can be woken.
    fn enter(&self, cpu: CpuIndex) {
        let cpu = &self.0.cpus[cpu.0];
        *cpu.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        if self.0.flaw == Some(Flaw::EntersUnlocked) {
            cpu.entered.store(true, Ordering::Release);
        } else {
            cpu.entered.swap(true, Ordering::AcqRel);
        }
    }

    /// Makes a CPU's thread look again, if it has one.
    pub(crate) fn wake(&self, cpu: CpuIndex) {
        let cpu = &self.0.cpus[cpu.0];
        let entered = if self.0.flaw == Some(Flaw::EntersUnlocked) {
            cpu.entered.load(Ordering::Acquire)
        } else {
            cpu.entered.fetch_or(false, Ordering::AcqRel)
        };
        if entered && let Some(thread) = &*cpu.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }

    /// `CPU_ON`.
    pub(crate) fn cpu_on(&self, target: CpuIndex, start: Start) -> Result<(), Refusal> {
        let claim = self.table().claim(target)?;
        if self.0.flaw == Some(Flaw::WakesFirst) {
            self.wake(target);
            claim.start(start);
        } else {
            claim.start(start);
            self.wake(target);
        }
        Ok(())
    }

    /// `CPU_OFF`, by the CPU itself.
    pub(crate) fn cpu_off(&self, cpu: CpuIndex) {
        self.0.cpus[cpu.0].executing.store(false, Ordering::Relaxed);
        self.table().off(cpu);
    }

    /// `SYSTEM_SUSPEND`, by a CPU that is on, up to its waking up. Was it allowed?
    pub(crate) fn system_suspend(&self, cpu: CpuIndex) -> bool {
        if !self.table().is_alone() {
            return false;
        }
        self.table().power_down(cpu);
        self.0.asleep.store(true, Ordering::Relaxed);
        for other in [BOOT, CPU, OTHER] {
            assert!(
                other == cpu || !self.is_executing(other),
                "{cpu} suspends the system while {other} runs"
            );
        }
        self.0.asleep.store(false, Ordering::Relaxed);
        self.table().resume(cpu);
        true
    }

    /// `AFFINITY_INFO` of one CPU.
    pub(crate) fn affinity_info(&self, cpu: CpuIndex) -> AffinityState {
        self.node_info(cpu, 0)
    }

    /// `AFFINITY_INFO` of the node that a CPU is in.
    pub(crate) fn node_info(&self, cpu: CpuIndex, level: u64) -> AffinityState {
        let target = Mpidr::from_register(AFFINITIES[cpu.0]);
        self.table().affinity_info(target, level).expect("there is such a CPU")
    }

    /// The machine stops: everybody is to leave. Was this the first to say so?
    pub(crate) fn stop(&self) -> bool {
        let first = self.table().stop();
        self.wake(CPU);
        self.wake(OTHER);
        first
    }

    /// May a CPU execute the guest's code?
    pub(crate) fn is_executing(&self, cpu: CpuIndex) -> bool {
        self.0.cpus[cpu.0].executing.load(Ordering::Relaxed)
    }

    /// A CPU executes the guest's code.
    fn begin(&self, cpu: CpuIndex) {
        self.0.cpus[cpu.0].executing.store(true, Ordering::Relaxed);
    }

    /// The guest's code on a CPU, in a model in which others suspend the system or take CPUs away.
    pub(crate) fn assert_may_run(&self, cpu: CpuIndex) {
        assert!(!self.0.asleep.load(Ordering::Relaxed), "{cpu} runs while the system is suspended");
        assert_eq!(self.table().state(cpu), CpuPower::On, "{cpu} runs");
    }
}

/// Starts that differ in everything if their numbers are 0 and 1, or 1 and 2.
pub(crate) fn start(number: u64) -> Start {
    Start {
        entry: EntryPoint { address: Ipa(0x4000 + 4 * number), context: 7 + number },
        endianness: if number.is_multiple_of(2) { Endianness::Little } else { Endianness::Big },
    }
}

/// The end of a thread's part in a model.
pub(crate) fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

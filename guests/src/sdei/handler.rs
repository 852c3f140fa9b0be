//! Where events arrive: `sdei.s` enters [`sdei_handler`] on a stack of its own, and ends the event as that says.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::{EVENT_COMPLETE, EVENT_COMPLETE_AND_RESUME, MAX_CPUS, Priority};
use crate::{
    console::println,
    cpu, psci,
    secondary::address,
    tests::{sdei, sdei_storm},
};

/// An event as the handler finds it.
#[repr(C)]
pub struct Delivery {
    pub event: u64,
    pub argument: u64,
    /// PC and PSTATE of what was interrupted, as firmware gives them, and SP as it was left.
    pub pc: u64,
    pub pstate: u64,
    pub sp: u64,
    /// CurrentEL, DAIF and SPSel at the handler's entry.
    pub entry: u64,
    /// The CPU's index.
    pub cpu: u64,
    /// 1: through the handler of critical events.
    critical: u64,
}

/// PSTATE.I.
const MASKED: u64 = 1 << 7;

impl Delivery {
    pub fn priority(&self) -> Priority {
        if self.critical == 0 { Priority::Normal } else { Priority::Critical }
    }

    pub fn cpu_index(&self) -> usize {
        usize::try_from(self.cpu).map_or(0, |index| index % MAX_CPUS)
    }

    /// May what was interrupted be resumed elsewhere? Where interrupts are masked, ELR_EL1 may be in use.
    pub const fn is_resumable(&self) -> bool {
        self.pstate & MASKED == 0
    }
}

/// How a handler ends: the call, and its argument.
#[repr(C)]
pub struct End {
    function: u64,
    argument: u64,
}

impl End {
    pub fn complete() -> Self {
        Self { function: EVENT_COMPLETE.into(), argument: 0 }
    }

    /// `COMPLETE_AND_RESUME` at a place that checks how it was come to, and goes on with what was interrupted.
    pub fn resume(delivery: &Delivery) -> Self {
        let resumed = &SDEI_RESUMED[delivery.cpu_index()];
        resumed.wanted_elr.store(delivery.pc, Ordering::Relaxed);
        resumed.wanted_spsr.store(delivery.pstate, Ordering::Relaxed);
        Self { function: EVENT_COMPLETE_AND_RESUME.into(), argument: address(sdei_resume) }
    }
}

/// What one CPU saw where COMPLETE_AND_RESUME arrives.
#[repr(C, align(64))]
pub struct Resumed {
    /// How often.
    pub count: AtomicU64,
    wanted_elr: AtomicU64,
    wanted_spsr: AtomicU64,
    pub elr: AtomicU64,
    pub spsr: AtomicU64,
    /// CurrentEL, DAIF and SPSel.
    pub pstate: AtomicU64,
    /// How often ELR_EL1 or SPSR_EL1 was not what the handler was given.
    pub wrong: AtomicU64,
}

#[unsafe(no_mangle)]
static SDEI_RESUMED: [Resumed; MAX_CPUS] = [const {
    Resumed {
        count: AtomicU64::new(0),
        wanted_elr: AtomicU64::new(0),
        wanted_spsr: AtomicU64::new(0),
        elr: AtomicU64::new(0),
        spsr: AtomicU64::new(0),
        pstate: AtomicU64::new(0),
        wrong: AtomicU64::new(0),
    }
}; MAX_CPUS];

pub fn resumed(cpu: usize) -> &'static Resumed {
    &SDEI_RESUMED[cpu]
}

unsafe extern "C" {
    fn sdei_normal();
    fn sdei_critical();
    fn sdei_hammer_handler();
    fn sdei_resume();
}

/// The handler of events with this priority: each has a stack of its own.
pub fn entry(priority: Priority) -> u64 {
    match priority {
        Priority::Normal => address(sdei_normal),
        Priority::Critical => address(sdei_critical),
    }
}

/// A handler that does nothing, and needs neither a stack nor [`prepare_cpu`].
pub fn empty_entry() -> u64 {
    address(sdei_hammer_handler)
}

/// Who is told of events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    Sdei,
    Storm,
}

static LISTENER: AtomicU8 = AtomicU8::new(0);
const LISTENERS: [Listener; 2] = [Listener::Sdei, Listener::Storm];

pub fn listen(listener: Listener) {
    let number = LISTENERS.iter().position(|&listed| listed == listener).and_then(|at| u8::try_from(at).ok());
    LISTENER.store(number.expect("every listener is listed"), Ordering::Release);
}

/// Before this CPU is unmasked: the handlers find their stacks by its index.
pub fn prepare_cpu(index: usize) {
    assert!(index < MAX_CPUS);
    cpu::set_context_id(u64::try_from(index).expect("less than 4"));
}

#[unsafe(no_mangle)]
extern "C" fn sdei_handler(delivery: &Delivery) -> End {
    match LISTENERS[usize::from(LISTENER.load(Ordering::Acquire))] {
        Listener::Sdei => sdei::handle(delivery),
        Listener::Storm => sdei_storm::handle(delivery),
    }
}

#[unsafe(no_mangle)]
extern "C" fn sdei_not_completed(x0: u64) -> ! {
    println!("BUG: the call that ends a handler returns {x0:#x}, CPU {:#x}", cpu::affinity());
    psci::system_off()
}

//! Everything there is to know of a guest's events: one plain value.
//!
//! What cannot be is mostly not representable: a handler is enabled only as part of a registration, and a CPU has one place
//! for a handler of each priority.

use alloc::boxed::Box;

use switchboard_smccc::{
    InterruptId,
    sdei::{EventNumber, Status},
};

use super::description::{
    Bindable, ConfigurationError, EventDescription, EventKind, FIRST_BOUND, Level, Priority,
};
use crate::{CpuIndex, SavedContext};

/// All events and all CPUs of a guest: plain data, to be saved with a machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Event 0, the machine's, and those of the bindable interrupts, in this order.
    pub events: Box<[Event]>,
    /// By [`CpuIndex`].
    pub pes: Box<[Pe]>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// Its number, kind and priority.
    pub description: EventDescription,
    /// What makes it pending.
    pub origin: Origin,
    /// One for each CPU if it is private, one if it is shared.
    pub handlers: Box<[Handler]>,
}

/// What makes an event pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The guest's `SDEI_EVENT_SIGNAL`, or the machine: event 0.
    Software,
    /// The machine.
    Machine,
    /// The level of an interrupt. The event is there while it is bound.
    Interrupt {
        /// Which one.
        interrupt: InterruptId,
        /// Whether the guest has bound it.
        binding: Binding,
        /// Its level, bound or not.
        level: Level,
    },
}

/// Whether an interrupt is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// No: it is the interrupt controller's, and its event is not there.
    Free,
    /// Yes.
    Bound,
}

/// The handler of an event: its state is that of DEN0054, section 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Handler {
    /// What the guest has registered. A handler that runs without is the one of an event whose unregistration is pending.
    pub registration: Option<Registration>,
    /// The CPU that it runs on.
    pub running: Option<CpuIndex>,
    /// Has the event been raised, and not been taken since? Never of an interrupt's: its level says that.
    pub pending: Pending,
}

/// Whether an event has been raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Pending {
    /// No.
    #[default]
    No,
    /// Once or more often.
    Yes,
}

/// What a guest has registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Registration {
    /// Where the handler is: a virtual address, a multiple of 4.
    pub entry_point: u64,
    /// What it finds in x1.
    pub argument: u64,
    /// Who takes the event. A private one is routed to its CPU.
    pub routing: Routing,
    /// May it be taken?
    pub enablement: Enablement,
}

/// Who takes an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Routing {
    /// Any CPU (RM_ANY).
    Any,
    /// This one (RM_PE), once it can.
    Pe(CpuIndex),
}

/// Whether an event may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enablement {
    /// No: what comes meanwhile is pending.
    Disabled,
    /// Yes.
    Enabled,
}

/// What is kept for a CPU. The default is that of a CPU that is off, or has just been started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Pe {
    /// Does it take events?
    pub mask: Mask,
    /// The normal event that it handles.
    pub normal: Option<Active>,
    /// The critical event that it handles, above the normal one if there is one.
    pub critical: Option<Active>,
    /// Has it been kicked, and not been asked since?
    pub kick: Kick,
}

/// Whether a CPU takes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mask {
    /// No.
    #[default]
    Masked,
    /// Yes.
    Unmasked,
}

/// Whether a CPU will be asked soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kick {
    /// Nobody has kicked it.
    #[default]
    None,
    /// It has been kicked, or is about to be: there is no need to kick it again.
    Due,
}

/// An event that a CPU handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Active {
    /// Which one.
    pub event: EventNumber,
    /// What it has interrupted.
    pub context: SavedContext,
}

impl State {
    /// Nothing is registered, bound or pending, and every CPU is masked.
    pub(super) fn new(
        cpus: usize,
        events: &[EventDescription],
        interrupts: &[Bindable],
    ) -> Result<Self, ConfigurationError> {
        check(events, interrupts)?;
        let software = EventDescription {
            number: EventNumber::SOFTWARE_SIGNALLED,
            kind: EventKind::Private,
            priority: Priority::Normal,
        };
        let machines = events.iter().map(|&event| (event, Origin::Machine));
        let bound = (FIRST_BOUND.0..).zip(interrupts).map(|(number, bindable)| {
            let origin = Origin::Interrupt {
                interrupt: bindable.interrupt,
                binding: Binding::Free,
                level: Level::Low,
            };
            let description = EventDescription {
                number: EventNumber(number),
                kind: EventKind::Shared,
                priority: bindable.priority,
            };
            (description, origin)
        });
        let all = core::iter::once((software, Origin::Software)).chain(machines).chain(bound);
        let events = all.map(|(description, origin)| Event::new(description, origin, cpus)).collect();
        Ok(Self { events, pes: (0..cpus).map(|_| Pe::default()).collect() })
    }

    /// Where the event with this number is, if it is there.
    pub(super) fn find(&self, number: EventNumber) -> Option<usize> {
        self.events.iter().position(|event| event.description.number == number && event.exists())
    }

    /// The event with this number.
    pub(super) fn event_mut(&mut self, number: EventNumber) -> Result<&mut Event, Status> {
        let index = self.find(number).ok_or(Status::INVALID_PARAMETERS)?;
        Ok(&mut self.events[index])
    }
}

impl Event {
    fn new(description: EventDescription, origin: Origin, cpus: usize) -> Self {
        let handlers = match description.kind {
            EventKind::Private => cpus,
            EventKind::Shared => 1,
        };
        Self { description, origin, handlers: (0..handlers).map(|_| Handler::default()).collect() }
    }

    /// Is there such an event now?
    pub(super) fn exists(&self) -> bool {
        !matches!(self.origin, Origin::Interrupt { binding: Binding::Free, .. })
    }

    /// Which of its handlers is this CPU's.
    pub(super) fn handler_of(&self, cpu: CpuIndex) -> usize {
        match self.description.kind {
            EventKind::Private => cpu.0,
            EventKind::Shared => 0,
        }
    }

    /// The handler that this CPU speaks of.
    pub(super) fn handler_mut(&mut self, cpu: CpuIndex) -> &mut Handler {
        &mut self.handlers[self.handler_of(cpu)]
    }
}

impl Pe {
    /// Where a handler of this priority is.
    pub(super) fn active_mut(&mut self, priority: Priority) -> &mut Option<Active> {
        match priority {
            Priority::Normal => &mut self.normal,
            Priority::Critical => &mut self.critical,
        }
    }
}

fn check(events: &[EventDescription], interrupts: &[Bindable]) -> Result<(), ConfigurationError> {
    let slots = u16::try_from(interrupts.len()).map_err(|_| ConfigurationError::TooManyInterrupts)?;
    let bound = FIRST_BOUND.0..FIRST_BOUND.0 + u32::from(slots);
    for (place, event) in events.iter().enumerate() {
        let number = event.number;
        if !(1..1 << 31).contains(&number.0) || bound.contains(&number.0) {
            return Err(ConfigurationError::Reserved(number));
        }
        if events[..place].iter().any(|other| other.number == number) {
            return Err(ConfigurationError::Twice(number));
        }
    }
    for (place, bindable) in interrupts.iter().enumerate() {
        let interrupt = bindable.interrupt;
        if !(32..1020).contains(&interrupt.0) {
            return Err(ConfigurationError::NotShared(interrupt));
        }
        if interrupts[..place].iter().any(|other| other.interrupt == interrupt) {
            return Err(ConfigurationError::InterruptTwice(interrupt));
        }
    }
    Ok(())
}

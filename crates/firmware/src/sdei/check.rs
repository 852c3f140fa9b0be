//! Whether a state is one that this guest's events can be in.

use core::fmt;

use super::{
    description::{EventKind, Priority},
    state::{Event, Handler, Kick, Origin, Pending, Registration, Routing, State},
};
use crate::CpuIndex;

/// A state that cannot be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotThisState {
    /// It is of a machine with other CPUs, events or interrupts.
    OtherMachine,
    /// No sequence of calls and signals leads to it.
    Impossible,
}

impl fmt::Display for NotThisState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherMachine => {
                "the state of SDEI is that of a machine with other CPUs, events or interrupts"
            }
            Self::Impossible => "the state of SDEI is one that no machine can be in",
        })
    }
}

impl core::error::Error for NotThisState {}

impl State {
    /// Can a machine whose state is `self` now be in the other state?
    pub(super) fn admits(&self, other: &Self) -> Result<(), NotThisState> {
        let same_events = self.events.len() == other.events.len()
            && self.events.iter().zip(&other.events).all(|(this, that)| this.is_of(that));
        if !same_events || self.pes.len() != other.pes.len() {
            return Err(NotThisState::OtherMachine);
        }
        if other.is_possible() { Ok(()) } else { Err(NotThisState::Impossible) }
    }

    /// The same, where every CPU is to be kicked: whoever restores a state does so.
    pub(super) fn with_all_due(mut self) -> Self {
        for pe in &mut self.pes {
            pe.kick = Kick::Due;
        }
        self
    }

    /// Is every handler one that can be, and does each that runs run on a CPU that says so, and the other way round?
    pub(super) fn is_possible(&self) -> bool {
        self.events.iter().all(|event| self.is_event_possible(event)) && self.are_cpus_possible()
    }

    fn is_event_possible(&self, event: &Event) -> bool {
        event.handlers.iter().enumerate().all(|(place, handler)| {
            let own = (event.description.kind == EventKind::Private).then_some(CpuIndex(place));
            let is_there = event.exists() || *handler == Handler::default();
            let is_level = matches!(event.origin, Origin::Interrupt { .. });
            let may_be_pending = !is_level && handler.registration.is_some();
            let runs_there = handler.running.is_none_or(|cpu| {
                own.is_none_or(|own| own == cpu) && self.runs_on(cpu, event.description.priority, event)
            });
            is_there
                && (may_be_pending || handler.pending == Pending::No)
                && runs_there
                && handler.registration.is_none_or(|it| self.is_registration_possible(&it, own))
        })
    }

    fn is_registration_possible(&self, registration: &Registration, own: Option<CpuIndex>) -> bool {
        let is_routed = match (registration.routing, own) {
            (Routing::Any, own) => own.is_none(),
            (Routing::Pe(cpu), None) => cpu.0 < self.pes.len(),
            (Routing::Pe(cpu), Some(own)) => cpu == own,
        };
        is_routed && registration.entry_point.is_multiple_of(4)
    }

    fn runs_on(&self, cpu: CpuIndex, priority: Priority, event: &Event) -> bool {
        self.pes.get(cpu.0).is_some_and(|pe| {
            let active = match priority {
                Priority::Normal => pe.normal,
                Priority::Critical => pe.critical,
            };
            active.is_some_and(|active| active.event == event.description.number)
        })
    }

    fn are_cpus_possible(&self) -> bool {
        self.pes.iter().enumerate().all(|(cpu, pe)| {
            let slots = [(Priority::Normal, pe.normal), (Priority::Critical, pe.critical)];
            slots.into_iter().all(|(priority, active)| {
                active.is_none_or(|active| {
                    self.find(active.event).is_some_and(|index| {
                        let event = &self.events[index];
                        let handler = event.handlers[event.handler_of(CpuIndex(cpu))];
                        event.description.priority == priority && handler.running == Some(CpuIndex(cpu))
                    })
                })
            })
        })
    }
}

impl Event {
    /// Is it the same event, in whatever state?
    fn is_of(&self, other: &Self) -> bool {
        let same_origin = match (self.origin, other.origin) {
            (Origin::Software, Origin::Software) | (Origin::Machine, Origin::Machine) => true,
            (Origin::Interrupt { interrupt: this, .. }, Origin::Interrupt { interrupt: that, .. }) => {
                this == that
            }
            _ => false,
        };
        same_origin && self.description == other.description && self.handlers.len() == other.handlers.len()
    }
}

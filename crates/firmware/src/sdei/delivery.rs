//! Who takes which event, and when.
//!
//! A CPU takes an event on its own thread, before it enters the guest. So that it comes there it is kicked, and this is all
//! that can go wrong: that an event could be taken, and nobody who could take it has been kicked. It holds after every
//! change of the state, once [`State::wake`] has been asked: of the CPUs that can take an event, one at least is due.

use core::ops::Range;

use switchboard_smccc::sdei::{EventNumber, Status};

use super::{
    description::{EventKind, Level, NotSignalled, Priority, Signalled},
    state::{Active, Binding, Handler, Kick, Mask, Origin, Pe, Pending, Routing, State},
};
use crate::{CpuIndex, SavedContext};

/// An event that a CPU has just taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) event: EventNumber,
    pub(super) argument: u64,
    pub(super) entry_point: u64,
}

/// Who is to be kicked. One change makes one event one that can be taken, or one CPU one that can take events, or takes a CPU
/// away from the events that any can take: of each priority, the next CPU is the same for all of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Kicks([Option<CpuIndex>; 3]);

impl State {
    /// `SDEI_PE_MASK`: 1 if that changed something.
    pub(super) fn mask(&mut self, caller: CpuIndex) -> u64 {
        match core::mem::replace(&mut self.pes[caller.0].mask, Mask::Masked) {
            Mask::Masked => 0,
            Mask::Unmasked => 1,
        }
    }

    /// `SDEI_PE_UNMASK`.
    pub(super) fn unmask(&mut self, caller: CpuIndex) {
        self.pes[caller.0].mask = Mask::Unmasked;
    }

    /// `SDEI_EVENT_SIGNAL` of event 0. Where no handler is registered there is nobody to keep it for.
    pub(super) fn signal_software(&mut self, target: CpuIndex) {
        let handler = &mut self.events[0].handlers[target.0];
        if handler.registration.is_some() {
            handler.pending = Pending::Yes;
        }
    }

    /// Raises an event from outside the guest.
    pub(super) fn signal(
        &mut self,
        number: EventNumber,
        cpu: Option<CpuIndex>,
    ) -> Result<Signalled, NotSignalled> {
        let index = self.find(number).ok_or(NotSignalled::NoSuchEvent)?;
        let event = &self.events[index];
        if matches!(event.origin, Origin::Interrupt { .. }) {
            return Err(NotSignalled::NoSuchEvent);
        }
        if cpu.is_some_and(|cpu| cpu.0 >= self.pes.len()) {
            return Err(NotSignalled::NoSuchCpu);
        }
        let place = match (event.description.kind, cpu) {
            (EventKind::Shared, _) => 0,
            (EventKind::Private, Some(cpu)) => cpu.0,
            (EventKind::Private, None) => self.whoever(index).ok_or(NotSignalled::NotRegistered)?,
        };
        let handler = &mut self.events[index].handlers[place];
        handler.registration.ok_or(NotSignalled::NotRegistered)?;
        if !handler.is_enabled() {
            return Err(NotSignalled::NotEnabled);
        }
        handler.pending = Pending::Yes;
        Ok(self.attend(index, place, cpu).map_or(Signalled::Waits, Signalled::Kick))
    }

    /// The CPU for a private event that no CPU has been named for: one that takes it at once, or one that will, or one that
    /// would if it enabled it.
    fn whoever(&self, index: usize) -> Option<usize> {
        let event = &self.events[index];
        let at_once = |&cpu: &usize| {
            event.handlers[cpu].is_enabled()
                && event.handlers[cpu].running.is_none()
                && self.can_take(CpuIndex(cpu), event.description.priority)
        };
        let cpus = || 0..self.pes.len();
        cpus()
            .find(at_once)
            .or_else(|| cpus().find(|&cpu| event.handlers[cpu].is_enabled()))
            .or_else(|| cpus().find(|&cpu| event.handlers[cpu].registration.is_some()))
    }

    /// Is there something that this CPU can take? If there is not, it need not be asked again before it is kicked again.
    pub(super) fn has_for(&mut self, cpu: CpuIndex) -> bool {
        let found = self.next_for(cpu).is_some();
        if !found {
            self.pes[cpu.0].kick = Kick::None;
        }
        found
    }

    /// A CPU that was in this context takes the event that is next for it, if there still is one.
    pub(super) fn take(&mut self, cpu: CpuIndex, context: SavedContext) -> Option<Delivery> {
        self.pes[cpu.0].kick = Kick::None;
        let event = &mut self.events[self.next_for(cpu)?];
        let handler = event.handler_mut(cpu);
        let registration = handler.registration?;
        handler.pending = Pending::No;
        handler.running = Some(cpu);
        let (number, priority) = (event.description.number, event.description.priority);
        *self.pes[cpu.0].active_mut(priority) = Some(Active { event: number, context });
        let (argument, entry_point) = (registration.argument, registration.entry_point);
        Some(Delivery { event: number, argument, entry_point })
    }

    /// What the handler that runs on this CPU has interrupted.
    pub(super) fn context(&self, caller: CpuIndex) -> Result<SavedContext, Status> {
        let pe = &self.pes[caller.0];
        pe.critical.or(pe.normal).map(|active| active.context).ok_or(Status::DENIED)
    }

    /// `SDEI_EVENT_COMPLETE` and `SDEI_EVENT_COMPLETE_AND_RESUME`: the handler that runs on this CPU has ended.
    pub(super) fn complete(&mut self, caller: CpuIndex) -> Result<SavedContext, Status> {
        let pe = &mut self.pes[caller.0];
        let active = pe.critical.take().or_else(|| pe.normal.take()).ok_or(Status::DENIED)?;
        self.event_mut(active.event)?.handler_mut(caller).running = None;
        Ok(active.context)
    }

    /// A CPU is off: what was private to it is forgotten, and what it handled is over. A shared event that it was to take
    /// goes to another one, or waits for it.
    pub(super) fn off(&mut self, cpu: CpuIndex) {
        self.pes[cpu.0] = Pe::default();
        for event in &mut self.events {
            let kind = event.description.kind;
            let handler = event.handler_mut(cpu);
            match kind {
                EventKind::Private => *handler = Handler::default(),
                EventKind::Shared if handler.running == Some(cpu) => handler.running = None,
                EventKind::Shared => {}
            }
        }
    }

    /// Who is to be kicked now.
    #[must_use = "who is not kicked takes no event"]
    pub(super) fn wake(&mut self) -> Kicks {
        let mut kicks = Kicks::default();
        for index in 0..self.events.len() {
            for place in 0..self.events[index].handlers.len() {
                if self.takers(index, place).any(|cpu| self.pes[cpu.0].kick == Kick::Due) {
                    continue;
                }
                let taker = self.takers(index, place).next();
                if let Some(cpu) = taker.filter(|&cpu| kicks.add(cpu)) {
                    self.pes[cpu.0].kick = Kick::Due;
                }
            }
        }
        kicks
    }

    /// Who takes an event that has just become pending, if somebody does at once: the CPU that is preferred if it can, else
    /// one that is due anyway, else the first one.
    pub(super) fn attend(
        &mut self,
        index: usize,
        place: usize,
        preferred: Option<CpuIndex>,
    ) -> Option<CpuIndex> {
        let is_due = |cpu: &CpuIndex| self.pes[cpu.0].kick == Kick::Due;
        let taker = self
            .takers(index, place)
            .find(|&cpu| Some(cpu) == preferred)
            .or_else(|| self.takers(index, place).find(is_due))
            .or_else(|| self.takers(index, place).next())?;
        self.pes[taker.0].kick = Kick::Due;
        Some(taker)
    }

    /// The CPUs that can take this event now.
    fn takers(&self, index: usize, place: usize) -> impl Iterator<Item = CpuIndex> + '_ {
        let priority = self.events[index].description.priority;
        self.routed(index, place).map(CpuIndex).filter(move |&cpu| self.can_take(cpu, priority))
    }

    /// The CPUs that an event goes to, if it can be taken; none otherwise.
    fn routed(&self, index: usize, place: usize) -> Range<usize> {
        let handler = &self.events[index].handlers[place];
        let is_ready = handler.is_enabled() && handler.running.is_none() && self.is_pending(index, place);
        match handler.registration.filter(|_| is_ready).map(|registration| registration.routing) {
            None => 0..0,
            Some(Routing::Any) => 0..self.pes.len(),
            Some(Routing::Pe(cpu)) => cpu.0..cpu.0 + 1,
        }
    }

    /// Has it been raised, or is its interrupt's line high?
    fn is_pending(&self, index: usize, place: usize) -> bool {
        let event = &self.events[index];
        match event.origin {
            Origin::Software | Origin::Machine => event.handlers[place].pending == Pending::Yes,
            Origin::Interrupt { binding, level, .. } => binding == Binding::Bound && level == Level::High,
        }
    }

    /// Can a CPU take an event of this priority? A normal one interrupts no handler, a critical one no critical handler.
    fn can_take(&self, cpu: CpuIndex, priority: Priority) -> bool {
        let pe = &self.pes[cpu.0];
        let is_free = match priority {
            Priority::Normal => pe.normal.is_none() && pe.critical.is_none(),
            Priority::Critical => pe.critical.is_none(),
        };
        is_free && pe.mask == Mask::Unmasked
    }

    /// The event that this CPU takes next: a critical one first, and the first of those.
    fn next_for(&self, cpu: CpuIndex) -> Option<usize> {
        let is_for = |index: usize, priority| {
            let event = &self.events[index];
            event.description.priority == priority
                && self.routed(index, event.handler_of(cpu)).contains(&cpu.0)
        };
        [Priority::Critical, Priority::Normal]
            .into_iter()
            .filter(|&priority| self.can_take(cpu, priority))
            .find_map(|priority| (0..self.events.len()).find(|&index| is_for(index, priority)))
    }
}

impl Kicks {
    /// Is there room for one more?
    fn add(&mut self, cpu: CpuIndex) -> bool {
        let free = self.0.iter_mut().find(|place| place.is_none());
        free.map(|place| *place = Some(cpu)).is_some()
    }

    /// Them.
    pub(super) fn iter(self) -> impl Iterator<Item = CpuIndex> {
        self.0.into_iter().flatten()
    }
}

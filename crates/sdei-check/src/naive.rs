//! A second reading of the specification: the table of DEN0054, section 6.1.2, and its rules of delivery, as plainly as
//! possible. It knows nothing of how the state machine does it; [`agree`] compares what both are in.

mod agree;

use switchboard_firmware::{
    CpuIndex,
    sdei::{EventDescription, EventKind, EventNumber, FIRST_BOUND, Level, NotSignalled, Priority},
};
use switchboard_smccc::{InterruptId, sdei::Status};

use crate::{
    configuration::Configuration,
    moves::{Call, Target},
    subject::Answer,
};

/// Registered, enabled, running: the bits of `SDEI_EVENT_STATUS`.
const G: u64 = 1;
const E: u64 = 2;
const R: u64 = 4;

/// All that a guest's events are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naive {
    /// Event 0 first.
    pub events: Vec<Event>,
    /// The CPUs.
    pub cpus: Vec<Cpu>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    description: EventDescription,
    line: Option<Line>,
    /// By CPU; of a shared one, the first is all there is.
    handlers: Vec<Handler>,
}

/// What an event can be bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    interrupt: InterruptId,
    bound: bool,
    high: bool,
}

/// What a guest has made of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Handler {
    bits: u64,
    /// The CPU that it is for, if it is for one.
    to: Option<usize>,
    /// Where it runs, if it does.
    on: usize,
    latched: bool,
}

/// A CPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpu {
    /// Does it run?
    pub on: bool,
    masked: bool,
    /// The events that it handles, the last one above all others.
    stack: Vec<usize>,
    /// Has it been kicked, and not been asked since?
    pub kicked: bool,
}

impl Naive {
    /// CPU 0 is on.
    #[must_use]
    pub fn new(configuration: &Configuration) -> Self {
        let software =
            EventDescription { number: EventNumber(0), kind: EventKind::Private, priority: Priority::Normal };
        let machines = configuration.events.iter().map(|&event| (event, None));
        let lines = (FIRST_BOUND.0..).zip(configuration.interrupts).map(|(number, bindable)| {
            let number = EventNumber(number);
            let line = Line { interrupt: bindable.interrupt, bound: false, high: false };
            (EventDescription { number, kind: EventKind::Shared, priority: bindable.priority }, Some(line))
        });
        let cpus = configuration.cpus;
        let events = std::iter::once((software, None)).chain(machines).chain(lines);
        let events = events.map(|(description, line)| Event {
            description,
            line,
            handlers: vec![Handler::default(); cpus],
        });
        let cpus = (0..cpus).map(|cpu| Cpu { on: cpu == 0, masked: true, stack: Vec::new(), kicked: false });
        Self { events: events.collect(), cpus: cpus.collect() }
    }

    fn find(&self, number: EventNumber) -> Result<usize, Status> {
        let is_it = |event: &Event| {
            event.description.number == number && event.line.as_ref().is_none_or(|line| line.bound)
        };
        self.events.iter().position(is_it).ok_or(Status::INVALID_PARAMETERS)
    }

    fn handler(&mut self, event: usize, cpu: usize) -> &mut Handler {
        let is_shared = self.is_shared(event);
        &mut self.events[event].handlers[if is_shared { 0 } else { cpu }]
    }

    fn is_shared(&self, event: usize) -> bool {
        self.events[event].description.kind == EventKind::Shared
    }

    fn is_critical(&self, event: usize) -> bool {
        self.events[event].description.priority == Priority::Critical
    }

    /// What runs on a CPU.
    #[must_use]
    pub fn mark(&self, cpu: CpuIndex) -> u64 {
        self.cpus[cpu.0].stack.last().map_or(0, |&event| u64::try_from(event).unwrap_or(u64::MAX) + 1)
    }

    /// What `SDEI_EVENT_STATUS` says.
    ///
    /// # Errors
    ///
    /// If there is no such event.
    pub fn status(&mut self, CpuIndex(caller): CpuIndex, number: EventNumber) -> Answer {
        let event = self.find(number)?;
        Ok(self.handler(event, caller).bits)
    }

    /// What a call returns, and what it changes.
    ///
    /// # Errors
    ///
    /// As the specification has them.
    pub fn call(&mut self, cpu: CpuIndex, call: Call) -> Answer {
        let caller = cpu.0;
        match call {
            Call::Register(number, target) => self.register(caller, number, target),
            Call::Enable(number) => self.change(
                caller,
                number,
                &[(G, G | E), (G | E, G | E), (R | G, R | G | E), (R | G | E, R | G | E)],
            ),
            Call::Disable(number) => {
                self.change(caller, number, &[(G, G), (G | E, G), (R | G, R | G), (R | G | E, R | G)])
            }
            Call::Unregister(number) => self.unregister(caller, number),
            Call::SetRouting(number, target) => self.set_routing(number, target),
            Call::Context => {
                self.cpus[caller].stack.last().ok_or(Status::DENIED)?;
                Ok(self.below(caller))
            }
            Call::Complete => self.complete(caller),
            Call::Mask => Ok(u64::from(!std::mem::replace(&mut self.cpus[caller].masked, true))),
            Call::Unmask => {
                self.cpus[caller].masked = false;
                Ok(0)
            }
            Call::Bind(interrupt) => self.bind(interrupt),
            Call::Release(number) => self.release(number),
            Call::Signal(CpuIndex(target)) => {
                let handler = &mut self.events[0].handlers[target];
                handler.latched |= handler.bits & G != 0;
                Ok(0)
            }
            Call::PrivateReset => self.reset(|naive, event| (!naive.is_shared(event)).then_some(caller)),
            Call::SharedReset => {
                self.reset(|naive, event| naive.is_shared(event).then_some(0))?;
                self.events
                    .iter_mut()
                    .filter_map(|event| event.line.as_mut())
                    .for_each(|line| line.bound = false);
                Ok(0)
            }
        }
    }

    /// From one state to another, or DENIED.
    fn change(&mut self, caller: usize, number: EventNumber, allowed: &[(u64, u64)]) -> Answer {
        let event = self.find(number)?;
        let handler = self.handler(event, caller);
        let (_, after) = allowed.iter().find(|(before, _)| *before == handler.bits).ok_or(Status::DENIED)?;
        handler.bits = *after;
        Ok(0)
    }

    fn register(&mut self, caller: usize, number: EventNumber, target: Target) -> Answer {
        let event = self.find(number)?;
        let to = match (self.is_shared(event), target) {
            (false, _) => Some(caller),
            (true, Target::Nobody) => return Err(Status::INVALID_PARAMETERS),
            (true, Target::Any) => None,
            (true, Target::Pe(CpuIndex(cpu))) => Some(cpu),
        };
        self.change(caller, number, &[(0, G)])?;
        self.handler(event, caller).to = to;
        Ok(0)
    }

    fn unregister(&mut self, caller: usize, number: EventNumber) -> Answer {
        let event = self.find(number)?;
        let handler = self.handler(event, caller);
        let runs = handler.bits & R != 0;
        if handler.bits == 0 {
            return Err(Status::DENIED);
        }
        handler.bits &= R;
        handler.latched = false;
        if runs { Err(Status::PENDING) } else { Ok(0) }
    }

    fn set_routing(&mut self, number: EventNumber, target: Target) -> Answer {
        let event = self.find(number)?;
        let to = match target {
            _ if !self.is_shared(event) => return Err(Status::INVALID_PARAMETERS),
            Target::Nobody => return Err(Status::INVALID_PARAMETERS),
            Target::Any => None,
            Target::Pe(CpuIndex(cpu)) => Some(cpu),
        };
        self.change(0, number, &[(G, G)])?;
        self.handler(event, 0).to = to;
        Ok(0)
    }

    fn complete(&mut self, caller: usize) -> Answer {
        let below = self.below(caller);
        let event = self.cpus[caller].stack.pop().ok_or(Status::DENIED)?;
        self.handler(event, caller).bits &= !R;
        Ok(below)
    }

    /// What a handler on this CPU has interrupted.
    fn below(&self, cpu: usize) -> u64 {
        match self.cpus[cpu].stack.as_slice() {
            [.., below, _] => u64::try_from(*below).unwrap_or(u64::MAX) + 1,
            _ => 0,
        }
    }

    fn bind(&mut self, interrupt: InterruptId) -> Answer {
        for event in &mut self.events {
            let number = event.description.number;
            if let Some(line) = event.line.as_mut().filter(|line| line.interrupt == interrupt) {
                if line.high && !line.bound {
                    return Err(Status::DENIED);
                }
                line.bound = true;
                return Ok(u64::from(number.0));
            }
        }
        Err(Status::INVALID_PARAMETERS)
    }

    fn release(&mut self, number: EventNumber) -> Answer {
        let event = self.find(number)?;
        let bits = self.events[event].handlers[0].bits;
        let line = self.events[event].line.as_mut().ok_or(Status::INVALID_PARAMETERS)?;
        if bits != 0 {
            return Err(Status::DENIED);
        }
        line.bound = false;
        Ok(u64::from(line.interrupt.0))
    }

    fn reset(&mut self, whose: impl Fn(&Self, usize) -> Option<usize>) -> Answer {
        let all: Vec<_> = (0..self.events.len())
            .filter_map(|event| whose(self, event).map(|place| (event, place)))
            .collect();
        if all.iter().any(|&(event, place)| self.events[event].handlers[place].bits & R != 0) {
            return Err(Status::DENIED);
        }
        for (event, place) in all {
            self.events[event].handlers[place] = Handler::default();
        }
        Ok(0)
    }

    /// May the machine raise this event on this CPU? Of the CPUs of a private event one is chosen.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn raise(
        &mut self,
        number: EventNumber,
        cpu: Option<CpuIndex>,
    ) -> Result<(EventNumber, Option<usize>), NotSignalled> {
        let event = self.find(number).map_err(|_| NotSignalled::NoSuchEvent)?;
        if self.events[event].line.is_some() {
            return Err(NotSignalled::NoSuchEvent);
        }
        if cpu.is_some_and(|cpu| cpu.0 >= self.cpus.len()) {
            return Err(NotSignalled::NoSuchCpu);
        }
        let place = match cpu {
            _ if self.is_shared(event) => 0,
            Some(CpuIndex(cpu)) => cpu,
            None => self.best(event),
        };
        let handler = &mut self.events[event].handlers[place];
        if handler.bits & G == 0 {
            return Err(NotSignalled::NotRegistered);
        }
        if handler.bits & E == 0 {
            return Err(NotSignalled::NotEnabled);
        }
        handler.latched = true;
        Ok((number, (!self.is_shared(event)).then_some(place)))
    }

    /// The CPU for a private event: what it is worth that a CPU gets it.
    fn best(&self, event: usize) -> usize {
        let worth = |cpu: usize| {
            let bits = self.events[event].handlers[cpu].bits;
            match bits {
                _ if bits & G == 0 => 0,
                _ if bits & E == 0 => 1,
                _ if bits & R != 0 || !self.is_open(cpu, event) => 2,
                _ => 3,
            }
        };
        let most = (0..self.cpus.len()).map(worth).max().unwrap_or(0);
        (0..self.cpus.len()).find(|&cpu| worth(cpu) == most).unwrap_or(0)
    }

    /// A level changes.
    pub fn set_level(&mut self, interrupt: InterruptId, level: Level) {
        let lines = self.events.iter_mut().filter_map(|event| event.line.as_mut());
        lines.filter(|line| line.interrupt == interrupt).for_each(|line| line.high = level == Level::High);
    }

    /// Would this CPU take this event if it came?
    fn is_open(&self, cpu: usize, event: usize) -> bool {
        let Cpu { on, masked, stack, .. } = &self.cpus[cpu];
        let blocks = |&above: &usize| self.is_critical(above) || !self.is_critical(event);
        *on && !masked && !stack.iter().any(blocks)
    }

    /// Can this CPU take this event now?
    #[must_use]
    pub fn can_take(&self, CpuIndex(cpu): CpuIndex, event: usize) -> bool {
        let of = &self.events[event];
        let handler = &of.handlers[if self.is_shared(event) { 0 } else { cpu }];
        let is_pending = match &of.line {
            None => handler.latched,
            Some(line) => line.bound && line.high,
        };
        handler.bits == G | E
            && is_pending
            && handler.to.is_none_or(|to| to == cpu)
            && self.is_open(cpu, event)
    }

    /// The CPUs that can take this event now.
    pub fn takers(&self, event: usize) -> impl Iterator<Item = CpuIndex> + '_ {
        (0..self.cpus.len()).map(CpuIndex).filter(move |&cpu| self.can_take(cpu, event))
    }

    /// Which events this CPU may take now: the critical ones, if there are any.
    #[must_use]
    pub fn choices(&self, cpu: CpuIndex) -> Vec<usize> {
        let all: Vec<_> = (0..self.events.len()).filter(|&event| self.can_take(cpu, event)).collect();
        let critical: Vec<_> = all.iter().copied().filter(|&event| self.is_critical(event)).collect();
        if critical.is_empty() { all } else { critical }
    }

    /// This CPU takes this event.
    pub fn take(&mut self, CpuIndex(cpu): CpuIndex, event: usize) {
        let handler = self.handler(event, cpu);
        handler.bits |= R;
        handler.on = cpu;
        handler.latched = false;
        self.cpus[cpu].stack.push(event);
    }

    /// A CPU goes off.
    pub fn off(&mut self, CpuIndex(cpu): CpuIndex) {
        for event in 0..self.events.len() {
            if !self.is_shared(event) {
                self.events[event].handlers[cpu] = Handler::default();
            }
        }
        for event in std::mem::take(&mut self.cpus[cpu].stack) {
            self.handler(event, cpu).bits &= !R;
        }
        self.cpus[cpu] = Cpu { on: false, masked: true, stack: Vec::new(), kicked: false };
    }

    /// The event with this number, bound or not.
    #[must_use]
    pub fn place(&self, number: EventNumber) -> Option<usize> {
        self.events.iter().position(|event| event.description.number == number)
    }
}

//! CPUs that come and go: what is asked of the guest, and what it makes of it.
//!
//! ```text
//!              raised          guest acknowledges       _OST says yes         guest turns it on
//!  add:    ──▶ Raised ───────────▶ Heard ──────────────────▶ Taken ─────────────▶ Online
//!  remove: ──▶ Raised ───────────▶ Heard ──▶ _EJ0 ──▶ Ejected ──▶ _OST ──▶ Released
//! ```
//!
//! The guest may have a CPU from the moment it is added, and until its `_EJ0`. It looks at the CPU once more after that, so
//! the CPU is not given back to it before it has said that it is through. A guest that does not answer
//! loses no CPU and keeps none from us: its request stands, and as long as it has not heard it, it can be taken back by the
//! opposite one. An eject that
//! the guest starts by itself is accepted.
//!
//! This is pure: it raises events at the event device and steps the power table; threads and interrupts are its caller's.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use switchboard_firmware::{
    CpuIndex,
    psci::{CpuPower, PowerTable},
};

use crate::{
    Description,
    control::protocol::{Change, ChangeResult},
    devices::events::{Event, Events, Happening},
};

/// What the guest is asked about each CPU, and what came of it.
pub(crate) struct Hotplug {
    events: Events,
    cpus: Box<[Cpu]>,
    tickets: u64,
    /// Without ACPI the guest cannot be told of events.
    description: Description,
}

#[derive(Default)]
struct Cpu {
    request: Option<Request>,
    /// What became of the last one.
    last: Option<(Ticket, ChangeResult, Instant)>,
}

struct Request {
    ticket: Ticket,
    change: Change,
    stage: Stage,
    /// Since when it is at this stage.
    since: Instant,
}

/// How far the guest has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Raised,
    Heard,
    /// An addition: the guest has registered the CPU.
    Taken,
    /// A removal: the guest may no longer have the CPU, and is not through.
    Ejected,
}

/// How long a guest that has released a CPU is waited for, should it have no `_OST` to say.
const EJECTION: Duration = Duration::from_secs(2);

/// A request that somebody may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// Why a request cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Impossible {
    /// The guest has the CPU already, or has it not.
    Unchanged,
    /// The guest is about to release the CPU.
    Busy,
    /// The guest has the CPU on, and cannot be told.
    CannotAsk,
}

/// How it is with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The guest has not answered; should nobody wait any longer, this is the result.
    Pending(ChangeResult),
    /// It is over.
    Over(ChangeResult, Instant),
}

impl Hotplug {
    pub(crate) fn new(cpus: usize, description: Description) -> Self {
        Self {
            events: Events::new(cpus),
            cpus: (0..cpus).map(|_| Cpu::default()).collect(),
            tickets: 0,
            description,
        }
    }

    pub(crate) const fn events(&self) -> &Events {
        &self.events
    }

    pub(crate) const fn events_mut(&mut self) -> &mut Events {
        &mut self.events
    }

    /// A new life: what the guest of the last one has heard is news to the next.
    pub(crate) fn reset(&mut self) {
        self.events.reset();
        for index in 0..self.cpus.len() {
            match self.cpus[index].request.as_ref().map(|request| (request.change, request.stage)) {
                Some((Change::Remove, Stage::Heard)) => {
                    self.events.raise(index, Event::EjectRequest);
                    self.restage(CpuIndex(index), Stage::Raised);
                }
                Some((Change::Remove, Stage::Ejected)) => {
                    self.finish(CpuIndex(index), ChangeResult::Released);
                }
                // What is added is there at boot, and is online once the guest has turned it on.
                _ => {}
            }
        }
    }

    /// What is asked of the guest and not answered.
    pub(crate) fn pending(&self, cpu: CpuIndex) -> Option<Change> {
        self.cpus[cpu.0].request.as_ref().map(|request| request.change)
    }

    /// Lets the guest have a CPU, and tells it. A request for the same that is pending is joined.
    pub(crate) fn add(&mut self, cpu: CpuIndex, power: &PowerTable) -> Result<Ticket, Impossible> {
        self.give_up_ejection(cpu);
        match self.cpus[cpu.0].request.as_ref().map(|request| (request.change, request.stage, request.ticket))
        {
            Some((Change::Add, _, ticket)) => return Ok(ticket),
            Some((Change::Remove, Stage::Raised, _)) => {
                // The guest has not heard of it, and never will.
                self.events.withdraw(cpu.0);
                self.finish(cpu, ChangeResult::Abandoned);
                let ticket = self.open(cpu, Change::Add, Stage::Taken);
                if is_on(power.state(cpu)) {
                    self.finish(cpu, ChangeResult::Online);
                }
                return Ok(ticket);
            }
            Some((Change::Remove, ..)) => return Err(Impossible::Busy),
            None => {}
        }
        if !power.enable(cpu) {
            return Err(Impossible::Unchanged);
        }
        let stage = match self.description {
            Description::Acpi => {
                self.events.raise(cpu.0, Event::DeviceCheck);
                Stage::Raised
            }
            Description::DeviceTree => Stage::Taken,
        };
        Ok(self.open(cpu, Change::Add, stage))
    }

    /// Asks the guest for a CPU. One that has not heard that it may have it does not learn of it any more.
    pub(crate) fn remove(&mut self, cpu: CpuIndex, power: &PowerTable) -> Result<Ticket, Impossible> {
        self.give_up_ejection(cpu);
        let pending =
            self.cpus[cpu.0].request.as_ref().map(|request| (request.change, request.stage, request.ticket));
        if let Some((Change::Remove, stage, ticket)) = pending {
            self.ask_again(cpu, stage);
            return Ok(ticket);
        }
        let unheard =
            matches!(pending, Some((_, Stage::Raised, _))) || self.description == Description::DeviceTree;
        match power.state(cpu) {
            CpuPower::Disabled => return Err(Impossible::Unchanged),
            _ if unheard && power.disable(cpu).is_ok() => {
                self.events.withdraw(cpu.0);
                self.finish(cpu, ChangeResult::Abandoned);
                let ticket = self.open(cpu, Change::Remove, Stage::Heard);
                self.finish(cpu, ChangeResult::Released);
                return Ok(ticket);
            }
            _ if self.description == Description::DeviceTree => return Err(Impossible::CannotAsk),
            _ => {}
        }
        self.finish(cpu, ChangeResult::Abandoned);
        self.events.raise(cpu.0, Event::EjectRequest);
        Ok(self.open(cpu, Change::Remove, Stage::Raised))
    }

    /// The guest has written to the event device. Says which CPU it may no longer have now.
    pub(crate) fn happened(&mut self, happening: Happening, power: &PowerTable) -> Option<CpuIndex> {
        match happening {
            Happening::Heard { cpu } => {
                self.advance(CpuIndex(cpu), Stage::Heard);
                None
            }
            Happening::Released { cpu } => self.released(CpuIndex(cpu), power),
            Happening::Status { cpu, event, status } => self.status(CpuIndex(cpu), event, status, power),
        }
    }

    /// The CPU is on.
    pub(crate) fn started(&mut self, cpu: CpuIndex) {
        if self.pending(cpu) == Some(Change::Add) {
            // A guest that turns it on before it has heard of it needs not hear of it; that it may still is harmless, and
            // ACPI's scan finds the CPU there.
            self.finish(cpu, ChangeResult::Online);
        }
    }

    /// The CPU cannot be had: there is no thread for it.
    pub(crate) fn failed(&mut self, cpu: CpuIndex) {
        self.events.withdraw(cpu.0);
        self.finish(cpu, ChangeResult::Failed);
    }

    /// How it is with a request.
    pub(crate) fn progress(&self, cpu: CpuIndex, ticket: Ticket) -> Progress {
        let cpu = &self.cpus[cpu.0];
        if let Some(request) = cpu.request.as_ref().filter(|request| request.ticket == ticket) {
            return Progress::Pending(match request.stage {
                Stage::Raised => ChangeResult::Unheard,
                Stage::Heard => ChangeResult::Unanswered,
                Stage::Taken => ChangeResult::NotOnline,
                Stage::Ejected => ChangeResult::Released,
            });
        }
        match cpu.last {
            Some((last, result, when)) if last == ticket => Progress::Over(result, when),
            _ => Progress::Over(ChangeResult::Abandoned, Instant::now()),
        }
    }

    fn released(&mut self, cpu: CpuIndex, power: &PowerTable) -> Option<CpuIndex> {
        // The boot CPU has no `_EJ0`, and one that is on is not released whatever the guest says: it reads that it still
        // has the CPU, and reports a failure.
        if cpu.0 == 0 || power.disable(cpu).is_err() {
            return None;
        }
        self.events.withdraw(cpu.0);
        if self.pending(cpu) == Some(Change::Remove) {
            self.advance(cpu, Stage::Ejected);
        } else {
            // It began this by itself.
            self.finish(cpu, ChangeResult::Abandoned);
            self.open(cpu, Change::Remove, Stage::Ejected);
        }
        Some(cpu)
    }

    fn status(&mut self, cpu: CpuIndex, event: u32, status: u32, power: &PowerTable) -> Option<CpuIndex> {
        let request = self.cpus[cpu.0].request.as_ref()?;
        if request.stage == Stage::Ejected {
            if [EJECT_REQUEST, OSPM_EJECT].contains(&event) && status != OST_EJECT_IN_PROGRESS {
                self.finish(cpu, ChangeResult::Released);
            }
            return None;
        }
        match (request.change, event, status) {
            (Change::Add, DEVICE_CHECK, OST_SUCCESS) => self.advance(cpu, Stage::Taken),
            (Change::Add, DEVICE_CHECK, status) if status != OST_INSERT_IN_PROGRESS => {
                self.finish(cpu, ChangeResult::Refused { event, status });
                // It stays ours, unless the guest runs it all the same.
                return power.disable(cpu).is_ok().then_some(cpu);
            }
            (Change::Remove, EJECT_REQUEST, status)
                if ![OST_SUCCESS, OST_EJECT_IN_PROGRESS].contains(&status) =>
            {
                self.finish(cpu, ChangeResult::Refused { event, status });
            }
            // It goes on. Or it is about something else: an eject that the guest began by itself, or an event that has
            // been replaced.
            _ => {}
        }
        None
    }

    /// The guest has come that far, and never goes back.
    fn advance(&mut self, cpu: CpuIndex, stage: Stage) {
        if let Some(request) = self.cpus[cpu.0].request.as_mut().filter(|request| stage > request.stage) {
            request.stage = stage;
            request.since = Instant::now();
        }
    }

    /// A guest that has heard long ago, and done nothing, may have forgotten.
    fn ask_again(&mut self, cpu: CpuIndex, stage: Stage) {
        let request = &self.cpus[cpu.0].request;
        let long_ago = request.as_ref().is_some_and(|request| request.since.elapsed() > EJECTION);
        if stage == Stage::Heard && long_ago {
            self.events.raise(cpu.0, Event::EjectRequest);
            self.restage(cpu, Stage::Raised);
        }
    }

    fn restage(&mut self, cpu: CpuIndex, stage: Stage) {
        if let Some(request) = &mut self.cpus[cpu.0].request {
            request.stage = stage;
            request.since = Instant::now();
        }
    }

    /// A guest without `_OST` never says that it is through.
    fn give_up_ejection(&mut self, cpu: CpuIndex) {
        let ejected =
            |request: &Request| request.stage == Stage::Ejected && request.since.elapsed() > EJECTION;
        if self.cpus[cpu.0].request.as_ref().is_some_and(ejected) {
            self.finish(cpu, ChangeResult::Released);
        }
    }

    fn open(&mut self, cpu: CpuIndex, change: Change, stage: Stage) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.cpus[cpu.0].request = Some(Request { ticket, change, stage, since: Instant::now() });
        ticket
    }

    fn finish(&mut self, cpu: CpuIndex, result: ChangeResult) {
        if let Some(request) = self.cpus[cpu.0].request.take() {
            self.cpus[cpu.0].last = Some((request.ticket, result, Instant::now()));
        }
    }
}

// Events and status codes of `_OST` (ACPI 6.5, section 6.3.5, tables 6.51 and 6.52).
const DEVICE_CHECK: u32 = Event::DeviceCheck.number();
const EJECT_REQUEST: u32 = Event::EjectRequest.number();
/// An eject that the guest began by itself.
const OSPM_EJECT: u32 = 0x103;
const OST_SUCCESS: u32 = 0;
const OST_INSERT_IN_PROGRESS: u32 = 0x80;
const OST_EJECT_IN_PROGRESS: u32 = 0x84;

/// Can it execute?
pub(crate) const fn is_on(power: CpuPower) -> bool {
    matches!(power, CpuPower::On | CpuPower::Standby | CpuPower::PowerDown)
}

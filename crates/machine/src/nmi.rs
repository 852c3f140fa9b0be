//! Reaching a guest that is hung: an event that it takes even with its interrupts off.

use std::{
    sync::{Arc, Mutex, Weak},
    thread,
    time::{Duration, Instant},
};

use switchboard_firmware::{
    CpuIndex,
    sdei::{Enablement, Handler, NotSignalled, Pending, Signalled},
};
use switchboard_smccc::Mpidr;

use crate::{
    CallStatistics, Description, Memory,
    control::protocol::{Problem, ProblemCode},
    error_status::{ErrorSource, NOT_ACKNOWLEDGED, fatal, is_acknowledged},
    services::{Events, NMI},
    session::Session,
    sync::lock,
};

/// The event by which an operator reaches the guest, and what the guest finds about it.
pub(crate) struct Nmi {
    pub(crate) events: Arc<Events>,
    /// Where an ACPI guest is told why: as a fatal error of the hardware.
    pub(crate) source: Option<Source>,
    pub(crate) affinities: Box<[Mpidr]>,
    /// One at a time.
    pub(crate) turn: Mutex<()>,
}

/// A source of errors, in the guest's memory.
pub(crate) struct Source {
    pub(crate) place: ErrorSource,
    /// It lives as long as the life, and whoever asks may come too late.
    pub(crate) memory: Weak<Memory>,
}

/// What became of an NMI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raised {
    /// The guest's handler runs on this CPU.
    Taken(CpuIndex),
    /// It waits: the CPU that is to take it has its events masked, is off, handles another one, or waits for another process's
    /// answer.
    Waits,
}

/// Why none could be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotRaised {
    /// There is no such CPU.
    NoSuchCpu,
    /// The guest has no handler for it.
    NoHandler,
    /// The guest has one, and has disabled it.
    Disabled,
    /// The life has ended.
    Ended,
}

/// How long a CPU that can take it is waited for. Getting one out of the guest takes microseconds.
const PATIENCE: Duration = Duration::from_secs(1);

impl Nmi {
    /// Raises it, on this CPU if one is named and the guest has not routed it to another one.
    pub(crate) fn raise(
        &self,
        cpu: Option<CpuIndex>,
        session: &Session,
        statistics: &CallStatistics,
    ) -> Result<Raised, NotRaised> {
        let _turn = lock(&self.turn);
        let named = cpu.map(|cpu| self.named(cpu)).transpose()?;
        // What cannot be raised leaves no error in the guest's memory: Linux would find it when it looks for its handlers.
        self.check()?;
        if let Some(source) = &self.source {
            source.fill(named, session)?;
        }
        match self.events.signal(NMI, cpu)? {
            Signalled::Kick(cpu) => {
                session.kick(cpu, statistics);
                Ok(self.wait(cpu, session))
            }
            Signalled::Waits => Ok(Raised::Waits),
        }
    }

    fn named(&self, cpu: CpuIndex) -> Result<(CpuIndex, Mpidr), NotRaised> {
        self.affinities.get(cpu.0).map(|&affinity| (cpu, affinity)).ok_or(NotRaised::NoSuchCpu)
    }

    /// Does the guest listen?
    fn check(&self) -> Result<(), NotRaised> {
        let registration = self.handler().and_then(|handler| handler.registration);
        match registration.ok_or(NotRaised::NoHandler)?.enablement {
            Enablement::Enabled => Ok(()),
            Enablement::Disabled => Err(NotRaised::Disabled),
        }
    }

    /// It is shared: every CPU's is the same one.
    fn handler(&self) -> Option<Handler> {
        self.events.handler(NMI, CpuIndex(0))
    }

    /// What is no longer pending has been taken, by the CPU whose handler runs; one that has ended already ran where it was to.
    fn wait(&self, kicked: CpuIndex, session: &Session) -> Raised {
        let began = Instant::now();
        loop {
            match self.handler() {
                Some(Handler { pending: Pending::No, running, .. }) => {
                    return Raised::Taken(running.unwrap_or(kicked));
                }
                _ if began.elapsed() > PATIENCE || session.is_finished() => return Raised::Waits,
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

impl Source {
    /// Says what the NMI is about. What the guest has not read yet stays as it is, and says it as well.
    fn fill(&self, named: Option<(CpuIndex, Mpidr)>, session: &Session) -> Result<(), NotRaised> {
        let memory = self.memory.upgrade().ok_or(NotRaised::Ended)?;
        let mut word = [0; 8];
        memory.read(self.place.acknowledge_register(), &mut word).map_err(|_| NotRaised::Ended)?;
        if !is_acknowledged(u64::from_le_bytes(word)) {
            return Ok(());
        }
        // A warm reset keeps the memory, and the next life is to find no error in it.
        if session.is_finished() {
            return Err(NotRaised::Ended);
        }
        memory
            .write(self.place.acknowledge_register(), &NOT_ACKNOWLEDGED.to_le_bytes())
            .and_then(|()| memory.write(self.place.block(), &fatal(named)))
            .map_err(|_| NotRaised::Ended)
    }
}

impl NotRaised {
    /// What the operator is told. `last` is the last CPU.
    pub(crate) fn problem(self, description: Description, last: usize) -> Problem {
        match self {
            Self::NoSuchCpu => Problem::new(
                ProblemCode::NoSuchCpu,
                format!("there is no such CPU: the last one is CPU {last}"),
            ),
            Self::NoHandler => {
                Problem::new(ProblemCode::NoHandler, "the guest has registered no handler for the NMI")
                    .with_hint(match description {
                        Description::Acpi => {
                            "it is still booting, or its kernel lacks ACPI_APEI_GHES or ARM_SDE_INTERFACE"
                        }
                        Description::DeviceTree => {
                            "Linux registers one where it is booted by ACPI: start the machine with `--acpi`"
                        }
                    })
            }
            Self::Disabled => {
                Problem::new(ProblemCode::NoHandler, "the guest has disabled its handler for the NMI")
            }
            Self::Ended => Problem::new(ProblemCode::State, "the machine is being reset, or has ended"),
        }
    }
}

impl From<NotSignalled> for NotRaised {
    fn from(reason: NotSignalled) -> Self {
        match reason {
            NotSignalled::NoSuchCpu => Self::NoSuchCpu,
            NotSignalled::NoSuchEvent | NotSignalled::NotRegistered => Self::NoHandler,
            NotSignalled::NotEnabled => Self::Disabled,
        }
    }
}

#[cfg(test)]
mod tests;

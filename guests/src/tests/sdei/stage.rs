//! What every statement starts from: nothing registered, every PE masked, the other CPUs in their windows.

use core::fmt;

use super::journal;
use crate::{
    cpu, gic,
    machine::{Gic, MAX_CPUS, Machine},
    psci,
    random::Random,
    sdei::{
        self, Client, Event, MAX_CPUS as MOST, PE_MASK, PRIVATE_RESET, Priority, Routing, SUCCESS, handler,
        is_error, lines::Line, remote::Remote,
    },
    smccc::{Conduit, NOT_SUPPORTED},
    tap::Report,
};

/// The CPUs.
#[derive(Clone, Copy)]
pub struct Set {
    pub client: Client,
    /// This one.
    pub index: usize,
    pub gic: Gic,
    pub seed: u64,
    others: [Option<Remote>; MOST - 1],
}

/// For one statement.
pub struct Stage<'run> {
    pub set: Set,
    pub client: Client,
    pub random: Random,
    report: &'run mut Report,
}

impl Stage<'_> {
    /// Starts the other CPUs.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn open(machine: &Machine, conduit: Conduit) -> Result<Set, &'static str> {
        let client = Client::new(conduit);
        if client.version() == NOT_SUPPORTED {
            return Err("SDEI_VERSION is NOT_SUPPORTED");
        }
        let index =
            machine.this_cpu().filter(|&index| index < MOST).ok_or("this CPU is not among the first 4")?;
        let gic = machine.gic.ok_or("the FDT has no arm,gic-v3 below 1 GiB")?;
        // A virtual timer that an earlier test has started may not interrupt what is unmasked here.
        gic::silence();
        handler::prepare_cpu(index);
        let seed = machine.args.number("seed", 1234);
        let mut random = Random::new(seed);
        let mut others = [None; MOST - 1];
        const { assert!(MOST <= MAX_CPUS) };
        let candidates = machine.other_cpus().filter(|&(index, _)| index < MOST);
        for (slot, (index, affinity)) in others.iter_mut().zip(candidates) {
            let remote = Remote { index, affinity };
            if !remote.start(conduit, random.next()) {
                return Err("another CPU does not start");
            }
            *slot = Some(remote);
        }
        Ok(Set { client, index, gic, seed: random.next(), others })
    }
}

impl Set {
    pub const fn with<'run>(&self, report: &'run mut Report) -> Stage<'run> {
        Stage { set: *self, client: self.client, random: Random::new(self.seed), report }
    }

    pub fn others(&self) -> impl Iterator<Item = Remote> + '_ {
        self.others.iter().flatten().copied()
    }

    /// Turns the other CPUs off.
    pub fn close(self) {
        for remote in self.others() {
            remote.stop(self.client.conduit());
        }
    }
}

impl Stage<'_> {
    pub fn check(&mut self, holds: bool, otherwise: fmt::Arguments<'_>) -> Option<()> {
        self.report.check(holds, otherwise).then_some(())
    }

    pub fn equal(&mut self, what: fmt::Arguments<'_>, got: u64, wanted: u64) -> Option<()> {
        self.report.equal(what, got, wanted).then_some(())
    }

    /// What a call returns is SUCCESS.
    pub fn done(&mut self, what: &str, got: u64) -> Option<()> {
        self.equal(format_args!("{what}"), got, SUCCESS)
    }

    /// The first of the other CPUs.
    pub fn other(&mut self) -> Option<Remote> {
        let other = self.set.others().next();
        self.check(other.is_some(), format_args!("needs 2 CPUs"))?;
        other
    }

    /// What a call on another CPU returns.
    pub fn on(&mut self, remote: Remote, function: u32, arguments: &[u64]) -> Option<u64> {
        let result = remote.call(function, arguments);
        let what = format_args!("CPU {} does not come back from {function:#x}", remote.index);
        self.check(result.is_some(), what)?;
        result
    }

    /// Event 0 of this CPU is registered with this argument, and enabled; the PE is unmasked.
    pub fn listen_here(&mut self, argument: u64) -> Option<()> {
        let client = self.client;
        self.done("REGISTER", client.register(Event::SIGNALLED, Priority::Normal, argument, Routing::Any))?;
        self.done("ENABLE", client.enable(Event::SIGNALLED))?;
        self.done("PE_UNMASK", client.unmask())
    }

    /// Likewise on another CPU.
    pub fn listen_there(&mut self, remote: Remote, argument: u64) -> Option<()> {
        let entry = handler::entry(Priority::Normal);
        for (name, function, arguments) in [
            ("REGISTER there", sdei::EVENT_REGISTER, &[0, entry, argument, 0, 0][..]),
            ("ENABLE there", sdei::EVENT_ENABLE, &[0]),
            ("PE_UNMASK there", sdei::PE_UNMASK, &[]),
        ] {
            let result = self.on(remote, function, arguments)?;
            self.done(name, result)?;
        }
        Some(())
    }

    /// Binds an interrupt, and registers and enables its event.
    pub fn listen_to(&mut self, line: Line, argument: u64, routing: Routing) -> Option<Event> {
        let client = self.client;
        let number = client.bind(line.intid());
        self.check(!is_error(number), format_args!("BIND of {}: {number:#x}", line.intid()))?;
        let event = Event(number);
        journal::bound(line, event);
        self.done("REGISTER of a bound event", client.register(event, line.priority(), argument, routing))?;
        self.done("ENABLE of a bound event", client.enable(event))?;
        Some(event)
    }

    /// Waits until this CPU or another one has taken so many of an event.
    pub fn taken(&mut self, index: usize, event: journal::Kind, count: u64) -> Option<()> {
        let taken = || journal::taken(index, event);
        sdei::remote::wait(|| taken() >= count);
        // One too many would be on its way now.
        cpu::spin(2);
        self.equal(format_args!("events that CPU {index} has taken"), taken(), count)
    }

    /// Back to where it was.
    pub fn reset(&mut self) {
        Line::Uart.lower();
        Line::Gpio.lower();
        let _ = self.client.mask();
        let others = self.set;
        for remote in others.others() {
            remote.set_interrupts(sdei::window::Interrupts::Masked);
            let _ = self.on(remote, PE_MASK, &[]);
            if let Some(result) = self.on(remote, PRIVATE_RESET, &[]) {
                self.done("PRIVATE_RESET there", result);
            }
        }
        let (private, shared) = (self.client.reset_private(), self.client.reset_shared());
        self.done("PRIVATE_RESET", private);
        self.done("SHARED_RESET", shared);
        journal::clear();
    }

    /// Turns another CPU off and on again.
    pub fn restart(&mut self, remote: Remote) -> Option<()> {
        let conduit = self.client.conduit();
        self.check(remote.stop(conduit), format_args!("CPU {} does not go off", remote.index))?;
        let seed = self.random.next();
        self.check(remote.start(conduit, seed), format_args!("CPU {} does not start again", remote.index))?;
        let on = psci::affinity_info(conduit, remote.affinity);
        self.equal(format_args!("AFFINITY_INFO of CPU {}", remote.index), on, psci::ON)
    }
}

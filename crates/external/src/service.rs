//! The service that asks another process.

use std::{io, slice, sync::Arc, time::Duration};

use switchboard_firmware::{Call, CpuIndex, Declaration, Host, Outcome, Reply, Results, Service};

use crate::{ConnectError, Counts, Gone, Link, LinkProblem, Posting, ServeSpec, Slots, protocol::Arguments};

/// Answers the calls of one range with what a server says, or, if it says nothing in time, with the defined answer.
///
/// A call reads as many arguments as the server wants, and waits without holding anything. Without a server it is answered
/// at once, and reads none.
#[derive(Debug)]
pub struct External {
    spec: ServeSpec,
    slots: Arc<Slots>,
    link: Link,
}

impl External {
    /// The service for a guest that can have so many CPUs. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// If the host has no descriptor for it.
    pub fn new(spec: &ServeSpec, cpus: usize) -> io::Result<Arc<Self>> {
        let slots = Arc::new(Slots::new(cpus, spec.failure));
        let link = Link::new(spec, Arc::clone(&slots))?;
        Ok(Arc::new(Self { spec: spec.clone(), slots, link }))
    }

    /// Which function IDs, and which server.
    #[must_use]
    pub const fn spec(&self) -> &ServeSpec {
        &self.spec
    }

    /// Connects before the machine runs, so that a wrong path is found at once. It takes 5 seconds at most.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], with a [hint](ConnectError::hint), if there is no server.
    pub fn connect_first(&self) -> Result<(), ConnectError> {
        self.link.connect_first()
    }

    /// The connection to the server, for the thread that runs it.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// The machine begins a new life: no call of the old one waits any more, and answers to them are dropped. No vCPU may
    /// run meanwhile.
    pub fn reset(&self) {
        self.slots.abandon();
    }

    /// What has become of its calls.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.slots.counts()
    }

    /// Why there was no connection, or none any more, the last time that this happened.
    #[must_use]
    pub fn last_problem(&self) -> Option<LinkProblem> {
        self.link.last_problem()
    }

    /// Hands the call to the link.
    fn post(&self, call: &mut Call<'_>, host: &dyn Host) -> Result<(), Gone> {
        let server = self.slots.connected().ok_or(Gone)?;
        // Without a clock there is no deadline, and a call that may wait for ever is none.
        let deadline = host.monotonic().ok_or(Gone)?.saturating_add(self.spec.timeout);
        let arguments = Arguments::read(server.arguments(), |register| call.argument(register));
        let posting = Posting { function: call.function(), conduit: call.conduit(), arguments, deadline };
        self.slots.post(call.caller(), server, posting)
    }

    fn unserved(&self) -> Results {
        self.slots.counters.unserved.count();
        self.slots.failure()
    }
}

impl Service for External {
    fn name(&self) -> &'static str {
        "external"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration { owned: slice::from_ref(&self.spec.range), denied: &[], conduits: self.spec.conduits }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match self.post(call, host) {
            Ok(()) => {
                self.link.ring();
                Outcome::Later
            }
            Err(Gone) => Outcome::Return(self.unserved()),
        }
    }

    fn reply(&self, caller: CpuIndex, now: Duration) -> Reply {
        self.slots.reply(caller, now)
    }
}

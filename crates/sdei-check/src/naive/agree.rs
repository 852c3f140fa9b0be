//! Whether the state machine is in the state that the second reading is in.

use switchboard_firmware::{
    CpuIndex,
    sdei::{self, Binding, Enablement, Kick, Level, Mask, Origin, Pending, Routing, State},
};

use super::{Cpu, E, Event, G, Handler, Naive, R};
use crate::subject::mark;

impl Naive {
    /// Is this what the state machine is in?
    ///
    /// # Errors
    ///
    /// What is not.
    pub fn agrees(&self, state: &State) -> Result<(), String> {
        for (naive, real) in self.events.iter().zip(&state.events) {
            event(naive, real)?;
        }
        for (naive, real) in self.cpus.iter().zip(&state.pes) {
            self.cpu(naive, real)?;
        }
        Ok(())
    }

    fn cpu(&self, naive: &Cpu, real: &sdei::Pe) -> Result<(), String> {
        agree(&naive.masked, &(real.mask == Mask::Masked), "masked")?;
        agree(&naive.kicked, &(real.kick == Kick::Due), "kicked")?;
        let active = [real.normal, real.critical];
        let stack: Vec<_> = active.iter().flatten().map(|active| self.place(active.event)).collect();
        let expected: Vec<_> = naive.stack.iter().copied().map(Some).collect();
        agree(&expected, &stack, "handlers of a CPU")?;
        for (depth, active) in active.iter().flatten().enumerate() {
            let below = depth.checked_sub(1).map_or(0, |at| naive.stack[at] + 1);
            agree(&u64::try_from(below).ok(), &Some(mark(active.context)), "what is interrupted")?;
        }
        Ok(())
    }
}

fn event(naive: &Event, real: &sdei::Event) -> Result<(), String> {
    agree(&naive.description, &real.description, "description")?;
    if let (Some(line), Origin::Interrupt { binding, level, .. }) = (&naive.line, real.origin) {
        agree(&line.bound, &(binding == Binding::Bound), "binding")?;
        agree(&line.high, &(level == Level::High), "level")?;
    }
    let is_level = naive.line.is_some();
    naive.handlers.iter().zip(&real.handlers).try_for_each(|(naive, real)| handler(naive, real, is_level))
}

fn handler(naive: &Handler, real: &sdei::Handler, is_level: bool) -> Result<(), String> {
    let enabled = real.registration.is_some_and(|it| it.enablement == Enablement::Enabled);
    agree(&(naive.bits & G != 0), &real.registration.is_some(), "registered")?;
    agree(&(naive.bits & E != 0), &enabled, "enabled")?;
    agree(&(naive.bits & R != 0).then_some(CpuIndex(naive.on)), &real.running, "running")?;
    agree(&(naive.latched && !is_level), &(real.pending == Pending::Yes), "pending")?;
    let to = real.registration.map(|registration| match registration.routing {
        Routing::Any => None,
        Routing::Pe(CpuIndex(cpu)) => Some(cpu),
    });
    agree(&naive.to, &to.unwrap_or(naive.to), "routing")
}

fn agree<T: PartialEq + std::fmt::Debug>(naive: &T, real: &T, what: &str) -> Result<(), String> {
    if naive == real { Ok(()) } else { Err(format!("{what}: {naive:?} is expected, and it is {real:?}")) }
}

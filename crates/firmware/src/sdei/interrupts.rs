//! Interrupts that come as events.

use switchboard_smccc::{
    InterruptId,
    sdei::{EventNumber, Status},
};

use super::{
    description::{Destination, Level},
    state::{Binding, Origin, State},
};
use crate::CpuIndex;

impl State {
    /// `SDEI_INTERRUPT_BIND`. What is bound already has its event. DENIED where the interrupt is not inactive.
    pub(super) fn bind(&mut self, wanted: InterruptId) -> Result<EventNumber, Status> {
        let index = self.slot(wanted).ok_or(Status::INVALID_PARAMETERS)?;
        let event = &mut self.events[index];
        if let Origin::Interrupt { binding: binding @ Binding::Free, level, .. } = &mut event.origin {
            if *level == Level::High {
                return Err(Status::DENIED);
            }
            *binding = Binding::Bound;
        }
        Ok(event.description.number)
    }

    /// `SDEI_INTERRUPT_RELEASE`: the interrupt that is free again. DENIED while it is registered, or runs.
    pub(super) fn release(&mut self, number: EventNumber) -> Result<InterruptId, Status> {
        let event = self.event_mut(number)?;
        let Origin::Interrupt { binding, interrupt, .. } = &mut event.origin else {
            return Err(Status::INVALID_PARAMETERS);
        };
        let handler = &event.handlers[0];
        if handler.registration.is_some() || handler.running.is_some() {
            return Err(Status::DENIED);
        }
        *binding = Binding::Free;
        Ok(*interrupt)
    }

    /// The level of an interrupt changes. Who takes its event now, and is to be kicked.
    pub(super) fn set_level(&mut self, interrupt: InterruptId, new: Level) -> Option<CpuIndex> {
        let index = self.slot(interrupt)?;
        if let Origin::Interrupt { level, .. } = &mut self.events[index].origin {
            *level = new;
        }
        self.attend(index, 0, None)
    }

    /// Where an interrupt goes.
    pub(super) fn destination(&self, interrupt: InterruptId) -> Destination {
        match self.slot(interrupt).map(|index| self.events[index].exists()) {
            Some(true) => Destination::Event,
            Some(false) | None => Destination::InterruptController,
        }
    }

    /// Where the event of an interrupt is, bound or not.
    fn slot(&self, wanted: InterruptId) -> Option<usize> {
        self.events.iter().position(
            |event| matches!(event.origin, Origin::Interrupt { interrupt, .. } if interrupt == wanted),
        )
    }
}

//! What a guest's calls do to handlers: registered, enabled, routed, unregistered.
//!
//! The states and what each call does in them are those of DEN0054, section 6.1.2.

use switchboard_smccc::sdei::{
    EventNumber, ROUTING_MODE_PE, STATUS_ENABLED, STATUS_REGISTERED, STATUS_RUNNING, Status,
};

use super::{
    description::{EventKind, Priority},
    state::{Binding, Enablement, Event, Handler, Origin, Pending, Registration, Routing, State},
};
use crate::CpuIndex;

/// What `SDEI_EVENT_REGISTER` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) entry_point: u64,
    pub(super) argument: u64,
    /// `None`: to a CPU that there is not. What a private event asks for is ignored.
    pub(super) routing: Option<Routing>,
}

impl State {
    /// `SDEI_EVENT_REGISTER`.
    pub(super) fn register(
        &mut self,
        caller: CpuIndex,
        number: EventNumber,
        request: Request,
    ) -> Result<(), Status> {
        let event = self.event_mut(number)?;
        let routing = match event.description.kind {
            EventKind::Private => Routing::Pe(caller),
            EventKind::Shared => request.routing.ok_or(Status::INVALID_PARAMETERS)?,
        };
        let handler = event.handler_mut(caller);
        if handler.registration.is_some() || handler.running.is_some() {
            return Err(Status::DENIED);
        }
        let Request { entry_point, argument, .. } = request;
        handler.registration =
            Some(Registration { entry_point, argument, routing, enablement: Enablement::Disabled });
        Ok(())
    }

    /// `SDEI_EVENT_ENABLE` and `SDEI_EVENT_DISABLE`.
    pub(super) fn set_enablement(
        &mut self,
        caller: CpuIndex,
        number: EventNumber,
        enablement: Enablement,
    ) -> Result<(), Status> {
        let handler = self.event_mut(number)?.handler_mut(caller);
        handler.registration.as_mut().ok_or(Status::DENIED)?.enablement = enablement;
        Ok(())
    }

    /// `SDEI_EVENT_UNREGISTER`. A handler that runs goes on, and is unregistered with its completion: PENDING, however often
    /// it is asked for.
    pub(super) fn unregister(&mut self, caller: CpuIndex, number: EventNumber) -> Result<(), Status> {
        let handler = self.event_mut(number)?.handler_mut(caller);
        if handler.running.is_some() {
            handler.forget();
            return Err(Status::PENDING);
        }
        handler.registration.ok_or(Status::DENIED)?;
        handler.forget();
        Ok(())
    }

    /// `SDEI_EVENT_ROUTING_SET`: only of a handler that is registered, and neither enabled nor running.
    pub(super) fn set_routing(
        &mut self,
        number: EventNumber,
        routing: Option<Routing>,
    ) -> Result<(), Status> {
        let event = self.event_mut(number)?;
        let (EventKind::Shared, Some(routing)) = (event.description.kind, routing) else {
            return Err(Status::INVALID_PARAMETERS);
        };
        let handler = &mut event.handlers[0];
        match &mut handler.registration {
            Some(registration)
                if handler.running.is_none() && registration.enablement == Enablement::Disabled =>
            {
                registration.routing = routing;
                Ok(())
            }
            _ => Err(Status::DENIED),
        }
    }

    /// `SDEI_EVENT_STATUS`.
    pub(super) fn status(&mut self, caller: CpuIndex, number: EventNumber) -> Result<u64, Status> {
        let handler = self.event_mut(number)?.handler_mut(caller);
        let registered = match handler.registration {
            None => 0,
            Some(Registration { enablement: Enablement::Disabled, .. }) => STATUS_REGISTERED,
            Some(Registration { enablement: Enablement::Enabled, .. }) => STATUS_REGISTERED | STATUS_ENABLED,
        };
        Ok(registered | if handler.running.is_some() { STATUS_RUNNING } else { 0 })
    }

    /// `EV_TYPE` of `SDEI_EVENT_GET_INFO`.
    pub(super) fn kind(&mut self, number: EventNumber) -> Result<u64, Status> {
        Ok(match self.event_mut(number)?.description.kind {
            EventKind::Private => 0,
            EventKind::Shared => 1,
        })
    }

    /// `EV_SIGNALED` of `SDEI_EVENT_GET_INFO`: 0 says that software can signal it.
    pub(super) fn signaled(&mut self, number: EventNumber) -> Result<u64, Status> {
        Ok(match self.event_mut(number)?.origin {
            Origin::Software => 0,
            Origin::Machine | Origin::Interrupt { .. } => 1,
        })
    }

    /// `EV_PRIORITY` of `SDEI_EVENT_GET_INFO`.
    pub(super) fn priority(&mut self, number: EventNumber) -> Result<u64, Status> {
        Ok(match self.event_mut(number)?.description.priority {
            Priority::Normal => 0,
            Priority::Critical => 1,
        })
    }

    /// `EV_ROUTING_MODE` of `SDEI_EVENT_GET_INFO`.
    pub(super) fn routing_mode(&mut self, number: EventNumber) -> Result<u64, Status> {
        Ok(match self.routing(number)? {
            Routing::Any => 0,
            Routing::Pe(_) => ROUTING_MODE_PE,
        })
    }

    /// The CPU of `EV_ROUTING_AFF` of `SDEI_EVENT_GET_INFO`.
    pub(super) fn routed_to(&mut self, number: EventNumber) -> Result<CpuIndex, Status> {
        match self.routing(number)? {
            Routing::Any => Err(Status::INVALID_PARAMETERS),
            Routing::Pe(cpu) => Ok(cpu),
        }
    }

    fn routing(&mut self, number: EventNumber) -> Result<Routing, Status> {
        let event = self.event_mut(number)?;
        match event.description.kind {
            EventKind::Private => Err(Status::INVALID_PARAMETERS),
            EventKind::Shared => event.handlers[0].registration.map(|it| it.routing).ok_or(Status::DENIED),
        }
    }

    /// `SDEI_PRIVATE_RESET`: nothing private is registered on the caller. DENIED, and nothing changes, while a private
    /// handler runs there.
    pub(super) fn private_reset(&mut self, caller: CpuIndex) -> Result<(), Status> {
        self.reset(|event| match event.description.kind {
            EventKind::Private => Some(caller.0),
            EventKind::Shared => None,
        })
    }

    /// `SDEI_SHARED_RESET`: nothing shared is registered, and no interrupt bound. DENIED, and nothing changes, while a shared
    /// handler runs anywhere.
    pub(super) fn shared_reset(&mut self) -> Result<(), Status> {
        self.reset(|event| match event.description.kind {
            EventKind::Private => None,
            EventKind::Shared => Some(0),
        })?;
        for event in &mut self.events {
            if let Origin::Interrupt { binding, .. } = &mut event.origin {
                *binding = Binding::Free;
            }
        }
        Ok(())
    }

    /// Forgets the handler that each event has at the place that is said, if none of them runs.
    fn reset(&mut self, place: impl Fn(&Event) -> Option<usize>) -> Result<(), Status> {
        let runs = |event: &Event| place(event).is_some_and(|at| event.handlers[at].running.is_some());
        if self.events.iter().any(runs) {
            return Err(Status::DENIED);
        }
        for event in &mut self.events {
            if let Some(at) = place(event) {
                event.handlers[at].forget();
            }
        }
        Ok(())
    }
}

impl Handler {
    /// It is registered no more, and what is pending is forgotten.
    pub(super) fn forget(&mut self) {
        self.registration = None;
        self.pending = Pending::No;
    }

    /// May the event be taken?
    pub(super) fn is_enabled(&self) -> bool {
        matches!(self.registration, Some(Registration { enablement: Enablement::Enabled, .. }))
    }
}

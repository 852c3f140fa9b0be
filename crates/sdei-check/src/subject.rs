//! The state machine, whichever copy of it.

use std::hash::Hasher;

use switchboard_firmware::{
    CpuIndex, SavedContext,
    sdei::{
        Bindable, ConfigurationError, EventDescription, EventNumber, Level, NotSignalled, Signalled, State,
    },
};
use switchboard_smccc::{InterruptId, Register, sdei::Status};

use crate::moves::Call;

/// Makes one, with this many CPUs.
pub type Make = fn(usize, &[EventDescription], &[Bindable]) -> Result<Box<dyn Subject>, ConfigurationError>;

/// What a call returns; of a context, its mark.
pub type Answer = Result<u64, Status>;

/// The state machine, and what it does.
pub trait Subject {
    /// The same once more.
    fn again(&self) -> Box<dyn Subject>;

    /// Feeds all of it to a hasher.
    fn feed(&self, hasher: &mut dyn Hasher);

    /// All of it.
    fn view(&self) -> State;

    /// Does it take itself for possible?
    fn is_possible(&self) -> bool;

    /// A CPU calls. Who is kicked then?
    fn call(&mut self, caller: CpuIndex, call: Call) -> (Answer, Vec<CpuIndex>);

    /// What `SDEI_EVENT_STATUS` says.
    fn status(&mut self, caller: CpuIndex, event: EventNumber) -> Answer;

    /// The machine raises an event.
    fn raise(&mut self, event: EventNumber, cpu: Option<CpuIndex>) -> Result<Signalled, NotSignalled>;

    /// A level changes.
    fn set_level(&mut self, interrupt: InterruptId, level: Level) -> Option<CpuIndex>;

    /// Is there something for this CPU?
    fn has_for(&mut self, cpu: CpuIndex) -> bool;

    /// A CPU that is in the context with this mark takes what there is. Who is kicked then?
    fn take(&mut self, cpu: CpuIndex, mark: u64) -> (Option<EventNumber>, Vec<CpuIndex>);

    /// A CPU is off. Who is kicked then?
    fn off(&mut self, cpu: CpuIndex) -> Vec<CpuIndex>;
}

/// Where each handler is, and with which argument.
pub(crate) const ENTRY_POINT: u64 = 0x1000;
pub(crate) const ARGUMENT: u64 = 0x2000;

/// A context that can be told from others.
pub(crate) const fn marked(mark: u64) -> SavedContext {
    SavedContext { x: [mark; Register::COUNT], pc: mark, pstate: mark }
}

/// What it was marked with.
pub(crate) fn mark(context: SavedContext) -> u64 {
    assert_eq!(context, marked(context.pc), "a context is whole");
    context.pc
}

/// Makes a [`Subject`] of a copy.
macro_rules! adapt {
    ($name:ident) => {
        const _: () = {
            use std::hash::{Hash, Hasher};

            use switchboard_firmware::{CpuIndex, sdei};
            use switchboard_smccc::{InterruptId, sdei::Status};
            use $name::{handlers::Request, state};

            use crate::{
                moves::{Call, Target},
                subject::{ARGUMENT, Answer, ENTRY_POINT, Subject, mark, marked},
            };

            impl Subject for state::State {
                fn again(&self) -> Box<dyn Subject> {
                    Box::new(self.clone())
                }

                fn feed(&self, mut hasher: &mut dyn Hasher) {
                    self.hash(&mut hasher);
                }

                fn view(&self) -> sdei::State {
                    sdei::State {
                        events: self.events.iter().map(event).collect(),
                        pes: self.pes.iter().map(pe).collect(),
                    }
                }

                fn is_possible(&self) -> bool {
                    self.is_possible()
                }

                fn call(&mut self, caller: CpuIndex, call: Call) -> (Answer, Vec<CpuIndex>) {
                    let zero = |()| 0;
                    let answer = match call {
                        Call::Register(event, target) => {
                            let routing = routing(target);
                            let request = Request { entry_point: ENTRY_POINT, argument: ARGUMENT, routing };
                            self.register(caller, event, request).map(zero)
                        }
                        Call::Enable(event) => {
                            self.set_enablement(caller, event, state::Enablement::Enabled).map(zero)
                        }
                        Call::Disable(event) => {
                            self.set_enablement(caller, event, state::Enablement::Disabled).map(zero)
                        }
                        Call::Context => self.context(caller).map(mark),
                        Call::Complete => self.complete(caller).map(mark),
                        Call::Unregister(event) => self.unregister(caller, event).map(zero),
                        Call::SetRouting(event, target) => self.set_routing(event, routing(target)).map(zero),
                        Call::Mask => Ok(self.mask(caller)),
                        Call::Unmask => Ok(zero(self.unmask(caller))),
                        Call::Bind(interrupt) => self.bind(interrupt).map(|event| u64::from(event.0)),
                        Call::Release(event) => self.release(event).map(|interrupt| u64::from(interrupt.0)),
                        Call::Signal(target) => Ok(zero(self.signal_software(target))),
                        Call::PrivateReset => self.private_reset(caller).map(zero),
                        Call::SharedReset => self.shared_reset().map(zero),
                    };
                    (answer, self.wake().iter().collect())
                }

                fn status(&mut self, caller: CpuIndex, event: sdei::EventNumber) -> Result<u64, Status> {
                    self.status(caller, event)
                }

                fn raise(
                    &mut self,
                    event: sdei::EventNumber,
                    cpu: Option<CpuIndex>,
                ) -> Result<sdei::Signalled, sdei::NotSignalled> {
                    self.signal(event, cpu)
                }

                fn set_level(&mut self, interrupt: InterruptId, level: sdei::Level) -> Option<CpuIndex> {
                    self.set_level(interrupt, level)
                }

                fn has_for(&mut self, cpu: CpuIndex) -> bool {
                    self.has_for(cpu)
                }

                fn take(&mut self, cpu: CpuIndex, mark: u64) -> (Option<sdei::EventNumber>, Vec<CpuIndex>) {
                    let taken = self.take(cpu, marked(mark));
                    let taken = taken.map(|delivery| {
                        assert_eq!((delivery.entry_point, delivery.argument), (ENTRY_POINT, ARGUMENT));
                        delivery.event
                    });
                    (taken, self.wake().iter().collect())
                }

                fn off(&mut self, cpu: CpuIndex) -> Vec<CpuIndex> {
                    self.off(cpu);
                    self.wake().iter().collect()
                }
            }

            fn routing(target: Target) -> Option<state::Routing> {
                match target {
                    Target::Any => Some(state::Routing::Any),
                    Target::Pe(cpu) => Some(state::Routing::Pe(cpu)),
                    Target::Nobody => None,
                }
            }

            fn event(event: &state::Event) -> sdei::Event {
                sdei::Event {
                    description: event.description,
                    origin: match event.origin {
                        state::Origin::Software => sdei::Origin::Software,
                        state::Origin::Machine => sdei::Origin::Machine,
                        state::Origin::Interrupt { interrupt, binding, level } => {
                            let binding = match binding {
                                state::Binding::Free => sdei::Binding::Free,
                                state::Binding::Bound => sdei::Binding::Bound,
                            };
                            sdei::Origin::Interrupt { interrupt, binding, level }
                        }
                    },
                    handlers: event.handlers.iter().map(handler).collect(),
                }
            }

            fn handler(handler: &state::Handler) -> sdei::Handler {
                sdei::Handler {
                    registration: handler.registration.map(|registration| sdei::Registration {
                        entry_point: registration.entry_point,
                        argument: registration.argument,
                        routing: match registration.routing {
                            state::Routing::Any => sdei::Routing::Any,
                            state::Routing::Pe(cpu) => sdei::Routing::Pe(cpu),
                        },
                        enablement: match registration.enablement {
                            state::Enablement::Disabled => sdei::Enablement::Disabled,
                            state::Enablement::Enabled => sdei::Enablement::Enabled,
                        },
                    }),
                    running: handler.running,
                    pending: match handler.pending {
                        state::Pending::No => sdei::Pending::No,
                        state::Pending::Yes => sdei::Pending::Yes,
                    },
                }
            }

            fn pe(pe: &state::Pe) -> sdei::Pe {
                let active =
                    |active: state::Active| sdei::Active { event: active.event, context: active.context };
                sdei::Pe {
                    mask: match pe.mask {
                        state::Mask::Masked => sdei::Mask::Masked,
                        state::Mask::Unmasked => sdei::Mask::Unmasked,
                    },
                    normal: pe.normal.map(active),
                    critical: pe.critical.map(active),
                    kick: match pe.kick {
                        state::Kick::None => sdei::Kick::None,
                        state::Kick::Due => sdei::Kick::Due,
                    },
                }
            }
        };
    };
}
pub(crate) use adapt;

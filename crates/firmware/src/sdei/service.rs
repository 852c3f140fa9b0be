//! Which function of SDEI answers which call, and how an event comes to its CPU.

use alloc::{boxed::Box, sync::Arc};

use switchboard_filter::Range;
use switchboard_smccc::{
    InterruptId, Mpidr, Register,
    sdei::{self, EventInfo, EventNumber, Feature, ROUTING_MODE_PE, Status},
};

use super::{
    check::NotThisState,
    description::{
        Bindable, ConfigurationError, Destination, EventDescription, Level, NotSignalled, Signalled,
    },
    function::Function,
    handlers::Request,
    pstate,
    state::{Enablement, Handler, Mask, Routing, State},
};
use crate::{
    Call, Conduits, Context, CpuIndex, Declaration, ExceptionReturn, Host, Lock, Outcome, Restored, Results,
    SavedContext, Service, SystemRegister, psci::PowerTable,
};

/// SDEI for one life of a guest. `L` is the embedder's lock.
pub struct Sdei<L> {
    power: Arc<PowerTable>,
    /// The interrupts that can be bound.
    interrupts: Box<[InterruptId]>,
    state: L,
}

impl<L: Lock<State>> Sdei<L> {
    /// Event 0, these events of the machine's, and one for each of these interrupts once the guest has bound it. `power`
    /// knows the CPUs.
    ///
    /// # Errors
    ///
    /// [`ConfigurationError`] if a number or an interrupt cannot be, or is there twice.
    pub fn new(
        power: Arc<PowerTable>,
        events: &[EventDescription],
        interrupts: &[Bindable],
    ) -> Result<Self, ConfigurationError> {
        let state = L::new(State::new(power.len(), events, interrupts)?);
        let interrupts = interrupts.iter().map(|bindable| bindable.interrupt).collect();
        Ok(Self { power, interrupts, state })
    }

    /// Raises an event, from outside the guest: one of the machine's, or event 0. `cpu`: on that one, where the event is not
    /// routed to another one, and, if any may take it, where that one can at once. Without it, on one that can at once if
    /// there is one.
    ///
    /// # Errors
    ///
    /// [`NotSignalled`] if the guest does not listen.
    pub fn signal(&self, event: EventNumber, cpu: Option<CpuIndex>) -> Result<Signalled, NotSignalled> {
        self.state.with(|state| state.signal(event, cpu))
    }

    /// The level of a bindable interrupt is this from now on: the machine tells every change, whether it is bound or not.
    /// Returns the CPU that takes its event, which is to be kicked, if one does at once.
    pub fn set_level(&self, interrupt: InterruptId, level: Level) -> Option<CpuIndex> {
        self.state.with(|state| state.set_level(interrupt, level))
    }

    /// Where the machine is to bring this interrupt now. Asked again after [`Host::rerouted`].
    pub fn destination(&self, interrupt: InterruptId) -> Destination {
        self.state.with(|state| state.destination(interrupt))
    }

    /// What is registered for an event, whether it is enabled and pending, and on which CPU its handler runs: for a private
    /// event, this CPU's. `None` if there is no such event or CPU.
    pub fn handler(&self, event: EventNumber, cpu: CpuIndex) -> Option<Handler> {
        self.state.with(|state| {
            let event = &state.events[state.find(event)?];
            event.handlers.get(event.handler_of(cpu)).copied()
        })
    }

    /// Does a CPU take events? `None` if there is no such CPU.
    pub fn mask(&self, cpu: CpuIndex) -> Option<Mask> {
        self.state.with(|state| state.pes.get(cpu.0).map(|pe| pe.mask))
    }

    /// All that is kept, the levels of the interrupts among it.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.with(|state| state.clone()).with_all_due()
    }

    /// Makes it what it was. Then every CPU is to be kicked, every interrupt's level told ([`Sdei::set_level`]), because its device
    /// may have another one by now, and for each [`Sdei::destination`] be asked.
    ///
    /// # Errors
    ///
    /// [`NotThisState`] if it is another machine's, or makes no sense. Nothing has changed then.
    pub fn restore(&self, state: State) -> Result<(), NotThisState> {
        self.state.with(|current| {
            current.admits(&state)?;
            *current = state.with_all_due();
            Ok(())
        })
    }

    /// Changes the state, and then kicks whom that concerns: with the lock, never under it.
    fn change<R>(&self, host: &dyn Host, change: impl FnOnce(&mut State) -> R) -> R {
        let (result, kicks) = self.state.with(|state| (change(state), state.wake()));
        kicks.iter().for_each(|cpu| host.kick(cpu));
        result
    }

    /// `SDEI_EVENT_REGISTER`. The entry point is a virtual address, of which nothing can be said but that it is aligned.
    fn register(&self, call: &mut Call<'_>, host: &dyn Host) -> Result<u64, Status> {
        let number = event_number(call);
        let request = Request {
            entry_point: code_address(call.argument(Register::X2))?,
            argument: call.argument(Register::X3),
            routing: self.routing(call, Register::X4, Register::X5)?,
        };
        self.change(host, |state| state.register(call.caller(), number, request)).map(done)
    }

    /// `SDEI_EVENT_ROUTING_SET`.
    fn set_routing(&self, call: &mut Call<'_>, host: &dyn Host) -> Result<u64, Status> {
        let number = event_number(call);
        let routing = self.routing(call, Register::X2, Register::X3)?;
        self.change(host, |state| state.set_routing(number, routing)).map(done)
    }

    /// A routing mode, which nothing else may be beside, and the affinity that it needs. `Ok(None)`: there is no such CPU.
    fn routing(
        &self,
        call: &mut Call<'_>,
        mode: Register,
        affinity: Register,
    ) -> Result<Option<Routing>, Status> {
        match call.argument(mode) {
            0 => Ok(Some(Routing::Any)),
            ROUTING_MODE_PE => Ok(self.cpu(call.argument(affinity)).map(Routing::Pe)),
            _ => Err(Status::INVALID_PARAMETERS),
        }
    }

    fn cpu(&self, affinity: u64) -> Option<CpuIndex> {
        self.power.find(Mpidr::from_argument(affinity)?)
    }

    /// `SDEI_EVENT_CONTEXT`: a register as it was when the event came.
    fn context(&self, call: &mut Call<'_>) -> Result<u64, Status> {
        let register = usize::try_from(call.argument32(Register::X1)).unwrap_or(usize::MAX);
        if register >= Register::COUNT {
            return Err(Status::INVALID_PARAMETERS);
        }
        Ok(self.state.with(|state| state.context(call.caller()))?.x[register])
    }

    /// `SDEI_EVENT_COMPLETE`. Whether the handler has failed is nobody's affair here.
    fn complete(&self, call: &Call<'_>, host: &dyn Host) -> Result<Outcome, Status> {
        let context = self.change(host, |state| state.complete(call.caller()))?;
        Ok(Outcome::Restore(Restored { context, exception_return: None }))
    }

    /// `SDEI_EVENT_COMPLETE_AND_RESUME`: the caller goes on at its address, as if an exception had been taken there from what
    /// the event interrupted.
    fn complete_and_resume(&self, call: &mut Call<'_>, host: &dyn Host) -> Result<Outcome, Status> {
        let pc = code_address(call.argument(Register::X1))?;
        let interrupted = self.change(host, |state| state.complete(call.caller()))?;
        let pstate =
            pstate::after_exception(interrupted.pstate, call.system_register(SystemRegister::SctlrEl1));
        Ok(Outcome::Restore(Restored {
            context: SavedContext { pc, pstate, ..interrupted },
            exception_return: Some(ExceptionReturn { address: interrupted.pc, pstate: interrupted.pstate }),
        }))
    }

    /// `SDEI_EVENT_GET_INFO`.
    fn info(&self, call: &mut Call<'_>) -> Result<u64, Status> {
        let (number, info) = (event_number(call), EventInfo(call.argument32(Register::X2)));
        self.state.with(|state| match info {
            EventInfo::TYPE => state.kind(number),
            EventInfo::SIGNALED => state.signaled(number),
            EventInfo::PRIORITY => state.priority(number),
            EventInfo::ROUTING_MODE => state.routing_mode(number),
            EventInfo::ROUTING_AFFINITY => {
                let affinity = self.power.affinity(state.routed_to(number)?);
                affinity.map(Mpidr::value).ok_or(Status::INVALID_PARAMETERS)
            }
            _ => Err(Status::INVALID_PARAMETERS),
        })
    }

    /// `SDEI_EVENT_SIGNAL`: event 0 and no other.
    fn signal_software(&self, call: &mut Call<'_>, host: &dyn Host) -> Result<u64, Status> {
        if event_number(call) != EventNumber::SOFTWARE_SIGNALLED {
            return Err(Status::INVALID_PARAMETERS);
        }
        let target = self.cpu(call.argument(Register::X2)).ok_or(Status::INVALID_PARAMETERS)?;
        self.change(host, |state| state.signal_software(target));
        Ok(done(()))
    }

    /// `SDEI_INTERRUPT_BIND`: the number of its event.
    fn bind(&self, call: &mut Call<'_>, host: &dyn Host) -> Result<u64, Status> {
        let interrupt = InterruptId(call.argument32(Register::X1));
        let number = self.change(host, |state| state.bind(interrupt))?;
        host.rerouted(interrupt);
        Ok(u64::from(number.0))
    }

    /// `SDEI_INTERRUPT_RELEASE`.
    fn release(&self, call: &mut Call<'_>, host: &dyn Host) -> Result<u64, Status> {
        let number = event_number(call);
        host.rerouted(self.change(host, |state| state.release(number))?);
        Ok(done(()))
    }

    /// `SDEI_FEATURES`.
    fn features(&self, call: &mut Call<'_>) -> Result<u64, Status> {
        match Feature(call.argument32(Register::X1)) {
            Feature::BIND_SLOTS => {
                Ok(u64::from(u16::try_from(self.interrupts.len()).unwrap_or(u16::MAX)) << 16)
            }
            Feature::RELATIVE_MODE => Ok(0),
            _ => Err(Status::INVALID_PARAMETERS),
        }
    }

    /// `SDEI_SHARED_RESET`.
    fn shared_reset(&self, host: &dyn Host) -> Result<u64, Status> {
        self.change(host, State::shared_reset)?;
        self.interrupts.iter().for_each(|&interrupt| host.rerouted(interrupt));
        Ok(done(()))
    }

    fn answer(&self, function: Function, call: &mut Call<'_>, host: &dyn Host) -> Result<Outcome, Status> {
        let caller = call.caller();
        let x0 = match function {
            Function::Version => sdei::VERSION_1_1,
            Function::EventRegister => self.register(call, host)?,
            Function::EventEnable => self.set_enablement(call, host, Enablement::Enabled)?,
            Function::EventDisable => self.set_enablement(call, host, Enablement::Disabled)?,
            Function::EventContext => self.context(call)?,
            Function::EventComplete => return self.complete(call, host),
            Function::EventCompleteAndResume => return self.complete_and_resume(call, host),
            Function::EventUnregister => {
                let number = event_number(call);
                self.change(host, |state| state.unregister(caller, number)).map(done)?
            }
            Function::EventStatus => {
                let number = event_number(call);
                self.state.with(|state| state.status(caller, number))?
            }
            Function::EventGetInfo => self.info(call)?,
            Function::EventRoutingSet => self.set_routing(call, host)?,
            Function::PeMask => self.change(host, |state| state.mask(caller)),
            Function::PeUnmask => {
                self.change(host, |state| state.unmask(caller));
                done(())
            }
            Function::InterruptBind => self.bind(call, host)?,
            Function::InterruptRelease => self.release(call, host)?,
            Function::EventSignal => self.signal_software(call, host)?,
            Function::Features => self.features(call)?,
            Function::PrivateReset => self.change(host, |state| state.private_reset(caller)).map(done)?,
            Function::SharedReset => self.shared_reset(host)?,
        };
        Ok(Outcome::Return(Results::of(x0)))
    }

    fn set_enablement(
        &self,
        call: &mut Call<'_>,
        host: &dyn Host,
        enablement: Enablement,
    ) -> Result<u64, Status> {
        let number = event_number(call);
        self.change(host, |state| state.set_enablement(call.caller(), number, enablement)).map(done)
    }
}

impl<L: Lock<State>> Service for Sdei<L> {
    fn name(&self) -> &'static str {
        "sdei"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration {
            owned: &const { [Range::literal(sdei::FIRST_64, sdei::FUNCTION_COUNT)] },
            denied: &[],
            conduits: Conduits::Both,
        }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let is_one_of_ours = call.caller().0 < self.power.len();
        match Function::from_id(call.function()).filter(|_| is_one_of_ours) {
            Some(function) => self.answer(function, call, host).unwrap_or_else(Outcome::from),
            None => Status::NOT_SUPPORTED.into(),
        }
    }

    /// Nothing is read of a CPU for which there is no event: a kick ends an access to a device, and a sleep, only for one.
    fn before_entry(&self, context: &mut Context<'_>, host: &dyn Host) {
        let cpu = context.cpu();
        if cpu.0 >= self.power.len() || !self.state.with(|state| state.has_for(cpu)) {
            return;
        }
        let interrupted = save(context);
        let sctlr_el1 = context.read_system(SystemRegister::SctlrEl1);
        if context.fault().is_some() {
            return;
        }
        // By now the event may have gone to another CPU, or have been disabled.
        let Some(taken) = self.change(host, |state| state.take(cpu, interrupted)) else {
            return;
        };
        // First of all: KVM cuts what is written to a CPU that is in AArch32 to 32 bits, PC among it.
        context.write_system(SystemRegister::Pstate, pstate::after_exception(interrupted.pstate, sctlr_el1));
        context.write(Register::X0, u64::from(taken.event.0));
        context.write(Register::X1, taken.argument);
        context.write(Register::X2, interrupted.pc);
        context.write(Register::X3, interrupted.pstate);
        context.write_system(SystemRegister::Pc, taken.entry_point);
    }

    fn cpu_off(&self, cpu: CpuIndex, host: &dyn Host) {
        if cpu.0 < self.power.len() {
            self.change(host, |state| state.off(cpu));
        }
    }
}

fn save(context: &mut Context<'_>) -> SavedContext {
    let mut x = [0; Register::COUNT];
    for register in Register::all() {
        x[register.index()] = context.read(register);
    }
    SavedContext {
        x,
        pc: context.read_system(SystemRegister::Pc),
        pstate: context.read_system(SystemRegister::Pstate),
    }
}

/// The event that a call is about: a 32-bit number (DEN0054, section 5.1).
fn event_number(call: &mut Call<'_>) -> EventNumber {
    EventNumber(call.argument32(Register::X1))
}

/// An address that code can be at.
fn code_address(address: u64) -> Result<u64, Status> {
    if address.is_multiple_of(4) { Ok(address) } else { Err(Status::INVALID_PARAMETERS) }
}

fn done((): ()) -> u64 {
    Status::SUCCESS.to_x0()
}

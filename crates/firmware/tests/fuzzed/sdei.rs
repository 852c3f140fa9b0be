//! Bytes, taken for what a guest with three CPUs calls, what its machine raises, and when CPUs enter the guest, start and go
//! off. What must hold is looked at after each.

use std::{
    cell::RefCell,
    collections::HashSet,
    sync::{Arc, Mutex},
};

use switchboard_firmware::{
    Call, Context, CpuIndex, Host, Lock, Outcome, RegisterFault, Registers, Service, SystemRegister,
    psci::PowerTable,
    sdei::{
        Bindable, Destination, Enablement, Event, EventDescription, EventKind, EventNumber, Level, Mask,
        Origin, Pending, Priority, Routing, Sdei, Signalled, State,
    },
};
use switchboard_smccc::{Conduit, FunctionId, InterruptId, Mpidr, Register};

const CPUS: usize = 3;
const AFFINITIES: [u64; CPUS] = [0, 1, 0x100];
const INTERRUPTS: [InterruptId; 2] = [InterruptId(40), InterruptId(41)];
/// Event 0, the machine's, the interrupts', and one that there is not.
const EVENTS: [u64; 8] =
    [0, 0x4000_0001, 0x4000_0002, 0x4000_0003, 0x4000_0004, 0x6000_0000, 0x6000_0001, 0x4000_0005];
const HANDLERS: u64 = 0x1_0000;

/// A lock for SDEI.
struct Guarded<T>(Mutex<T>);

impl<T: Send> Lock<T> for Guarded<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap())
    }
}

/// Who has been kicked, and which interrupts are to be asked for.
#[derive(Default)]
struct Machine {
    kicked: RefCell<HashSet<usize>>,
    rerouted: RefCell<HashSet<InterruptId>>,
}

impl Host for Machine {
    fn kick(&self, cpu: CpuIndex) {
        self.kicked.borrow_mut().insert(cpu.0);
    }

    fn rerouted(&self, interrupt: InterruptId) {
        self.rerouted.borrow_mut().insert(interrupt);
    }
}

/// A CPU's registers, and what it was doing when each of its handlers began.
#[derive(Debug, Clone, Default)]
struct Cpu {
    on: bool,
    now: Bank,
    stack: Vec<(EventNumber, Bank)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bank {
    x: [u64; Register::COUNT],
    pc: u64,
    pstate: u64,
}

impl Registers for Bank {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        Ok(self.x[register.index()])
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.x[register.index()] = value;
        Ok(())
    }

    fn read_system(&mut self, register: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(match register {
            SystemRegister::Pc => self.pc,
            SystemRegister::Pstate => self.pstate,
            _ => 0,
        })
    }

    fn write_system(&mut self, register: SystemRegister, value: u64) -> Result<(), RegisterFault> {
        match register {
            SystemRegister::Pc => self.pc = value,
            SystemRegister::Pstate => self.pstate = value,
            _ => panic!("an event changes PC and PSTATE and no other"),
        }
        Ok(())
    }
}

struct Run {
    sdei: Sdei<Guarded<State>>,
    machine: Machine,
    cpus: [Cpu; CPUS],
    /// Where each interrupt goes, as far as the machine knows.
    destinations: [Destination; 2],
    steps: u64,
    taken: usize,
}

/// Does what the bytes say, four of them a step. How many events were taken?
pub(crate) fn exercise(bytes: &[u8]) -> usize {
    let mut run = Run::new();
    for step in bytes.chunks_exact(4) {
        run.steps += 1;
        run.step([step[0], step[1], step[2], step[3]].map(usize::from));
        run.check();
    }
    run.taken
}

impl Run {
    fn new() -> Self {
        let power = Arc::new(PowerTable::new(&AFFINITIES.map(Mpidr::from_register)));
        let event = |number: u64, kind, priority| EventDescription {
            number: EventNumber(u32::try_from(number).unwrap()),
            kind,
            priority,
        };
        let events = [
            event(EVENTS[1], EventKind::Shared, Priority::Normal),
            event(EVENTS[2], EventKind::Shared, Priority::Critical),
            event(EVENTS[3], EventKind::Private, Priority::Normal),
            event(EVENTS[4], EventKind::Private, Priority::Critical),
        ];
        let interrupts = [(INTERRUPTS[0], Priority::Normal), (INTERRUPTS[1], Priority::Critical)]
            .map(|(interrupt, priority)| Bindable { interrupt, priority });
        let sdei = Sdei::new(power, &events, &interrupts).unwrap();
        Self {
            sdei,
            machine: Machine::default(),
            cpus: core::array::from_fn(|cpu| Cpu { on: cpu == 0, ..Cpu::default() }),
            destinations: [Destination::InterruptController; 2],
            steps: 0,
            taken: 0,
        }
    }

    fn step(&mut self, [what, who, event, how]: [usize; 4]) {
        let cpu = who % CPUS;
        let event = EVENTS[event % EVENTS.len()];
        match what % 16 {
            0..3 => self.enter(cpu),
            3 => self.signal(event, (how % 5 < 4).then_some(how % 5)),
            4 => {
                let level = if how % 2 == 0 { Level::Low } else { Level::High };
                let taker = self.sdei.set_level(INTERRUPTS[who % 2], level);
                self.machine.kicked.borrow_mut().extend(taker.map(|cpu| cpu.0));
            }
            5 if how < 32 => self.off(cpu),
            5 => self.cpus[cpu].on = true,
            6 if how < 32 => {
                self.sdei.restore(self.sdei.state()).unwrap();
                self.machine.kicked.borrow_mut().extend(0..CPUS);
            }
            6 => self.listen(cpu, how),
            // The calls that lead to handlers, and then all of them.
            7 => self.call(cpu, 0x21, event, how),
            8 => self.call(cpu, 0x22, event, how),
            9 => self.call(cpu, 0x2c, event, how),
            10 => self.call(cpu, 0x25, event, how),
            _ => self.call(cpu, 0x20 + u32::try_from(how % 32).unwrap(), event, who / 4),
        }
    }

    /// As a guest that begins: everything is bound, registered and enabled, and the CPU unmasked.
    fn listen(&mut self, cpu: usize, how: usize) {
        (0..2).for_each(|interrupt| self.call(cpu, 0x2d, 0, interrupt));
        for event in EVENTS {
            self.call(cpu, 0x21, event, how);
            self.call(cpu, 0x22, event, 0);
        }
        self.call(cpu, 0x2c, 0, 0);
    }

    fn signal(&self, event: u64, cpu: Option<usize>) {
        let number = EventNumber(u32::try_from(event).unwrap());
        if let Ok(Signalled::Kick(cpu)) = self.sdei.signal(number, cpu.map(CpuIndex)) {
            self.machine.kick(cpu);
        }
    }

    fn enter(&mut self, cpu: usize) {
        if !self.cpus[cpu].on {
            return;
        }
        self.machine.kicked.borrow_mut().remove(&cpu);
        let before = self.cpus[cpu].now;
        let mut now = before;
        self.sdei.before_entry(&mut Context::new(CpuIndex(cpu), &mut now), &self.machine);
        if now == before {
            return;
        }
        assert_eq!(self.sdei.mask(CpuIndex(cpu)), Some(Mask::Unmasked));
        let number = EventNumber(u32::try_from(now.x[0]).unwrap());
        assert_eq!((now.pc, now.x[1]), (HANDLERS + now.x[0] * 4, !now.x[0]), "its own handler and argument");
        assert_eq!((now.x[2], now.x[3]), (before.pc, before.pstate));
        assert_eq!(now.x[4..], before.x[4..]);
        let handler = self.sdei.handler(number, CpuIndex(cpu)).unwrap();
        assert_eq!(handler.running, Some(CpuIndex(cpu)));
        self.cpus[cpu].stack.push((number, before));
        self.cpus[cpu].now = now;
        self.taken += 1;
        self.scramble(cpu);
    }

    /// The guest goes on: no two moments of it are the same.
    fn scramble(&mut self, cpu: usize) {
        let now = &mut self.cpus[cpu].now;
        now.x = core::array::from_fn(|register| self.steps << 8 | u64::try_from(register).unwrap());
        now.pc = 0x8000_0000 + self.steps * 4;
    }

    fn off(&mut self, cpu: usize) {
        self.sdei.cpu_off(CpuIndex(cpu), &self.machine);
        self.machine.kicked.borrow_mut().remove(&cpu);
        self.cpus[cpu] = Cpu::default();
    }

    fn call(&mut self, cpu: usize, number: u32, event: u64, how: usize) {
        if !self.cpus[cpu].on {
            return;
        }
        let affinity = AFFINITIES[how % CPUS];
        let first = match number {
            0x24 => u64::try_from(how % 20).unwrap(),
            0x26 => 0x9000_0000,
            0x2d => u64::from(INTERRUPTS[how % 2].0),
            _ => event,
        };
        let mode = u64::from(how % 4 == 3);
        let arguments = match number {
            0x21 => [first, HANDLERS + event * 4, !event, mode, affinity],
            0x2a => [first, mode, affinity, 0, 0],
            0x2f => [first, affinity, 0, 0, 0],
            _ => [first, u64::try_from(how % 6).unwrap(), 0, 0, 0],
        };
        let mut bank = self.cpus[cpu].now;
        bank.x[1..6].copy_from_slice(&arguments);
        let id = FunctionId(0xc400_0000 + number);
        let mut call = Call::new(id, Conduit::Hvc, CpuIndex(cpu), &mut bank);
        match self.sdei.call(&mut call, &self.machine) {
            Outcome::Restore(restored) => {
                let (_, before) = self.cpus[cpu].stack.pop().expect("a handler runs");
                let context = restored.context;
                assert_eq!(context.x, before.x);
                match restored.exception_return {
                    None => assert_eq!((context.pc, context.pstate), (before.pc, before.pstate)),
                    Some(from) => {
                        assert_eq!((context.pc, context.pstate & 0x3cf), (0x9000_0000, 0x3c5));
                        assert_eq!((from.address, from.pstate), (before.pc, before.pstate));
                    }
                }
                self.cpus[cpu].now = Bank { x: context.x, pc: context.pc, pstate: context.pstate };
            }
            outcome => assert!(outcome.results().is_some()),
        }
        for interrupt in self.machine.rerouted.take() {
            let place = INTERRUPTS.iter().position(|&it| it == interrupt).unwrap();
            self.destinations[place] = self.sdei.destination(interrupt);
        }
    }

    fn check(&self) {
        let state = self.sdei.state();
        for (cpu, Cpu { on, stack, .. }) in self.cpus.iter().enumerate() {
            let pe = &state.pes[cpu];
            assert!(*on || pe.mask == Mask::Masked, "who is off is masked");
            let active: Vec<_> = [pe.normal, pe.critical].into_iter().flatten().map(|it| it.event).collect();
            let handled: Vec<_> = stack.iter().map(|(event, _)| *event).collect();
            assert_eq!(active, handled, "critical above normal, and one of each");
        }
        for (place, interrupt) in INTERRUPTS.into_iter().enumerate() {
            assert_eq!(self.sdei.destination(interrupt), self.destinations[place], "the machine knows");
        }
        for event in &state.events {
            for place in 0..event.handlers.len() {
                self.check_nobody_is_forgotten(&state, event, place);
            }
        }
    }

    /// If somebody can take an event, one who can has been kicked.
    fn check_nobody_is_forgotten(&self, state: &State, event: &Event, place: usize) {
        let handler = &event.handlers[place];
        let Some(registration) = handler.registration else { return };
        let is_pending = match event.origin {
            Origin::Software | Origin::Machine => handler.pending == Pending::Yes,
            Origin::Interrupt { level, .. } => level == Level::High,
        };
        if !is_pending || registration.enablement == Enablement::Disabled || handler.running.is_some() {
            return;
        }
        let can_take = |cpu: &usize| {
            let pe = &state.pes[*cpu];
            let is_free = pe.critical.is_none()
                && (pe.normal.is_none() || event.description.priority == Priority::Critical);
            let is_routed =
                registration.routing == Routing::Any || registration.routing == Routing::Pe(CpuIndex(*cpu));
            pe.mask == Mask::Unmasked && is_free && is_routed
        };
        let takers: Vec<_> = (0..CPUS).filter(can_take).collect();
        let kicked = self.machine.kicked.borrow();
        assert!(takers.is_empty() || takers.iter().any(|cpu| kicked.contains(cpu)), "{event:?}: {takers:?}");
    }
}

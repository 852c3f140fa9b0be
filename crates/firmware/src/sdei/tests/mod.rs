//! SDEI at the level of registers.

mod completion;
mod configuration;
mod delivery;
mod interrupts;
mod nesting;
mod power;
mod pstate;
mod queries;
mod registration;
mod reset;
mod routing;
mod saved;
mod signals;
mod unregistration;

use std::{cell::RefCell, sync::Arc, vec::Vec};

use switchboard_smccc::{Conduit, FunctionId, InterruptId, Mpidr, Register};

use super::*;
use crate::{
    Call, Context, CpuIndex, ExceptionReturn, Outcome, RegisterFault, Registers, Service, SystemRegister,
    psci::PowerTable,
    testing::{ScriptedHost, TestLock},
};

const VERSION: u32 = 0xc400_0020;
const REGISTER: u32 = 0xc400_0021;
const ENABLE: u32 = 0xc400_0022;
const DISABLE: u32 = 0xc400_0023;
const CONTEXT: u32 = 0xc400_0024;
const COMPLETE: u32 = 0xc400_0025;
const COMPLETE_AND_RESUME: u32 = 0xc400_0026;
const UNREGISTER: u32 = 0xc400_0027;
const STATUS: u32 = 0xc400_0028;
const GET_INFO: u32 = 0xc400_0029;
const ROUTING_SET: u32 = 0xc400_002a;
const PE_MASK: u32 = 0xc400_002b;
const PE_UNMASK: u32 = 0xc400_002c;
const BIND: u32 = 0xc400_002d;
const RELEASE: u32 = 0xc400_002e;
const SIGNAL: u32 = 0xc400_002f;
const FEATURES: u32 = 0xc400_0030;
const PRIVATE_RESET: u32 = 0xc400_0031;
const SHARED_RESET: u32 = 0xc400_0032;

const SUCCESS: u64 = 0;
const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
const INVALID_PARAMETERS: u64 = 0xffff_ffff_ffff_fffe;
const DENIED: u64 = 0xffff_ffff_ffff_fffd;
const PENDING: u64 = 0xffff_ffff_ffff_fffb;

/// Status: registered, enabled, running.
const G: u64 = 0b001;
const EG: u64 = 0b011;
const REG: u64 = 0b111;
const R: u64 = 0b100;

/// What must not be taken for the upper half of a 32-bit argument.
const DIRTY: u64 = 0xdead_beef_0000_0000;

/// The events of the machine under test.
const PRIVATE: u64 = 0x4000_0001;
const PRIVATE_CRITICAL: u64 = 0x4000_0002;
const SHARED: u64 = 0x4000_0003;
const SHARED_CRITICAL: u64 = 0x4000_0004;
/// The interrupts that can be bound, and their events.
const LINE: u64 = 40;
const CRITICAL_LINE: u64 = 41;
const BOUND: u64 = 0x6000_0000;

const ENTRY: u64 = 0xffff_8000_1000_0000;
const ARGUMENT: u64 = 0xffff_0000_dead_0000;
const RM_ANY: u64 = 0;
const RM_PE: u64 = 1;

/// The affinities of CPUs 0 to 2.
const AFFINITIES: [u64; 3] = [0, 1, 0x1_0000_0100];

/// EL1h, all masked; EL0.
const HANDLER: u64 = 0x3c5;
const EL0: u64 = 0;
/// M[4].
const AARCH32: u64 = 1 << 4;

/// The registers of a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Bank {
    x: [u64; 18],
    pc: u64,
    pstate: u64,
    sctlr_el1: u64,
    elr_el1: u64,
    spsr_el1: u64,
    /// How many accesses there were.
    accesses: usize,
    fails: bool,
}

impl Bank {
    fn system(&mut self, register: SystemRegister) -> &mut u64 {
        match register {
            SystemRegister::SctlrEl1 => &mut self.sctlr_el1,
            SystemRegister::Pc => &mut self.pc,
            SystemRegister::Pstate => &mut self.pstate,
            SystemRegister::ElrEl1 => &mut self.elr_el1,
            SystemRegister::SpsrEl1 => &mut self.spsr_el1,
        }
    }

    /// After each write, as KVM does (`set_core_reg`): a CPU that is in AArch32 has registers of 32 bits.
    fn narrow(&mut self) {
        if self.pstate & AARCH32 != 0 {
            let (narrow, _) = self.x.split_at_mut(15);
            narrow.iter_mut().chain([&mut self.pc]).for_each(|register| *register &= 0xffff_ffff);
        }
    }

    fn access(&mut self) -> Result<(), RegisterFault> {
        self.accesses += 1;
        if self.fails { Err(RegisterFault { errno: 5 }) } else { Ok(()) }
    }
}

impl Registers for Bank {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        self.access()?;
        Ok(self.x[register.index()])
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.access()?;
        self.x[register.index()] = value;
        self.narrow();
        Ok(())
    }

    fn read_system(&mut self, register: SystemRegister) -> Result<u64, RegisterFault> {
        self.access()?;
        Ok(*self.system(register))
    }

    fn write_system(&mut self, register: SystemRegister, value: u64) -> Result<(), RegisterFault> {
        self.access()?;
        *self.system(register) = value;
        self.narrow();
        Ok(())
    }
}

/// Three CPUs, four events beside event 0, two interrupts that can be bound.
struct Machine {
    sdei: Sdei<TestLock<State>>,
    host: ScriptedHost,
    cpus: [RefCell<Bank>; 3],
}

impl Machine {
    fn new() -> Self {
        let cpus: [RefCell<Bank>; 3] = [0, 1, 2].map(|cpu: u64| {
            let mut bank = Bank { pc: 0x40_0000 + 0x1000 * cpu, pstate: EL0, ..Bank::default() };
            bank.x = core::array::from_fn(|number| cpu << 32 | u64::try_from(number).unwrap() << 8 | 0x77);
            RefCell::new(bank)
        });
        Self { sdei: sdei(), host: ScriptedHost::default(), cpus }
    }

    /// Where every CPU is unmasked.
    fn unmasked() -> Self {
        let machine = Self::new();
        (0..3).for_each(|cpu| assert_eq!(machine.call(cpu, PE_UNMASK, []), SUCCESS));
        machine
    }

    /// What a call leads to, all of its registers dirty but for those that are said. The caller's own registers are kept.
    fn outcome<const N: usize>(&self, cpu: usize, id: u32, arguments: [u64; N]) -> Outcome {
        let mut bank = *self.cpus[cpu].borrow();
        bank.x = [DIRTY; 18];
        bank.x[1..=N].copy_from_slice(&arguments);
        let mut call = Call::new(FunctionId(id), Conduit::Smc, CpuIndex(cpu), &mut bank);
        let outcome = self.sdei.call(&mut call, &self.host);
        if let Some(results) = outcome.results() {
            assert!(results.iter().all(|(register, _)| register == Register::X0), "only x0 changes");
        }
        outcome
    }

    /// What is in x0 after a call.
    #[track_caller]
    fn call<const N: usize>(&self, cpu: usize, id: u32, arguments: [u64; N]) -> u64 {
        self.outcome(cpu, id, arguments).results().expect("the call returns").x0()
    }

    /// A call that ends a handler: the CPU's registers afterwards.
    #[track_caller]
    fn end<const N: usize>(&self, cpu: usize, id: u32, arguments: [u64; N]) -> Bank {
        let Outcome::Restore(restored) = self.outcome(cpu, id, arguments) else {
            panic!("the handler goes on");
        };
        let mut bank = self.cpus[cpu].borrow_mut();
        (bank.x, bank.pc, bank.pstate) = (restored.context.x, restored.context.pc, restored.context.pstate);
        if let Some(ExceptionReturn { address, pstate }) = restored.exception_return {
            (bank.elr_el1, bank.spsr_el1) = (address, pstate);
        }
        *bank
    }

    #[track_caller]
    fn complete(&self, cpu: usize) -> Bank {
        self.end(cpu, COMPLETE, [0])
    }

    /// The CPU is about to enter the guest: its registers then.
    fn enter(&self, cpu: usize) -> Bank {
        let mut bank = self.cpus[cpu].borrow_mut();
        bank.accesses = 0;
        self.sdei.before_entry(&mut Context::new(CpuIndex(cpu), &mut *bank), &self.host);
        *bank
    }

    /// The same of a CPU that has an event: its number.
    #[track_caller]
    fn takes(&self, cpu: usize) -> u64 {
        let bank = self.enter(cpu);
        assert_ne!(bank.accesses, 0, "it takes an event");
        bank.x[0]
    }

    #[track_caller]
    fn takes_nothing(&self, cpu: usize) {
        let before = *self.cpus[cpu].borrow();
        assert_eq!(self.enter(cpu), Bank { accesses: 0, ..before }, "it takes nothing");
    }

    /// Registered and enabled, on any CPU, by this one.
    #[track_caller]
    fn listen(&self, cpu: usize, event: u64) {
        assert_eq!(self.call(cpu, REGISTER, [event, ENTRY, ARGUMENT, RM_ANY, 0]), SUCCESS);
        assert_eq!(self.call(cpu, ENABLE, [event]), SUCCESS);
    }

    /// Registered on this CPU alone, and enabled.
    #[track_caller]
    fn listen_on(&self, cpu: usize, event: u64) {
        let routing = [event, ENTRY, ARGUMENT, RM_PE, AFFINITIES[cpu]];
        assert_eq!(self.call(0, REGISTER, routing), SUCCESS);
        assert_eq!(self.call(0, ENABLE, [event]), SUCCESS);
    }

    fn signal(&self, event: u64, cpu: Option<usize>) -> Result<Signalled, NotSignalled> {
        self.sdei.signal(number(event), cpu.map(CpuIndex))
    }

    fn set_level(&self, interrupt: u64, level: Level) -> Option<usize> {
        self.sdei.set_level(InterruptId(u32::try_from(interrupt).unwrap()), level).map(|cpu| cpu.0)
    }

    fn destination(&self, interrupt: u64) -> Destination {
        self.sdei.destination(InterruptId(u32::try_from(interrupt).unwrap()))
    }

    /// Who has been kicked since the last time.
    fn kicked(&self) -> Vec<usize> {
        self.host.kicked.take().into_iter().map(|cpu| cpu.0).collect()
    }

    fn rerouted(&self) -> Vec<u32> {
        self.host.rerouted.take().into_iter().map(|interrupt| interrupt.0).collect()
    }
}

fn number(event: u64) -> EventNumber {
    EventNumber(u32::try_from(event).unwrap())
}

fn power() -> Arc<PowerTable> {
    Arc::new(PowerTable::new(&AFFINITIES.map(Mpidr::from_register)))
}

fn events() -> [EventDescription; 4] {
    let event = |event, kind, priority| EventDescription { number: number(event), kind, priority };
    [
        event(PRIVATE, EventKind::Private, Priority::Normal),
        event(PRIVATE_CRITICAL, EventKind::Private, Priority::Critical),
        event(SHARED, EventKind::Shared, Priority::Normal),
        event(SHARED_CRITICAL, EventKind::Shared, Priority::Critical),
    ]
}

fn interrupts() -> [Bindable; 2] {
    [
        Bindable { interrupt: InterruptId(40), priority: Priority::Normal },
        Bindable { interrupt: InterruptId(41), priority: Priority::Critical },
    ]
}

fn sdei() -> Sdei<TestLock<State>> {
    Sdei::new(power(), &events(), &interrupts()).unwrap()
}

fn kick(cpu: usize) -> Result<Signalled, NotSignalled> {
    Ok(Signalled::Kick(CpuIndex(cpu)))
}

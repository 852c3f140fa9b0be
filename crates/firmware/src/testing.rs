//! Registers and hosts for tests.

use std::{cell::RefCell, collections::HashMap, sync::Mutex, time::Duration, vec::Vec};

use switchboard_smccc::{Conduit, FunctionId, InterruptId, Ipa, Register};

use crate::{
    Call, CpuIndex, Host, Lock, NoEntropy, NotMemory, Outcome, RegisterFault, Registers, Report, Service,
    SystemRegister, WallClock,
};

/// What a service made of a call, and which registers that took.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) reads: Vec<Register>,
    pub(crate) writes: Vec<(Register, u64)>,
}

impl Answer {
    /// What is in x0 afterwards.
    #[track_caller]
    pub(crate) fn x0(&self) -> u64 {
        self.outcome.results().expect("the call returns").x0()
    }

    /// What is in x0 to x3 afterwards, where all of them are results.
    #[track_caller]
    pub(crate) fn x0_to_x3(&self) -> [u64; 4] {
        let results: Vec<_> = self.outcome.results().expect("the call returns").iter().collect();
        let numbers: Vec<_> = results.iter().map(|(register, _)| register.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
        [results[0].1, results[1].1, results[2].1, results[3].1]
    }
}

/// A call of the boot CPU, to this service, with x1 to x3.
pub(crate) fn answer(service: &dyn Service, host: &dyn Host, id: u32, arguments: [u64; 3]) -> Answer {
    answer_to(CpuIndex(0), service, host, id, arguments)
}

pub(crate) fn answer_to(
    caller: CpuIndex,
    service: &dyn Service,
    host: &dyn Host,
    id: u32,
    [x1, x2, x3]: [u64; 3],
) -> Answer {
    let mut registers = ScriptedRegisters::new([(Register::X1, x1), (Register::X2, x2), (Register::X3, x3)]);
    let mut call = Call::new(FunctionId(id), Conduit::Smc, caller, &mut registers);
    let outcome = service.call(&mut call, host);
    if let Some(results) = outcome.results() {
        call.complete(&results).unwrap();
    }
    Answer { outcome, reads: registers.reads, writes: registers.writes }
}

/// Registers with scripted values that remember what was done to them.
#[derive(Default)]
pub(crate) struct ScriptedRegisters {
    values: HashMap<Register, u64>,
    pub(crate) sctlr_el1: u64,
    /// The other system registers.
    pub(crate) system: HashMap<SystemRegister, u64>,
    /// How often a [`Context`](crate::Context) interrupted the CPU.
    pub(crate) settled: usize,
    fault: Option<RegisterFault>,
    pub(crate) reads: Vec<Register>,
    pub(crate) system_reads: usize,
    pub(crate) writes: Vec<(Register, u64)>,
}

impl ScriptedRegisters {
    pub(crate) fn new<const N: usize>(values: [(Register, u64); N]) -> Self {
        Self { values: HashMap::from(values), ..Self::default() }
    }

    pub(crate) fn failing(errno: i32) -> Self {
        Self { fault: Some(RegisterFault { errno }), ..Self::default() }
    }

    fn result<T>(&self, value: T) -> Result<T, RegisterFault> {
        self.fault.map_or(Ok(value), Err)
    }
}

impl Registers for ScriptedRegisters {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        self.reads.push(register);
        self.result(self.values.get(&register).copied().unwrap_or(0))
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.writes.push((register, value));
        self.result(())
    }

    fn read_system(&mut self, register: SystemRegister) -> Result<u64, RegisterFault> {
        self.system_reads += 1;
        let value = match register {
            SystemRegister::SctlrEl1 => self.sctlr_el1,
            other => self.system.get(&other).copied().unwrap_or(0),
        };
        self.result(value)
    }

    fn write_system(&mut self, register: SystemRegister, value: u64) -> Result<(), RegisterFault> {
        match register {
            SystemRegister::SctlrEl1 => self.sctlr_el1 = value,
            other => drop(self.system.insert(other, value)),
        }
        self.result(())
    }

    fn settle(&mut self) -> Result<(), RegisterFault> {
        self.settled += 1;
        self.result(())
    }
}

/// A machine with 1 GiB of memory at 1 GiB.
pub(crate) struct OneGigabyte;

impl Host for OneGigabyte {
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        let end = address.0.checked_add(length);
        address.0 >= 0x4000_0000 && end.is_some_and(|end| end <= 0x8000_0000)
    }
}

/// Who said so, the parameters, and the message.
pub(crate) type Crash = (CpuIndex, [u64; 5], Option<Vec<u8>>);

/// A machine that lends what a test says.
#[derive(Default)]
pub(crate) struct ScriptedHost {
    pub(crate) now: Option<Duration>,
    pub(crate) wall_clock: Option<WallClock>,
    /// What [`Host::entropy`] gives, from the front; it fails once there is not enough.
    pub(crate) entropy: RefCell<Vec<u8>>,
    /// How often and for how many bytes it was asked.
    pub(crate) asked: RefCell<Vec<usize>>,
    pub(crate) memory: Option<(u64, u64)>,
    pub(crate) written: RefCell<Vec<(Ipa, Vec<u8>)>>,
    /// What can be read, from the address on.
    pub(crate) readable: Option<(u64, Vec<u8>)>,
    /// Who was kicked, in that order.
    pub(crate) kicked: RefCell<Vec<CpuIndex>>,
    /// Which interrupts the machine was to look at.
    pub(crate) rerouted: RefCell<Vec<InterruptId>>,
    /// The parameters and the message of each crash.
    pub(crate) crashes: RefCell<Vec<Crash>>,
}

impl Host for ScriptedHost {
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        let end = address.0.checked_add(length);
        self.memory.is_some_and(|(first, last)| address.0 >= first && end.is_some_and(|end| end <= last))
    }

    fn write_memory(&self, address: Ipa, bytes: &[u8]) -> Result<(), NotMemory> {
        if !self.is_memory(address, u64::try_from(bytes.len()).unwrap()) {
            return Err(NotMemory);
        }
        self.written.borrow_mut().push((address, bytes.to_vec()));
        Ok(())
    }

    fn read_memory(&self, address: Ipa, bytes: &mut [u8]) -> Result<(), NotMemory> {
        let (start, memory) = self.readable.as_ref().ok_or(NotMemory)?;
        let offset = address.0.checked_sub(*start).and_then(|offset| usize::try_from(offset).ok());
        let range = offset.and_then(|offset| Some(offset..offset.checked_add(bytes.len())?));
        bytes.copy_from_slice(range.and_then(|range| memory.get(range)).ok_or(NotMemory)?);
        Ok(())
    }

    fn kick(&self, cpu: CpuIndex) {
        self.kicked.borrow_mut().push(cpu);
    }

    fn rerouted(&self, interrupt: InterruptId) {
        self.rerouted.borrow_mut().push(interrupt);
    }

    fn report(&self, report: Report<'_>) {
        let Report::Crash { cpu, parameters, message } = report;
        self.crashes.borrow_mut().push((cpu, parameters, message.map(<[u8]>::to_vec)));
    }

    fn monotonic(&self) -> Option<Duration> {
        self.now
    }

    fn wall_clock(&self) -> Option<WallClock> {
        self.wall_clock
    }

    fn entropy(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        self.asked.borrow_mut().push(bytes.len());
        let mut entropy = self.entropy.borrow_mut();
        if entropy.len() < bytes.len() {
            return Err(NoEntropy);
        }
        let rest = entropy.split_off(bytes.len());
        bytes.copy_from_slice(&entropy);
        *entropy = rest;
        Ok(())
    }
}

/// A lock for services that need one.
pub(crate) struct TestLock<T>(Mutex<T>);

impl<T: Send> Lock<T> for TestLock<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap())
    }
}

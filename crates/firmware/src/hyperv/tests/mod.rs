//! Hyper-V at the register level, with the values of Linux and of the TLFS.

mod crash;
mod declared;
mod fast;
mod linux;
mod memory;
mod registers;
mod saved;

use std::{
    cell::{Cell, RefCell},
    time::Duration,
    vec,
    vec::Vec,
};

use switchboard_smccc::{Conduit, FunctionId, Ipa, Register};

use super::*;
use crate::{
    Call, CpuIndex, Firmware, Host, NotMemory, Outcome, RegisterFault, Registers, Report, Service,
    SystemRegister, testing::Crash,
};

const HV_HYPERCALL: u64 = 0x4600_0001;

const SUCCESS: u64 = 0;
const INVALID_HYPERCALL_CODE: u64 = 2;
const INVALID_HYPERCALL_INPUT: u64 = 3;
const INVALID_ALIGNMENT: u64 = 4;
const INVALID_PARAMETER: u64 = 5;
const ACCESS_DENIED: u64 = 6;
const INVALID_PARTITION_ID: u64 = 0xd;
const INVALID_VP_INDEX: u64 = 0xe;
const INVALID_REGISTER_VALUE: u64 = 0x50;

const GET: u64 = 0x50;
const SET: u64 = 0x51;
const FAST: u64 = 1 << 16;
/// The number of elements, in its place in the control word.
const fn count(reps: u64) -> u64 {
    reps << 32
}
/// The first element, in its place.
const fn start(rep: u64) -> u64 {
    rep << 48
}
/// The number of elements that are done, in its place in the result word.
const fn done(reps: u64) -> u64 {
    reps << 32
}

const SELF: u64 = u64::MAX;
const VP_SELF: u64 = 0xffff_fffe;

const VERSION: u64 = 0x100;
const PRIVILEGES: u64 = 0x200;
const FEATURES: u64 = 0x201;
const LIMITS: u64 = 0x202;
const CRASH_P0: u64 = 0x210;
const CRASH_CTL: u64 = 0x215;
const GUEST_OS_ID: u64 = 0x9_0002;
const VP_INDEX: u64 = 0x9_0003;
const TIME_REF_COUNT: u64 = 0x9_0004;

/// Where the guest has four pages of memory.
const MEMORY: u64 = 0x4000_0000;
const END: u64 = MEMORY + 0x4000;
/// What is in a register that a test says nothing about.
const DIRTY: u64 = 0xdead_beef_0000_0000;

/// Its registers, of one CPU.
type Bank = [u64; 18];

struct Cpu {
    x: Bank,
    reads: Vec<u8>,
    writes: Vec<u8>,
}

impl Registers for Cpu {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        self.reads.push(register.number());
        Ok(self.x[register.index()])
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.writes.push(register.number());
        self.x[register.index()] = value;
        Ok(())
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(0)
    }
}

/// A guest with three CPUs, and its machine.
struct Guest {
    hyper_v: HyperV,
    memory: RefCell<Vec<u8>>,
    /// 1.5 seconds, at first.
    now: Cell<Option<Duration>>,
    crashes: RefCell<Vec<Crash>>,
    reads_of_memory: Cell<usize>,
}

impl Host for Guest {
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        address.0 >= MEMORY && address.0.checked_add(length).is_some_and(|end| end <= END)
    }

    fn read_memory(&self, address: Ipa, bytes: &mut [u8]) -> Result<(), NotMemory> {
        self.reads_of_memory.set(self.reads_of_memory.get() + 1);
        let range = self.range(address, bytes.len())?;
        bytes.copy_from_slice(&self.memory.borrow()[range]);
        Ok(())
    }

    fn write_memory(&self, address: Ipa, bytes: &[u8]) -> Result<(), NotMemory> {
        let range = self.range(address, bytes.len())?;
        self.memory.borrow_mut()[range].copy_from_slice(bytes);
        Ok(())
    }

    fn monotonic(&self) -> Option<Duration> {
        self.now.get()
    }

    fn report(&self, report: Report<'_>) {
        let Report::Crash { cpu, parameters, message } = report;
        self.crashes.borrow_mut().push((cpu, parameters, message.map(<[u8]>::to_vec)));
    }
}

impl Guest {
    fn new() -> Self {
        Self {
            hyper_v: HyperV::new(3),
            memory: RefCell::new(vec![0xa5; 0x4000]),
            now: Cell::new(Some(Duration::from_millis(1500))),
            crashes: RefCell::default(),
            reads_of_memory: Cell::new(0),
        }
    }

    fn range(&self, address: Ipa, length: usize) -> Result<std::ops::Range<usize>, NotMemory> {
        let length64 = u64::try_from(length).unwrap();
        if !self.is_memory(address, length64) {
            return Err(NotMemory);
        }
        let start = usize::try_from(address.0 - MEMORY).unwrap();
        Ok(start..start + length)
    }

    /// The words of memory from an address on.
    fn words(&self, address: u64, count: usize) -> Vec<u64> {
        let range = self.range(Ipa(address), 8 * count).unwrap();
        let memory = self.memory.borrow();
        memory[range].chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
    }

    fn put(&self, address: u64, words: &[u64]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.write_memory(Ipa(address), &bytes).unwrap();
    }

    /// A hypercall of a CPU: x1 and what follows it; all other registers are dirty.
    fn hypercall_on(&self, cpu: usize, arguments: &[u64]) -> Cpu {
        let mut x: Bank = std::array::from_fn(|number| DIRTY | u64::try_from(number).unwrap());
        x[0] = HV_HYPERCALL;
        x[1..=arguments.len()].copy_from_slice(arguments);
        let mut registers = Cpu { x, reads: vec![], writes: vec![] };
        let mut call = Call::new(FunctionId::from_x0(x[0]), Conduit::Hvc, CpuIndex(cpu), &mut registers);
        let results = self.hyper_v.call(&mut call, self).results().expect("the call returns");
        call.complete(&results).unwrap();
        registers
    }

    fn hypercall(&self, arguments: &[u64]) -> Cpu {
        self.hypercall_on(0, arguments)
    }

    /// Linux's way to set one register: x0 afterwards.
    fn set(&self, name: u64, value: u64) -> u64 {
        self.hypercall(&[SET | FAST | count(1), SELF, VP_SELF, name, 0, value, 0]).x[0]
    }

    /// Linux's way to get one register: x0, and x6 and x7.
    fn get_on(&self, cpu: usize, name: u64) -> (u64, [u64; 2]) {
        let after = self.hypercall_on(cpu, &[GET | FAST | count(1), SELF, VP_SELF, name]);
        (after.x[0], [after.x[6], after.x[7]])
    }

    /// The value of a register that can be read.
    #[track_caller]
    fn get(&self, name: u64) -> [u64; 2] {
        let (result, value) = self.get_on(0, name);
        assert_eq!(result, SUCCESS | done(1));
        value
    }
}

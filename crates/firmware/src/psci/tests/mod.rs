//! PSCI at the register level, with the values of the specification.

mod affinity;
mod cpu_off;
mod cpu_on;
mod features;
mod memory;
mod power;
mod races;
mod statistics;
mod suspend;
mod suspend_mode;
mod system;
mod versions;

use std::{cell::Cell, sync::Arc, time::Duration};

use switchboard_smccc::{Conduit, FunctionId, Ipa, Mpidr, Register};

use super::*;
use crate::{
    Call, CpuIndex, EntryPoint, Host, Outcome, Results, Service,
    testing::{OneGigabyte, ScriptedRegisters},
};

const SUCCESS: u64 = 0;
const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
const INVALID_PARAMETERS: u64 = 0xffff_ffff_ffff_fffe;
const DENIED: u64 = 0xffff_ffff_ffff_fffd;
const ALREADY_ON: u64 = 0xffff_ffff_ffff_fffc;
const ON_PENDING: u64 = 0xffff_ffff_ffff_fffb;
const INTERNAL_FAILURE: u64 = 0xffff_ffff_ffff_fffa;
const INVALID_ADDRESS: u64 = 0xffff_ffff_ffff_fff7;

const CPU_OFF: u32 = 0x8400_0002;
const CPU_ON: u32 = 0xc400_0003;
const AFFINITY_INFO: u32 = 0xc400_0004;
const CPU_SUSPEND: u32 = 0xc400_0001;

const STANDBY: u64 = 0x0000_0001;
const POWER_DOWN: u64 = 0x0001_0001;

const ENTRY: u64 = 0x4020_0000;
const CONTEXT: u64 = 0xfeed_f00d_dead_beef;
/// What an SMC32 argument must not be confused by.
const DIRTY: u64 = 0xdead_beef_0000_0000;

const BOOT: CpuIndex = CpuIndex(0);

/// Four CPUs with the affinities 0.0.0.0, 0.0.0.1, 0.0.1.0 and 1.0.0.0; the first is on. 1 GiB of memory at 1 GiB.
struct Machine {
    psci: Psci,
    power: Arc<PowerTable>,
    registers: ScriptedRegisters,
    lent: Lent,
}

/// What a machine lends: its memory, and a clock that a test sets.
#[derive(Default)]
struct Lent {
    now: Cell<Option<Duration>>,
}

impl Host for Lent {
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        OneGigabyte.is_memory(address, length)
    }

    fn monotonic(&self) -> Option<Duration> {
        self.now.get()
    }
}

impl Machine {
    fn new() -> Self {
        Self::of(PsciVersion::V1_3)
    }

    fn of(version: PsciVersion) -> Self {
        let affinities = [0, 1, 0x100, 0x1_0000_0000].map(Mpidr::from_register);
        let power = Arc::new(PowerTable::new(&affinities));
        power.start(BOOT, start(0, 0)).unwrap();
        let _ = power.next(BOOT);
        Self {
            psci: Psci::new(Arc::clone(&power), version),
            power,
            registers: ScriptedRegisters::default(),
            lent: Lent::default(),
        }
    }

    /// A call of the boot CPU.
    fn call(&mut self, function: u32, arguments: [u64; 3]) -> Outcome {
        self.call_by(0, function, arguments)
    }

    fn call_by(&mut self, cpu: usize, function: u32, arguments: [u64; 3]) -> Outcome {
        let [x1, x2, x3] = arguments;
        let sctlr_el1 = self.registers.sctlr_el1;
        self.registers = ScriptedRegisters::new([(Register::X1, x1), (Register::X2, x2), (Register::X3, x3)]);
        self.registers.sctlr_el1 = sctlr_el1;
        let mut call = Call::new(FunctionId(function), Conduit::Hvc, CpuIndex(cpu), &mut self.registers);
        self.psci.call(&mut call, &self.lent)
    }

    /// From off to on.
    fn turn_on(&self, cpu: usize) {
        self.power.start(CpuIndex(cpu), start(ENTRY, 0)).unwrap();
        let _ = self.power.next(CpuIndex(cpu));
    }

    fn turn_all_on(&self) {
        (1..4).for_each(|cpu| self.turn_on(cpu));
    }

    /// The policy takes CPUs away that are off.
    fn disable(&self, cpus: &[usize]) {
        cpus.iter().for_each(|&cpu| self.power.disable(CpuIndex(cpu)).unwrap());
    }

    fn set_clock(&self, microseconds: u64) {
        self.lent.now.set(Some(Duration::from_micros(microseconds)));
    }

    /// A CPU that slept goes on.
    fn wake(&self, cpu: usize) {
        self.psci.resumed(CpuIndex(cpu), &self.lent);
    }

    fn state(&self, cpu: usize) -> CpuPower {
        self.power.state(CpuIndex(cpu))
    }
}

fn start(address: u64, context: u64) -> Start {
    Start { entry: entry_point(address, context), endianness: Endianness::Little }
}

fn entry_point(address: u64, context: u64) -> EntryPoint {
    EntryPoint { address: Ipa(address), context }
}

fn returns(x0: u64) -> Outcome {
    Outcome::Return(Results::of(x0))
}

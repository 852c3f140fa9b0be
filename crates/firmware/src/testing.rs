//! Registers and hosts for tests.

use std::{collections::HashMap, vec::Vec};

use switchboard_smccc::{Ipa, Register};

use crate::{Host, RegisterFault, Registers, SystemRegister};

/// Registers with scripted values that remember what was done to them.
#[derive(Default)]
pub(crate) struct ScriptedRegisters {
    values: HashMap<Register, u64>,
    pub(crate) sctlr_el1: u64,
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
        let SystemRegister::SctlrEl1 = register;
        self.result(self.sctlr_el1)
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

//! One call of a guest.

use switchboard_smccc::{Conduit, FunctionId, Register, Width};

use crate::{CpuIndex, RegisterFault, Registers, Results, SystemRegister};

/// One call: conduit, function ID and x1 to x17, each register read when it is first asked for.
///
/// A service sees no error from a register: a failed access reads as zero and is latched, and the vCPU loop
/// finds it with [`Call::fault`] or when it completes the call. A vCPU whose registers cannot be had is lost
/// whatever the service decides.
pub struct Call<'registers> {
    function: FunctionId,
    conduit: Conduit,
    caller: CpuIndex,
    registers: &'registers mut dyn Registers,
    /// Raw values; valid where the bit in `known` is set.
    values: [u64; Register::COUNT],
    known: u32,
    fault: Option<RegisterFault>,
}

impl<'registers> Call<'registers> {
    /// A call that has just arrived.
    pub fn new(
        function: FunctionId,
        conduit: Conduit,
        caller: CpuIndex,
        registers: &'registers mut dyn Registers,
    ) -> Self {
        Self { function, conduit, caller, registers, values: [0; Register::COUNT], known: 0, fault: None }
    }

    /// The function ID without the SVE hint: services match this one.
    #[must_use]
    pub const fn function(&self) -> FunctionId {
        self.function.without_sve_hint()
    }

    /// The function ID as the guest gave it.
    #[must_use]
    pub const fn raw_function(&self) -> FunctionId {
        self.function
    }

    /// The instruction that carried the call.
    #[must_use]
    pub const fn conduit(&self) -> Conduit {
        self.conduit
    }

    /// The CPU that calls.
    #[must_use]
    pub const fn caller(&self) -> CpuIndex {
        self.caller
    }

    /// An argument in the width of the call: an SMC32 argument is a W register, its upper half is ignored
    /// (DEN0028, section 2.6).
    pub fn argument(&mut self, register: Register) -> u64 {
        match self.function.width() {
            Width::Smc32 => u64::from(self.argument32(register)),
            Width::Smc64 => self.raw(register),
        }
    }

    /// An argument that its specification declares as 32 bits wide, whatever the width of the call.
    pub fn argument32(&mut self, register: Register) -> u32 {
        let [b0, b1, b2, b3, ..] = self.raw(register).to_le_bytes();
        u32::from_le_bytes([b0, b1, b2, b3])
    }

    /// A register of the caller beside the arguments. Not remembered: ask once.
    pub fn system_register(&mut self, register: SystemRegister) -> u64 {
        match self.registers.read_system(register) {
            Ok(value) => value,
            Err(fault) => self.latch(fault),
        }
    }

    /// The first register access that failed, if any did.
    #[must_use]
    pub const fn fault(&self) -> Option<RegisterFault> {
        self.fault
    }

    /// Writes the results to the caller's registers, those only that differ from what is known to be there.
    ///
    /// # Errors
    ///
    /// [`RegisterFault`] if this or any earlier access of the call failed.
    pub fn complete(self, results: &Results) -> Result<(), RegisterFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        for (register, value) in results.iter() {
            if !(self.is_known(register) && self.values[register.index()] == value) {
                self.registers.write(register, value)?;
            }
        }
        Ok(())
    }

    const fn is_known(&self, register: Register) -> bool {
        self.known & (1 << register.number()) != 0
    }

    fn raw(&mut self, register: Register) -> u64 {
        if self.is_known(register) {
            return self.values[register.index()];
        }
        match self.registers.read(register) {
            Ok(value) => {
                self.values[register.index()] = value;
                self.known |= 1 << register.number();
                value
            }
            Err(fault) => self.latch(fault),
        }
    }

    fn latch(&mut self, fault: RegisterFault) -> u64 {
        self.fault.get_or_insert(fault);
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ScriptedRegisters;

    const CPU_ON_32: FunctionId = FunctionId(0x8400_0003);
    const CPU_ON_64: FunctionId = FunctionId(0xc400_0003);

    fn call(function: FunctionId, registers: &mut ScriptedRegisters) -> Call<'_> {
        Call::new(function, Conduit::Hvc, CpuIndex(0), registers)
    }

    #[test]
    fn a_register_is_read_when_first_asked_for_and_once() {
        let mut registers = ScriptedRegisters::new([(Register::X1, 7)]);
        let mut call = call(CPU_ON_64, &mut registers);
        assert_eq!(call.argument(Register::X1), 7);
        assert_eq!(call.argument(Register::X1), 7);
        assert_eq!(registers.reads, [Register::X1]);
    }

    #[test]
    fn an_smc32_argument_loses_its_upper_half_and_an_smc64_argument_keeps_it() {
        let mut registers = ScriptedRegisters::new([(Register::X1, 0xdead_beef_0000_0001)]);
        assert_eq!(call(CPU_ON_32, &mut registers).argument(Register::X1), 1);
        assert_eq!(call(CPU_ON_64, &mut registers).argument(Register::X1), 0xdead_beef_0000_0001);
        assert_eq!(call(CPU_ON_64, &mut registers).argument32(Register::X1), 1);
    }

    #[test]
    fn only_changed_registers_are_written() {
        let mut registers = ScriptedRegisters::new([(Register::X1, 7), (Register::X2, 8)]);
        let mut call = call(CPU_ON_64, &mut registers);
        call.argument(Register::X1);
        call.argument(Register::X2);
        let results = Results::of(0).with(Register::X1, 7).with(Register::X2, 9);
        call.complete(&results).unwrap();
        assert_eq!(registers.writes, [(Register::X0, 0), (Register::X2, 9)]);
    }

    #[test]
    fn a_dirty_register_is_rewritten_even_where_its_lower_half_is_the_result() {
        let mut registers = ScriptedRegisters::new([(Register::X1, 0xffff_ffff_0000_0007)]);
        let mut call = call(CPU_ON_32, &mut registers);
        assert_eq!(call.argument(Register::X1), 7);
        call.complete(&Results::of(0).with(Register::X1, 7)).unwrap();
        assert_eq!(registers.writes, [(Register::X0, 0), (Register::X1, 7)]);
    }

    #[test]
    fn a_failed_read_is_zero_is_latched_and_writes_nothing() {
        let mut registers = ScriptedRegisters::failing(5);
        let mut call = call(CPU_ON_64, &mut registers);
        assert_eq!(call.argument(Register::X1), 0);
        assert_eq!(call.fault(), Some(RegisterFault { errno: 5 }));
        assert_eq!(call.complete(&Results::of(0)), Err(RegisterFault { errno: 5 }));
        assert!(registers.writes.is_empty());
    }
}

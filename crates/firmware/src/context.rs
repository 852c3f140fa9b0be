//! The registers of a CPU that is about to enter the guest.

use switchboard_smccc::Register;

use crate::{CpuIndex, RegisterFault, Registers, SystemRegister};

/// A CPU that is about to enter the guest, and whose registers a service may look at and change:
/// [`Service::before_entry`](crate::Service::before_entry) has it.
///
/// Whoever accesses a register interrupts the CPU: before the first access an access to a device that it has begun is
/// completed, and a suspension ends ([`Registers::settle`]). A service that finds it has nothing to do accesses none.
///
/// A service sees no error from a register: a failed access reads as zero, is latched, and ends all later ones; the vCPU loop
/// finds it with [`Context::fault`].
pub struct Context<'registers> {
    cpu: CpuIndex,
    registers: &'registers mut dyn Registers,
    progress: Progress,
}

/// What has been done to the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Untouched,
    Settled,
    Failed(RegisterFault),
}

impl<'registers> Context<'registers> {
    /// The registers of this CPU, which nobody has looked at yet.
    pub fn new(cpu: CpuIndex, registers: &'registers mut dyn Registers) -> Self {
        Self { cpu, registers, progress: Progress::Untouched }
    }

    /// Which CPU it is.
    #[must_use]
    pub const fn cpu(&self) -> CpuIndex {
        self.cpu
    }

    /// The value of x0 to x17, all 64 bits. Not remembered: ask once.
    pub fn read(&mut self, register: Register) -> u64 {
        self.access(|registers| registers.read(register))
    }

    /// Sets x0 to x17, all 64 bits.
    pub fn write(&mut self, register: Register, value: u64) {
        self.access(|registers| registers.write(register, value));
    }

    /// The value of a system register. Not remembered: ask once.
    pub fn read_system(&mut self, register: SystemRegister) -> u64 {
        self.access(|registers| registers.read_system(register))
    }

    /// Sets a system register.
    pub fn write_system(&mut self, register: SystemRegister, value: u64) {
        self.access(|registers| registers.write_system(register, value));
    }

    /// The first access that failed, if any did. The vCPU is lost then.
    #[must_use]
    pub const fn fault(&self) -> Option<RegisterFault> {
        match self.progress {
            Progress::Failed(fault) => Some(fault),
            Progress::Untouched | Progress::Settled => None,
        }
    }

    fn access<T: Default>(
        &mut self,
        access: impl FnOnce(&mut dyn Registers) -> Result<T, RegisterFault>,
    ) -> T {
        let accessed = match self.progress {
            Progress::Untouched => self.registers.settle().and_then(|()| access(self.registers)),
            Progress::Settled => access(self.registers),
            Progress::Failed(_) => return T::default(),
        };
        match accessed {
            Ok(value) => {
                self.progress = Progress::Settled;
                value
            }
            Err(fault) => {
                self.progress = Progress::Failed(fault);
                T::default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ScriptedRegisters;

    #[test]
    fn the_first_access_and_only_that_interrupts_the_cpu() {
        let mut registers = ScriptedRegisters::new([(Register::X1, 7)]);
        let mut context = Context::new(CpuIndex(2), &mut registers);
        assert_eq!(context.cpu(), CpuIndex(2));
        assert_eq!(context.read(Register::X1), 7);
        context.write_system(SystemRegister::Pc, 0x4000_0000);
        assert_eq!(context.read_system(SystemRegister::Pc), 0x4000_0000);
        assert_eq!(registers.settled, 1);
    }

    #[test]
    fn a_cpu_whose_registers_nobody_asks_for_is_not_interrupted() {
        let mut registers = ScriptedRegisters::default();
        let context = Context::new(CpuIndex(0), &mut registers);
        assert_eq!(context.fault(), None);
        assert_eq!(registers.settled, 0);
    }

    #[test]
    fn after_a_failed_access_there_are_no_others() {
        let mut registers = ScriptedRegisters::failing(5);
        let mut context = Context::new(CpuIndex(0), &mut registers);
        assert_eq!(context.read(Register::X1), 0);
        context.write(Register::X1, 1);
        assert_eq!(context.fault(), Some(RegisterFault { errno: 5 }));
        assert!(registers.writes.is_empty());
    }
}

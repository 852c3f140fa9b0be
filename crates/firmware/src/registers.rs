//! The caller's registers, as the embedder lends them.

use core::fmt;

use switchboard_smccc::Register;

/// A register of a CPU that is no argument of a call but that a service may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SystemRegister {
    /// `SCTLR_EL1`: among other things, the CPU's endianness, and what an exception does to `PSTATE`.
    SctlrEl1,
    /// Where the CPU goes on.
    Pc,
    /// `PSTATE`, as `SPSR_EL1` would hold it. While it says AArch32, KVM cuts x0 to x14 and PC to 32 bits whenever one of them is
    /// written: a CPU that leaves AArch32 gets it first, one that enters it last.
    Pstate,
    /// `ELR_EL1`: where an `ERET` from EL1 goes.
    ElrEl1,
    /// `SPSR_EL1`: with which `PSTATE`.
    SpsrEl1,
}

/// Reads and writes registers of one CPU, on its own thread.
///
/// Under KVM each access is an ioctl, so [`Call`](crate::Call) makes each at most once, and only when asked.
pub trait Registers {
    /// The value of x0 to x17, all 64 bits.
    ///
    /// # Errors
    ///
    /// [`RegisterFault`] if the hypervisor half refuses.
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault>;

    /// Sets x0 to x17, all 64 bits.
    ///
    /// # Errors
    ///
    /// [`RegisterFault`] if the hypervisor half refuses.
    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault>;

    /// The value of a system register.
    ///
    /// # Errors
    ///
    /// [`RegisterFault`] if the hypervisor half refuses.
    fn read_system(&mut self, register: SystemRegister) -> Result<u64, RegisterFault>;

    /// Sets a system register. Services that switch a CPU's context need it, and no others.
    ///
    /// # Errors
    ///
    /// [`RegisterFault`] if the hypervisor half refuses, as this does where an embedder has nothing of its own.
    fn write_system(&mut self, register: SystemRegister, value: u64) -> Result<(), RegisterFault> {
        let _ = (register, value);
        Err(RegisterFault { errno: 0 })
    }

    /// Ends what the CPU is in the middle of, so that its registers are those between two instructions: an access to a
    /// device is completed, and a call that waits for an interrupt (`CPU_SUSPEND`, `SYSTEM_SUSPEND`) has returned SUCCESS.
    /// [`Context`](crate::Context) asks for it before its first access. A CPU that makes a call is between two instructions.
    ///
    /// # Errors
    ///
    /// [`RegisterFault`] if the hypervisor half refuses.
    fn settle(&mut self) -> Result<(), RegisterFault> {
        Ok(())
    }
}

/// The hypervisor half did not give or take a register. The vCPU cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterFault {
    /// The error number of the host (`errno`), 0 where there is none.
    pub errno: i32,
}

impl fmt::Display for RegisterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a vCPU register could not be read or written (errno {})", self.errno)
    }
}

impl core::error::Error for RegisterFault {}

//! The caller's registers, as the embedder lends them.

use core::fmt;

use switchboard_smccc::Register;

/// A register of the caller that is no argument of the call but that a service may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemRegister {
    /// `SCTLR_EL1`: among other things, the caller's endianness.
    SctlrEl1,
}

/// Reads and writes registers of the CPU that is calling.
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

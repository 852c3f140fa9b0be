//! A virtual CPU.

use std::sync::atomic::{Ordering, fence};

use kvm_bindings::{
    KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, KVM_ARM_VCPU_PMU_V3_IRQ, KVM_ARM_VCPU_SVE,
    KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_STOPPED, KVM_MP_STATE_SUSPENDED, KVM_SYSTEM_EVENT_RESET,
    KVM_SYSTEM_EVENT_SHUTDOWN, KVM_SYSTEM_EVENT_WAKEUP, kvm_device_attr, kvm_mp_state, kvm_vcpu_init,
};
use kvm_ioctls::{VcpuExit, VcpuFd};
use switchboard_firmware::{
    EntryPoint, ExceptionReturn, OffKind, RegisterFault, Registers, ResetKind, Restored, SystemRegister,
    psci::{Endianness, Start},
};
use switchboard_smccc::{
    Ipa, Mpidr, Register, RegisterId,
    psci::{Status, Version},
};

use crate::{Error, HypercallExit, IoctlCounts, VcpuFeatures, gic};

/// A virtual CPU. One thread at a time may use it: KVM holds its mutex for the whole of a run.
pub struct Vcpu {
    pub(crate) fd: VcpuFd,
    init: kvm_vcpu_init,
    /// What INIT left in `SCTLR_EL1`: MMU and caches off.
    reset_sctlr_el1: u64,
    /// Has it run since it was last INITed?
    used: Used,
    counts: IoctlCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Used {
    No,
    Yes,
}

/// Why a vCPU left the guest.
#[derive(Debug)]
pub enum Exit<'vcpu> {
    /// A forwarded call.
    Hypercall(HypercallExit),
    /// The guest reads where there is no memory.
    MmioRead {
        /// Where.
        address: Ipa,
        /// What it will read, little-endian: to be filled in.
        data: &'vcpu mut [u8],
    },
    /// The guest writes where there is no memory.
    MmioWrite {
        /// Where.
        address: Ipa,
        /// What, little-endian.
        data: &'vcpu [u8],
    },
    /// An interrupt is waiting for a suspended vCPU.
    WakeUp,
    /// The guest asked KVM's own PSCI to switch the machine off. KVM has stopped every vCPU.
    SystemOff(OffKind),
    /// The guest asked KVM's own PSCI to reset the machine. KVM has stopped every vCPU.
    SystemReset(ResetKind),
    /// A signal came, or a kick: see [`Vcpu::heed_kick`].
    Interrupted,
}

/// `PSTATE` at a CPU's start: EL1h, with debug exceptions, `SError`, IRQ and FIQ masked (DEN0022, section 6.4).
const PSTATE_EL1H_DAIF: u64 = 0x3c5;
/// `SCTLR_EL1.EE`.
const SCTLR_EL1_EE: u64 = 1 << 25;

impl Vcpu {
    pub(crate) fn new(fd: VcpuFd, init: kvm_vcpu_init, features: VcpuFeatures) -> Result<Self, Error> {
        fd.vcpu_init(&init).map_err(Error::ioctl("KVM_ARM_VCPU_INIT"))?;
        if features.sve {
            // Once in the vCPU's life: a later INIT keeps it finalized.
            let feature = i32::try_from(KVM_ARM_VCPU_SVE).expect("a small constant");
            fd.vcpu_finalize(&feature).map_err(Error::ioctl("KVM_ARM_VCPU_FINALIZE (SVE)"))?;
        }
        let mut vcpu = Self { fd, init, reset_sctlr_el1: 0, used: Used::No, counts: IoctlCounts::default() };
        vcpu.reset_sctlr_el1 = vcpu.get(RegisterId::SCTLR_EL1)?;
        Ok(vcpu)
    }

    /// Its affinity.
    ///
    /// # Errors
    ///
    /// [`Error`] if the register cannot be read.
    pub fn affinity(&mut self) -> Result<Mpidr, Error> {
        self.get(RegisterId::MPIDR_EL1).map(Mpidr::from_register)
    }

    /// Says which version of PSCI the guest sees, in KVM's firmware register. False if KVM knows no such version. Nothing
    /// may have run.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses for another reason.
    pub fn set_psci_version(&mut self, version: Version) -> Result<bool, Error> {
        match self.set(RegisterId::PSCI_VERSION, version.to_x0()) {
            Ok(()) => Ok(true),
            Err(error) if error.errno() == Some(libc::EINVAL) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Turns its performance counters on. The interrupt controller must exist, and nothing may have run.
    /// `interrupt` is a private peripheral interrupt, 16 to 31.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn initialise_pmu(&mut self, interrupt: u32) -> Result<(), Error> {
        let attribute = |attr, addr| kvm_device_attr {
            group: KVM_ARM_VCPU_PMU_V3_CTRL,
            attr: u64::from(attr),
            addr,
            flags: 0,
        };
        self.fd
            .set_device_attr(&attribute(KVM_ARM_VCPU_PMU_V3_IRQ, gic::address_of(&interrupt)))
            .map_err(Error::ioctl("setting the PMU's interrupt"))?;
        self.fd
            .set_device_attr(&attribute(KVM_ARM_VCPU_PMU_V3_INIT, 0))
            .map_err(Error::ioctl("initialising the PMU"))
    }

    /// Makes it a CPU that has just been turned on: reset, then PC, x0 and the byte order as asked.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn start(&mut self, start: Start) -> Result<(), Error> {
        // INIT of a vCPU that has run costs the whole machine its stage 2 tables where the CPU has no FEAT_S2FWB;
        // one that has not run is still as INIT left it.
        if self.used == Used::Yes {
            self.fd.vcpu_init(&self.init).map_err(Error::ioctl("KVM_ARM_VCPU_INIT"))?;
            self.used = Used::No;
            self.counts.resets += 1;
        }
        if start.endianness == Endianness::Big {
            self.set(RegisterId::SCTLR_EL1, self.reset_sctlr_el1 | SCTLR_EL1_EE)?;
        }
        self.enter_at(start.entry)
    }

    /// Makes it a CPU that has lost its context in a power-down state and goes on. This is no reset: timers and
    /// interrupt controller have kept running, and the byte order stays.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn resume(&mut self, entry: EntryPoint) -> Result<(), Error> {
        let endianness = self.get(RegisterId::SCTLR_EL1)? & SCTLR_EL1_EE;
        self.set(RegisterId::SCTLR_EL1, self.reset_sctlr_el1 & !SCTLR_EL1_EE | endianness)?;
        self.set(RegisterId::PSTATE, PSTATE_EL1H_DAIF)?;
        self.enter_at(entry)
    }

    /// Makes it a CPU that is off until a call of KVM's own PSCI starts it: its next run waits for that in the kernel.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.set_mp_state(KVM_MP_STATE_STOPPED)
    }

    /// Lets its next run wait for an interrupt, whether or not the guest has interrupts masked.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn suspend(&mut self) -> Result<(), Error> {
        self.set_mp_state(KVM_MP_STATE_SUSPENDED)
    }

    /// Ends a suspension. KVM does not end it by itself: an interrupt only makes the run return.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn wake(&mut self) -> Result<(), Error> {
        self.set_mp_state(KVM_MP_STATE_RUNNABLE)
    }

    /// Runs the guest until something needs us.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM cannot run it, or if it left for a reason nobody handles.
    pub fn run(&mut self) -> Result<Exit<'_>, Error> {
        self.used = Used::Yes;
        match self.fd.run() {
            Ok(VcpuExit::Hypercall(exit)) => {
                // On arm64 the exit's flags are where x86 has `longmode`; no flag beyond bit 31 exists.
                Ok(Exit::Hypercall(HypercallExit::decode(exit.nr, u64::from(exit.longmode))))
            }
            Ok(VcpuExit::MmioRead(address, data)) => Ok(Exit::MmioRead { address: Ipa(address), data }),
            Ok(VcpuExit::MmioWrite(address, data)) => Ok(Exit::MmioWrite { address: Ipa(address), data }),
            Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_WAKEUP, _)) => Ok(Exit::WakeUp),
            Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_SHUTDOWN, data)) => {
                Ok(Exit::SystemOff(if is_second_form(data) { OffKind::Hibernate } else { OffKind::Off }))
            }
            Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_RESET, data)) => {
                Ok(Exit::SystemReset(if is_second_form(data) { ResetKind::Warm } else { ResetKind::Cold }))
            }
            Ok(VcpuExit::Intr) => Ok(Exit::Interrupted),
            Ok(other) => Err(Error::UnknownExit(format!("{other:?}"))),
            Err(error) if [libc::EINTR, libc::EAGAIN].contains(&error.errno()) => Ok(Exit::Interrupted),
            Err(error) => Err(Error::ioctl("KVM_RUN")(error)),
        }
    }

    /// Completes the access to a device that the last run ended with: the guest has what it read, and PC is behind the
    /// instruction. Without it, KVM does that at the beginning of the next run, whatever PC is by then. Nothing of the guest runs.
    /// A kick that comes meanwhile is heeded by this: what it is about must be looked for afterwards.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn complete_access(&mut self) -> Result<(), Error> {
        self.fd.set_kvm_immediate_exit(1);
        let run = self.fd.run().map(|_| ());
        self.heed_kick();
        match run {
            Err(error) if error.errno() == libc::EINTR => Ok(()),
            Err(error) => Err(Error::ioctl("KVM_RUN")(error)),
            // With `immediate_exit` there is no other end.
            Ok(()) => Ok(()),
        }
    }

    /// Lets a call of PSCI that has waited return SUCCESS.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn succeed(&mut self) -> Result<(), Error> {
        self.set(RegisterId::of(Register::X0), Status::SUCCESS.to_x0())
    }

    /// Gives the CPU other registers: it goes on there.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn restore(&mut self, restored: &Restored) -> Result<(), Error> {
        let Restored { context, exception_return } = restored;
        for (register, value) in Register::all().zip(context.x) {
            self.set(RegisterId::of(register), value)?;
        }
        self.set(RegisterId::PC, context.pc)?;
        // Last of all: from then on the CPU may be in AArch32, and KVM cuts what is written to it to 32 bits.
        self.set(RegisterId::PSTATE, context.pstate)?;
        if let Some(ExceptionReturn { address, pstate }) = *exception_return {
            self.set(RegisterId::ELR_EL1, address)?;
            self.set(RegisterId::SPSR_EL1, pstate)?;
        }
        Ok(())
    }

    /// After [`Exit::Interrupted`]: lets later runs enter the guest again. What a kick is about is looked for after this,
    /// so one that comes meanwhile is not lost.
    pub fn heed_kick(&mut self) {
        self.fd.set_kvm_immediate_exit(0);
        fence(Ordering::SeqCst);
    }

    /// What it has cost so far.
    #[must_use]
    pub const fn counts(&self) -> IoctlCounts {
        self.counts
    }

    fn enter_at(&mut self, entry: EntryPoint) -> Result<(), Error> {
        self.set(RegisterId::PC, entry.address.0)?;
        self.set(RegisterId::of(Register::X0), entry.context)
    }

    fn set_mp_state(&mut self, mp_state: u32) -> Result<(), Error> {
        self.fd.set_mp_state(kvm_mp_state { mp_state }).map_err(Error::ioctl("KVM_SET_MP_STATE"))
    }

    pub(crate) fn get(&mut self, register: RegisterId) -> Result<u64, Error> {
        let mut bytes = [0; 8];
        self.counts.register_reads += 1;
        self.fd.get_one_reg(register.0, &mut bytes).map_err(Error::ioctl("KVM_GET_ONE_REG"))?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub(crate) fn set(&mut self, register: RegisterId, value: u64) -> Result<(), Error> {
        self.counts.register_writes += 1;
        self.fd.set_one_reg(register.0, &value.to_le_bytes()).map_err(Error::ioctl("KVM_SET_ONE_REG"))?;
        Ok(())
    }
}

impl Registers for Vcpu {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        self.get(RegisterId::of(register)).map_err(|error| fault(&error))
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.set(RegisterId::of(register), value).map_err(|error| fault(&error))
    }

    fn read_system(&mut self, register: SystemRegister) -> Result<u64, RegisterFault> {
        self.get(id(register)).map_err(|error| fault(&error))
    }

    fn write_system(&mut self, register: SystemRegister, value: u64) -> Result<(), RegisterFault> {
        self.set(id(register), value).map_err(|error| fault(&error))
    }
}

/// `KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2` and `KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2`: the guest called
/// `SYSTEM_RESET2` or `SYSTEM_OFF2`.
fn is_second_form(data: &[u64]) -> bool {
    data.first().is_some_and(|flags| flags & 1 != 0)
}

const fn id(register: SystemRegister) -> RegisterId {
    match register {
        SystemRegister::SctlrEl1 => RegisterId::SCTLR_EL1,
        SystemRegister::Pc => RegisterId::PC,
        SystemRegister::Pstate => RegisterId::PSTATE,
        SystemRegister::ElrEl1 => RegisterId::ELR_EL1,
        SystemRegister::SpsrEl1 => RegisterId::SPSR_EL1,
    }
}

fn fault(error: &Error) -> RegisterFault {
    RegisterFault { errno: error.errno().unwrap_or(0) }
}

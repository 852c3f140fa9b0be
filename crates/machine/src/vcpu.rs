//! A vCPU's thread: the life of a forwarded call, from the exit to the resumed guest.

use std::time::Instant;

use switchboard_firmware::{Call, CpuIndex, EntryPoint, Outcome};
use switchboard_kvm::{Exit, HypercallExit, Kicker, Vcpu};
use switchboard_smccc::Ipa;

use crate::{
    AnsweredBy, CallRecord, CallTable, End, Error, ExitKind, VcpuError, Verdict,
    ending::PanicGuard,
    layout::{UART, UART_SIZE},
    life::Life,
};

/// A vCPU and what its thread needs. Only this thread ever resets, reads or writes the vCPU.
pub(crate) struct Cpu<'life> {
    pub(crate) index: CpuIndex,
    pub(crate) vcpu: Vcpu,
    pub(crate) life: &'life Life<'life>,
    pub(crate) calls: &'life CallTable,
}

/// What a suspended vCPU does when an interrupt comes.
#[derive(Debug, Clone, Copy)]
enum Wake {
    /// It goes on behind its call.
    Continue,
    /// It has lost its context and goes on elsewhere.
    At(EntryPoint),
}

/// What comes after an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The vCPU runs on.
    Run,
    /// The CPU is off, or the machine has ended.
    Stop,
}

impl Cpu<'_> {
    /// The whole life of the thread.
    pub(crate) fn live(mut self, kicker: &Kicker) {
        let _guard = PanicGuard::new(&self.life.ending, "vcpu");
        let _attachment = kicker.attach();
        let lived = match self.life.psci {
            AnsweredBy::Userspace => self.run_while_started(),
            // KVM starts the vCPU and turns it off, inside KVM_RUN.
            AnsweredBy::Kvm => self.run_until_off(),
        };
        if let Err(source) = lived {
            self.life.ending.finish(Err(Error::Vcpu { cpu: self.index, source }));
        }
    }

    fn run_while_started(&mut self) -> Result<(), VcpuError> {
        while let Some(start) = self.life.wait_for_start(self.index) {
            self.vcpu.start(start)?;
            self.run_until_off()?;
        }
        Ok(())
    }

    fn run_until_off(&mut self) -> Result<(), VcpuError> {
        let mut wake = None;
        while !self.life.ending.is_finished() {
            let next = match self.vcpu.run().map_err(run_error)? {
                Exit::Hypercall(exit) => {
                    self.calls.record_exit(ExitKind::Hypercall);
                    self.answer(exit, &mut wake)?
                }
                Exit::MmioRead { address, data } => {
                    self.calls.record_exit(ExitKind::Mmio);
                    read_device(self.life, address, data);
                    Next::Run
                }
                Exit::MmioWrite { address, data } => {
                    self.calls.record_exit(ExitKind::Mmio);
                    write_device(self.life, address, data);
                    Next::Run
                }
                Exit::WakeUp => {
                    self.calls.record_exit(ExitKind::WakeUp);
                    self.wake(wake.take())?;
                    Next::Run
                }
                Exit::SystemOff => {
                    self.calls.record_exit(ExitKind::System);
                    self.end(End::Off)
                }
                Exit::SystemReset => {
                    self.calls.record_exit(ExitKind::System);
                    self.end(End::Reset)
                }
                Exit::Interrupted => {
                    // Of interest only if the machine has ended, which is asked next.
                    self.calls.record_exit(ExitKind::Interrupted);
                    Next::Run
                }
            };
            if next == Next::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Answers a call: the service decides, this thread performs the outcome, the guest's registers are written.
    fn answer(&mut self, exit: HypercallExit, wake: &mut Option<Wake>) -> Result<Next, VcpuError> {
        let started = Instant::now();
        let before = self.vcpu.counts();
        let mut call = Call::new(exit.function, exit.conduit, self.index, &mut self.vcpu);
        let outcome = self.life.firmware.answer(&mut call, self.life.memory);
        let mut verdict = Verdict::Good;
        if let Some(results) = outcome.results() {
            if i64::from_ne_bytes(results.x0().to_ne_bytes()) < 0 {
                verdict = Verdict::Error;
            }
            call.complete(&results)?;
        } else if let Some(fault) = call.fault() {
            return Err(fault.into());
        }
        let next = self.perform(&outcome, wake)?;
        let after = self.vcpu.counts();
        self.calls.record(&CallRecord {
            function: exit.function,
            conduit: exit.conduit,
            verdict,
            time: started.elapsed(),
            register_reads: after.register_reads - before.register_reads,
            register_writes: after.register_writes - before.register_writes,
        });
        Ok(next)
    }

    fn perform(&mut self, outcome: &Outcome, wake: &mut Option<Wake>) -> Result<Next, VcpuError> {
        match *outcome {
            Outcome::Return(_) => Ok(Next::Run),
            Outcome::Start(cpu) => {
                self.life.wake(cpu);
                Ok(Next::Run)
            }
            Outcome::Standby => self.suspend(wake, Wake::Continue),
            Outcome::PowerDown(entry) => self.suspend(wake, Wake::At(entry)),
            Outcome::Off => Ok(Next::Stop),
            Outcome::SystemOff => Ok(self.end(End::Off)),
            Outcome::SystemReset => Ok(self.end(End::Reset)),
        }
    }

    fn suspend(&mut self, wake: &mut Option<Wake>, then: Wake) -> Result<Next, VcpuError> {
        self.vcpu.suspend()?;
        *wake = Some(then);
        Ok(Next::Run)
    }

    fn wake(&mut self, wake: Option<Wake>) -> Result<(), VcpuError> {
        self.vcpu.wake()?;
        match wake {
            Some(Wake::At(entry)) => self.vcpu.resume(entry)?,
            Some(Wake::Continue) | None => {}
        }
        Ok(())
    }

    fn end(&self, end: End) -> Next {
        self.life.ending.finish(Ok(end));
        Next::Stop
    }
}

/// Where there is no device, a guest reads zeros.
fn read_device(life: &Life<'_>, address: Ipa, data: &mut [u8]) {
    let value = uart_offset(address).map_or(0, |offset| life.uart.read(offset));
    for (byte, value) in data.iter_mut().zip(u64::from(value).to_le_bytes()) {
        *byte = value;
    }
}

/// Where there is no device, what a guest writes is lost.
fn write_device(life: &Life<'_>, address: Ipa, data: &[u8]) {
    let mut bytes = [0; 4];
    for (byte, value) in bytes.iter_mut().zip(data) {
        *byte = *value;
    }
    if let Some(offset) = uart_offset(address) {
        life.uart.write(offset, u32::from_le_bytes(bytes));
    }
}

fn uart_offset(address: Ipa) -> Option<u64> {
    address.0.checked_sub(UART.0).filter(|&offset| offset < UART_SIZE)
}

/// KVM answers ENOSYS where an access to a device comes without a description that it can decode.
fn run_error(error: switchboard_kvm::Error) -> VcpuError {
    match error.errno() {
        Some(libc::ENOSYS) => VcpuError::UndecodedAccess,
        _ => error.into(),
    }
}

//! A vCPU's thread: the life of a forwarded call, from the exit to the resumed guest.

use std::{
    thread,
    time::{Duration, Instant},
};

use switchboard_firmware::{
    Call, Context, CpuIndex, EntryPoint, MemoryAtReset, OffKind, Outcome, RegisterFault, Registers, Reply,
    ResetKind, Results, SystemRegister,
};
use switchboard_kvm::{Exit, HypercallExit, Vcpu};
use switchboard_policy::Log;
use switchboard_smccc::Register;

use crate::{
    AnsweredBy, CallRecord, CallStatistics, CallTable, End, ExitKind, VcpuError, Verdict,
    bus::Effect,
    gate::Passage,
    life::Life,
    log::LoggedCall,
    session::{Active, LifeEnd, ResetBy},
};

/// A vCPU and what its thread needs. Only this thread ever resets, reads or writes the vCPU.
pub(crate) struct Cpu<'life> {
    pub(crate) index: CpuIndex,
    pub(crate) vcpu: Vcpu,
    pub(crate) life: &'life Life<'life>,
    pub(crate) statistics: &'life CallStatistics,
    pub(crate) calls: &'life CallTable,
    pub(crate) access: Access,
}

/// Has the last run ended with an access to a device, which KVM completes at the beginning of the next?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Completed,
    Begun,
}

/// What a suspended vCPU does when it wakes up.
#[derive(Debug, Clone, Copy)]
enum Wake {
    /// It goes on behind its call.
    Continue,
    /// It has lost its context and goes on elsewhere.
    At(EntryPoint),
    /// So has the whole machine, which the outside can wake as well.
    SystemAt(EntryPoint),
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
    /// Runs while the CPU is the guest's, and gives the vCPU back.
    pub(crate) fn live(mut self) -> Result<Vcpu, VcpuError> {
        match self.life.answered_by {
            AnsweredBy::Userspace => self.run_while_started()?,
            // KVM starts the vCPU and turns it off, inside KVM_RUN.
            AnsweredBy::Kvm => self.run_until_off()?,
        }
        Ok(self.vcpu)
    }

    fn run_while_started(&mut self) -> Result<(), VcpuError> {
        while let Some(start) = self.life.wait_for_start(self.index) {
            let before = self.vcpu.counts();
            self.vcpu.start(start)?;
            self.calls.record_resets(self.vcpu.counts().resets - before.resets);
            self.life.board.started(self.index);
            self.run_until_off()?;
            if !self.life.session.is_finished() {
                self.life.services.firmware.cpu_off(self.index, &self.life.host);
            }
        }
        Ok(())
    }

    fn run_until_off(&mut self) -> Result<(), VcpuError> {
        self.statistics.start().first_run();
        let active = self.life.session.activate();
        let mut wake = None;
        while active.may_run() {
            if self.life.session.threads().take_kick(self.index) {
                // Whatever has happened meanwhile is looked for again.
                self.before_entry(&mut wake)?;
            } else if self.run_once(&active, &mut wake)? == Next::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Somebody has kicked this CPU: a service may make it go on elsewhere.
    fn before_entry(&mut self, wake: &mut Option<Wake>) -> Result<(), VcpuError> {
        let (cpu, life) = (self.index, self.life);
        let mut entering = Entering { cpu: self, wake };
        let mut context = Context::new(cpu, &mut entering);
        life.services.firmware.before_entry(&mut context, &life.host);
        context.fault().map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Makes the CPU's registers those between two instructions.
    fn settle(&mut self, wake: &mut Option<Wake>) -> Result<(), switchboard_kvm::Error> {
        if std::mem::replace(&mut self.access, Access::Completed) == Access::Begun {
            self.vcpu.complete_access()?;
        }
        let Some(wake) = wake.take() else { return Ok(()) };
        // KVM keeps a CPU's context while it sleeps, so it can go on with it: a handler of SDEI needs it, and a power-down may return
        // SUCCESS (DEN0022, section 5.4.5: as if it had been a standby). For SYSTEM_SUSPEND that is our own choice; Linux takes both
        // for a state that was not entered. It is counted, because the CPU has slept.
        self.vcpu.wake()?;
        self.vcpu.succeed()?;
        if let Wake::SystemAt(_) = wake {
            self.life.woken();
        }
        self.life.resumed(self.index);
        Ok(())
    }

    fn run_once(&mut self, active: &Active<'_>, wake: &mut Option<Wake>) -> Result<Next, VcpuError> {
        self.access = Access::Completed;
        match self.vcpu.run().map_err(run_error)? {
            Exit::Hypercall(exit) => {
                self.calls.record_exit(ExitKind::Hypercall);
                return self.answer(exit, active, wake);
            }
            Exit::MmioRead { address, data } => {
                self.calls.record_exit(ExitKind::Mmio);
                self.life.bus.read(address, data);
                self.access = Access::Begun;
            }
            Exit::MmioWrite { address, data } => {
                self.calls.record_exit(ExitKind::Mmio);
                match self.life.bus.write(address, data) {
                    Effect::None => {}
                    Effect::Released(cpu) => self.life.wake(cpu),
                }
                self.access = Access::Begun;
            }
            Exit::WakeUp => {
                self.calls.record_exit(ExitKind::WakeUp);
                self.wake(wake.take())?;
            }
            Exit::SystemOff(kind) => {
                self.calls.record_exit(ExitKind::System);
                return Ok(self.system_off(kind));
            }
            Exit::SystemReset(kind) => {
                self.calls.record_exit(ExitKind::System);
                let memory = match kind {
                    ResetKind::Cold => MemoryAtReset::Cleared,
                    ResetKind::Warm => MemoryAtReset::Kept,
                };
                return Ok(self.system_reset(kind, memory));
            }
            Exit::Interrupted => {
                self.calls.record_exit(ExitKind::Interrupted);
                self.vcpu.heed_kick();
                // The end and a pause are looked for before the next run.
                if matches!(wake, Some(Wake::SystemAt(_))) && self.life.session.is_wake_wanted() {
                    self.wake(wake.take())?;
                }
            }
        }
        Ok(Next::Run)
    }

    /// Answers a call: the service decides, this thread performs the outcome, the guest's registers are written.
    fn answer(
        &mut self,
        exit: HypercallExit,
        active: &Active<'_>,
        wake: &mut Option<Wake>,
    ) -> Result<Next, VcpuError> {
        let started = Instant::now();
        let cpu_time = self.life.cpu_time();
        let before = self.vcpu.counts();
        let mut call = Call::new(exit.function, exit.conduit, self.index, &mut self.vcpu);
        let host = &self.life.host;
        let admission = host.gate.admit(&mut call, || host.gate.now());
        let mut outcome = match admission.passage {
            Passage::Open => self.life.services.firmware.answer(&mut call, host),
            Passage::Closed => Outcome::Return(Results::not_supported()),
        };
        if outcome == Outcome::Later && call.fault().is_none() {
            match wait_for_reply(self.life, &call, active) {
                Some(results) => outcome = Outcome::Return(results),
                None => return Ok(Next::Stop),
            }
        }
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
        if admission.log == Log::On {
            self.statistics.log().write_call(LoggedCall {
                cpu: self.index,
                function: exit.function,
                conduit: exit.conduit,
                standing: admission.standing,
            });
        }
        let after = self.vcpu.counts();
        self.calls.record(&CallRecord {
            function: exit.function,
            conduit: exit.conduit,
            verdict,
            standing: admission.standing,
            time: started.elapsed(),
            cpu_time: cpu_time.zip(self.life.cpu_time()).map(|(before, after)| after.saturating_sub(before)),
            register_reads: after.register_reads - before.register_reads,
            register_writes: after.register_writes - before.register_writes,
        });
        Ok(next)
    }

    fn perform(&mut self, outcome: &Outcome, wake: &mut Option<Wake>) -> Result<Next, VcpuError> {
        match *outcome {
            Outcome::Return(_) | Outcome::Later => Ok(Next::Run),
            Outcome::ReturnUntil(_, deadline) => {
                self.life.expect_by(deadline);
                Ok(Next::Run)
            }
            Outcome::Start(cpu) => {
                self.life.wake(cpu);
                Ok(Next::Run)
            }
            Outcome::Restore(ref restored) => {
                self.vcpu.restore(restored)?;
                Ok(Next::Run)
            }
            Outcome::Standby => self.suspend(wake, Wake::Continue),
            Outcome::PowerDown(entry) => self.suspend(wake, Wake::At(entry)),
            Outcome::SystemSuspend(entry) => {
                self.life.fall_asleep();
                self.suspend(wake, Wake::SystemAt(entry))
            }
            Outcome::Off => Ok(Next::Stop),
            Outcome::SystemOff(kind) => Ok(self.system_off(kind)),
            Outcome::SystemReset(kind, memory) => Ok(self.system_reset(kind, memory)),
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
            Some(Wake::SystemAt(entry)) => {
                self.life.woken();
                self.vcpu.resume(entry)?;
            }
            Some(Wake::At(entry)) => self.vcpu.resume(entry)?,
            Some(Wake::Continue) | None => {}
        }
        self.life.resumed(self.index);
        Ok(())
    }

    fn system_off(&self, kind: OffKind) -> Next {
        self.life.session.finish(Ok(LifeEnd::End(End::Off(kind))));
        Next::Stop
    }

    fn system_reset(&self, kind: ResetKind, memory: MemoryAtReset) -> Next {
        self.life.session.finish(Ok(LifeEnd::Reset { kind, memory, by: ResetBy::Guest }));
        Next::Stop
    }
}

/// The registers of a CPU that is about to enter the guest.
struct Entering<'cpu, 'life> {
    cpu: &'cpu mut Cpu<'life>,
    wake: &'cpu mut Option<Wake>,
}

impl Registers for Entering<'_, '_> {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        self.cpu.vcpu.read(register)
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.cpu.vcpu.write(register, value)
    }

    fn read_system(&mut self, register: SystemRegister) -> Result<u64, RegisterFault> {
        self.cpu.vcpu.read_system(register)
    }

    fn write_system(&mut self, register: SystemRegister, value: u64) -> Result<(), RegisterFault> {
        self.cpu.vcpu.write_system(register, value)
    }

    fn settle(&mut self) -> Result<(), RegisterFault> {
        let settled = self.cpu.settle(self.wake);
        settled.map_err(|error| RegisterFault { errno: error.errno().unwrap_or(0) })
    }
}

/// Waits for what a call returns that returns later; `None` if the machine has ended before. In a pause it goes on waiting
/// afterwards: the machine's clock has stood still.
fn wait_for_reply(life: &Life<'_>, call: &Call<'_>, active: &Active<'_>) -> Option<Results> {
    while active.may_run() {
        match life.services.firmware.reply(call, life.host.clock.now()) {
            Reply::Return(results) => return Some(results),
            Reply::Wait(deadline) => {
                let left = life.host.clock.until(deadline).unwrap_or(Duration::ZERO);
                thread::park_timeout(left);
            }
        }
    }
    None
}

/// KVM answers ENOSYS where an access to a device comes without a description that it can decode.
fn run_error(error: switchboard_kvm::Error) -> VcpuError {
    match error.errno() {
        Some(libc::ENOSYS) => VcpuError::UndecodedAccess,
        _ => error.into(),
    }
}

//! One life of a machine: from power-on to off or reset.

mod begin;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Scope, ScopedJoinHandle},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use switchboard_firmware::{
    CpuIndex, EntryPoint, Expiry,
    psci::{Endianness, Next, Start},
    watchdog::WatchdogState,
};
use switchboard_kvm::{Kicker, Vcpu, Vm};

use crate::{
    AnsweredBy, CpuTime, End, Error, Surroundings,
    board::Board,
    bus::Bus,
    deadlines::{Deadlines, Earlier},
    lent::Lent,
    services::Services,
    session::{Activity, LifeEnd, Notice, PanicGuard, ResetBy, Session},
    slot::Slot,
    sync::lock,
    vcpu::{Access, Cpu},
};

/// What the threads of one life share.
pub(crate) struct Life<'vm> {
    pub(crate) services: Services,
    pub(crate) host: Lent<'vm>,
    pub(crate) bus: Bus<'vm>,
    pub(crate) session: Arc<Session>,
    pub(crate) board: Arc<Board>,
    measured: CpuTime,
    /// Who starts CPUs and turns them off. If it is KVM, the power table says nothing.
    pub(crate) answered_by: AnsweredBy,
    /// When the services are to be asked what they make of the time.
    deadlines: Deadlines,
    /// What the watchdog had left when the machine was suspended.
    watchdog_asleep: Mutex<Option<WatchdogState>>,
    vm: &'vm Vm,
}

impl Life<'_> {
    fn run(
        &self,
        mut vcpus: Vec<Vcpu>,
        entry: EntryPoint,
        around: Surroundings<'_>,
    ) -> Result<LifeEnd, Error> {
        if self.answered_by == AnsweredBy::Kvm {
            leave_power_to_kvm(&mut vcpus, entry)?;
        }
        thread::scope(|scope| {
            let mut slots: Vec<_> = vcpus.into_iter().map(|vcpu| Slot::Parked(Box::new(vcpu))).collect();
            let started =
                self.start_console(scope, around).and_then(|()| self.start_vcpus(scope, &mut slots, around));
            match started {
                Ok(()) => self.power_on(entry),
                Err(error) => self.session.finish(Err(error)),
            }
            self.bus.update();
            let result = loop {
                match self.session.wait(self.deadlines.next()) {
                    Notice::Attend => self.attend(scope, &mut slots, around),
                    Notice::Ended(result) => break result,
                }
            };
            self.board.power.stop();
            // All of them out of the guest first: none is to run on while another one's thread is waited for.
            slots.iter().for_each(|slot| slot.kick(around));
            slots.into_iter().for_each(|slot| slot.stop(around));
            self.bus.uart.close();
            result
        })
    }

    /// Something has changed outside.
    fn attend<'scope, 'around: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        slots: &mut [Slot<'scope>],
        around: Surroundings<'around>,
    ) {
        if self.answered_by == AnsweredBy::Userspace {
            for (index, slot) in slots.iter_mut().enumerate() {
                self.attend_to_cpu(scope, CpuIndex(index), slot, around);
            }
        }
        // After the threads: a guest that is told of a CPU may start it at once.
        self.bus.update();
        if self.session.wants_kicks() {
            slots.iter().for_each(|slot| slot.kick(around));
        }
        self.expire(around);
    }

    /// Asks the services what they make of the time, if a deadline is over. In a pause none is: its end is attended to.
    fn expire(&self, around: Surroundings<'_>) {
        let now = self.host.clock.now();
        if self.session.activity() == Activity::Paused || !self.deadlines.take_if_over(now) {
            return;
        }
        match self.services.firmware.expired(now) {
            Expiry::Never => {}
            Expiry::At(next) => drop(self.deadlines.add(next)),
            // The watchdog is the one service with deadlines.
            Expiry::SystemOff(_) => self.bite(LifeEnd::End(End::Watchdog), around),
            Expiry::SystemReset(kind, memory) => {
                self.bite(LifeEnd::Reset { kind, memory, by: ResetBy::Watchdog }, around);
            }
        }
    }

    /// The watchdog ends this life, if nothing has ended it before.
    fn bite(&self, end: LifeEnd, around: Surroundings<'_>) {
        if !self.session.is_finished() {
            around.statistics.record_bite();
        }
        self.session.finish(Ok(end));
    }

    /// The CPU time of the calling thread, where that of calls is measured.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        match self.measured {
            CpuTime::NotMeasured => None,
            CpuTime::Measured => clock_gettime(ClockId::ThreadCPUTime).try_into().ok(),
        }
    }

    /// A service has given a deadline.
    pub(crate) fn expect_by(&self, deadline: Duration) {
        if self.deadlines.add(deadline) == Earlier::Yes {
            self.session.attend();
        }
    }

    /// A CPU that the guest may have has a thread, and no other one has.
    fn attend_to_cpu<'scope, 'around: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        cpu: CpuIndex,
        slot: &mut Slot<'scope>,
        around: Surroundings<'around>,
    ) {
        // By what it says, and not by whether it has ended yet: nobody would call us again for that.
        if matches!(slot, Slot::Running { left, .. } if left.load(Ordering::Acquire)) {
            *slot = std::mem::replace(slot, Slot::Lost).collect();
        }
        let is_enabled = self.board.power.is_enabled(cpu);
        match slot {
            Slot::Parked(_) if is_enabled => {
                let parked = std::mem::replace(slot, Slot::Lost);
                *slot = self.start_vcpu(scope, cpu, parked, around);
            }
            Slot::Running { .. } if !is_enabled => self.wake(cpu),
            Slot::Parked(_) | Slot::Running { .. } | Slot::Lost => {}
        }
    }

    fn start_console<'scope, 'around: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        around: Surroundings<'around>,
    ) -> Result<(), Error> {
        let Surroundings { console, control, .. } = around;
        spawn(scope, "console-out".into(), move || {
            let _guard = PanicGuard::new(&self.session, "console-out");
            console.pump_output(&self.bus.uart);
        })?;
        spawn(scope, "console-in".into(), move || {
            let _guard = PanicGuard::new(&self.session, "console-in");
            console.pump_input(&self.bus.uart, control);
        })?;
        Ok(())
    }

    /// Starts a thread for each vCPU that the guest may have; for all of them where KVM turns them on and off.
    fn start_vcpus<'scope, 'around: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        slots: &mut [Slot<'scope>],
        around: Surroundings<'around>,
    ) -> Result<(), Error> {
        for (index, slot) in slots.iter_mut().enumerate() {
            if !self.board.power.is_enabled(CpuIndex(index)) {
                continue;
            }
            let Slot::Parked(vcpu) = std::mem::replace(slot, Slot::Lost) else { continue };
            *slot = self.spawn_vcpu(scope, CpuIndex(index), vcpu, around).map_err(|(error, _)| error)?;
        }
        Ok(())
    }

    /// Starts the thread of a CPU that the guest has just got. Without one, the guest does not have it after all.
    fn start_vcpu<'scope, 'around: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        cpu: CpuIndex,
        slot: Slot<'scope>,
        around: Surroundings<'around>,
    ) -> Slot<'scope> {
        let Slot::Parked(vcpu) = slot else { return slot };
        match self.spawn_vcpu(scope, cpu, vcpu, around) {
            Ok(slot) => slot,
            Err((error, vcpu)) => {
                if self.board.power.disable(cpu).is_ok() {
                    self.board.lock().hotplug.failed(cpu);
                    self.board.tell_waiters();
                } else {
                    // The guest has started it already.
                    self.session.finish(Err(error));
                }
                vcpu.map_or(Slot::Lost, Slot::Parked)
            }
        }
    }

    fn spawn_vcpu<'scope, 'around: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        cpu: CpuIndex,
        vcpu: Box<Vcpu>,
        around: Surroundings<'around>,
    ) -> Result<Slot<'scope>, (Error, Option<Box<Vcpu>>)> {
        let kicker = match self.vm.kicker(&vcpu) {
            Ok(kicker) => Arc::new(kicker),
            Err(error) => return Err((error.into(), Some(vcpu))),
        };
        // The thread takes the vCPU out of here, so that it is not lost where there is no thread.
        let handed = Arc::new(Mutex::new(Some(vcpu)));
        let left = Arc::new(AtomicBool::new(false));
        let (taken, attached, leaving) = (Arc::clone(&handed), Arc::clone(&kicker), Arc::clone(&left));
        let work = move || {
            let vcpu = lock(&taken).take()?;
            let vcpu = self.live_as(cpu, *vcpu, &attached, around);
            leaving.store(true, Ordering::Release);
            // The main thread fetches the vCPU.
            self.session.attend();
            vcpu
        };
        match spawn(scope, format!("vcpu-{}", cpu.0), work) {
            Ok(thread) => Ok(Slot::Running { thread, kicker, left }),
            Err(error) => Err((error, lock(&handed).take())),
        }
    }

    /// The whole life of a vCPU's thread. It gives the vCPU back, unless that has failed.
    fn live_as(
        &self,
        cpu: CpuIndex,
        vcpu: Vcpu,
        kicker: &Arc<Kicker>,
        around: Surroundings<'_>,
    ) -> Option<Box<Vcpu>> {
        let _guard = PanicGuard::new(&self.session, "vcpu");
        let _attachment = kicker.attach();
        // Before the first look at the power table: whoever changes it from then on wakes this thread.
        let entered = self.session.threads().enter(cpu, Arc::<Kicker>::clone(kicker));
        let calls = around.statistics.table(cpu.0);
        let statistics = around.statistics;
        let lived = Cpu { index: cpu, vcpu, life: self, statistics, calls, access: Access::Completed }.live();
        drop(entered);
        match lived {
            Ok(vcpu) => Some(Box::new(vcpu)),
            Err(source) => {
                self.session.finish(Err(Error::Vcpu { cpu, source }));
                None
            }
        }
    }

    /// Starts the boot CPU, if that has not been done for KVM.
    fn power_on(&self, entry: EntryPoint) {
        if self.answered_by == AnsweredBy::Kvm {
            return;
        }
        self.board.power.start(CpuIndex(0), boot_start(entry)).expect("nothing has run yet");
        self.wake(CpuIndex(0));
    }

    /// Makes the thread of a CPU that is off look whether it is to start, or to leave.
    pub(crate) fn wake(&self, cpu: CpuIndex) {
        self.session.threads().wake(cpu);
    }

    /// The calling vCPU's thread waits until its CPU is to start; `None` once the machine has ended, or the guest may no
    /// longer have the CPU.
    pub(crate) fn wait_for_start(&self, cpu: CpuIndex) -> Option<Start> {
        loop {
            match self.board.power.next(cpu) {
                Next::Start(start) => return Some(start),
                Next::Leave => return None,
                Next::Wait => thread::park(),
            }
        }
    }

    /// The calling CPU, which slept, goes on.
    pub(crate) fn resumed(&self, cpu: CpuIndex) {
        self.services.psci.resumed(cpu, &self.host);
    }

    /// The calling CPU suspends the machine. A guest that sleeps pets no watchdog, so it is stopped until then.
    pub(crate) fn fall_asleep(&self) {
        if let Some(watchdog) = &self.services.watchdog {
            let now = self.host.clock.now();
            let state = watchdog.state(now);
            watchdog.restore(WatchdogState { time_left: None, ..state }, now);
            *lock(&self.watchdog_asleep) = Some(state);
        }
        self.session.fall_asleep();
    }

    /// The machine, which slept, goes on.
    pub(crate) fn woken(&self) {
        let asleep = lock(&self.watchdog_asleep).take();
        if let (Some(watchdog), Some(state)) = (&self.services.watchdog, asleep) {
            let now = self.host.clock.now();
            watchdog.restore(state, now);
            if let Some(left) = state.time_left {
                self.expect_by(now.saturating_add(left));
            }
        }
        self.session.woken();
    }
}

/// How the boot CPU starts (Linux, `Documentation/arch/arm64/booting.rst`: x0 is the device tree).
const fn boot_start(entry: EntryPoint) -> Start {
    Start { entry, endianness: Endianness::Little }
}

/// The boot CPU is on, all others are off, and from here on it is KVM that changes this. Before the threads are there,
/// which may run their vCPUs at once.
fn leave_power_to_kvm(vcpus: &mut [Vcpu], entry: EntryPoint) -> Result<(), Error> {
    let (boot, others) = vcpus.split_first_mut().expect("a machine has a CPU");
    boot.start(boot_start(entry))?;
    others.iter_mut().try_for_each(Vcpu::stop)?;
    Ok(())
}

fn spawn<'scope, T: Send + 'scope, F: FnOnce() -> T + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    work: F,
) -> Result<ScopedJoinHandle<'scope, T>, Error> {
    thread::Builder::new()
        .name(name)
        .spawn_scoped(scope, work)
        .map_err(|source| Error::Host { action: "starting a thread", source })
}

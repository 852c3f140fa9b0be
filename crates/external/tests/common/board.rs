//! A machine: the model of KVM, the firmware, a thread for each link, and CPUs that sleep until they are woken.

use std::{
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use switchboard_external::{External, ServeSpec};
use switchboard_filter::Request;
use switchboard_firmware::{
    Call, CpuIndex, Firmware, Host, Outcome, RegisterFault, Registers, Reply, Results, Service,
    SystemRegister,
};
use switchboard_hyp::{
    DeviceAttribute, Entry, ExceptionClass, Exit, HypercallFlags, Init, Interruption, KvmVersion, Level,
    Next, NoHost, RegisterId, Syndrome, Vcpu, VcpuFeatures, Vm, VmConfig,
};
use switchboard_smccc::{Conduit, Register};

pub(crate) struct Board {
    start: Instant,
    vm: Vm,
    firmware: Firmware,
    pub(crate) externals: Vec<Arc<External>>,
    bells: Vec<(Mutex<u64>, Condvar)>,
}

/// One CPU of the guest, and the thread that runs it.
pub(crate) struct Guest<'board> {
    board: &'board Board,
    vcpu: Vcpu<'board>,
    cpu: CpuIndex,
}

/// What a call led to.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(crate) x: [u64; 18],
    pub(crate) reads: usize,
    pub(crate) writes: usize,
    pub(crate) took: Duration,
}

impl Board {
    pub(crate) fn new(specs: &[ServeSpec], cpus: usize) -> Self {
        let externals: Vec<_> = specs.iter().map(|spec| External::new(spec, cpus).unwrap()).collect();
        let services =
            externals.iter().map(|external| Box::new(Arc::clone(external)) as Box<dyn Service>).collect();
        let firmware = Firmware::new(services).unwrap();
        let vm = Vm::new(VmConfig::new(KvmVersion::V7_2));
        for rule in firmware.filter().rules() {
            let (base, nr_functions) = (rule.range.first().0, u32::try_from(rule.range.count()).unwrap());
            let request = Request { base, nr_functions, action: rule.action.to_uapi(), pad: [0; 15] };
            vm.set_attribute(DeviceAttribute::SMCCC_FILTER, &request.to_bytes()).unwrap();
        }
        let bells = (0..cpus).map(|_| (Mutex::new(0), Condvar::new())).collect();
        Self { start: Instant::now(), vm, firmware, externals, bells }
    }

    /// Runs the links' threads while `test` runs.
    pub(crate) fn run<T>(&self, test: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            let _closing = Closing(&self.externals);
            for external in &self.externals {
                scope.spawn(|| external.link().run(&|cpu| self.wake(cpu)));
            }
            test()
        })
    }

    /// The same, once every server has said its hello.
    pub(crate) fn run_connected<T>(&self, test: impl FnOnce() -> T) -> T {
        for external in &self.externals {
            external.connect_first().unwrap();
        }
        self.run(test)
    }

    pub(crate) fn guest(&self, cpu: usize) -> Guest<'_> {
        let mut vcpu = self.vm.create_vcpu(u32::try_from(cpu).unwrap()).unwrap();
        vcpu.init(Init { features: VcpuFeatures::PSCI_0_2 }).unwrap();
        assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
        Guest { board: self, vcpu, cpu: CpuIndex(cpu) }
    }

    fn wake(&self, cpu: CpuIndex) {
        let (rung, bell) = &self.bells[cpu.0];
        *rung.lock().unwrap() += 1;
        bell.notify_one();
    }

    /// As a machine does that is reset.
    pub(crate) fn wake_all(&self) {
        (0..self.bells.len()).for_each(|cpu| self.wake(CpuIndex(cpu)));
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Sleeps until the CPU is woken, or until the deadline.
    fn sleep(&self, cpu: CpuIndex, deadline: Duration) {
        let (rung, bell) = &self.bells[cpu.0];
        let rung = rung.lock().unwrap();
        let left = deadline.saturating_sub(self.now());
        *bell.wait_timeout_while(rung, left, |rung| *rung == 0).unwrap().0 = 0;
    }

    fn wait(&self, call: &Call<'_>) -> Results {
        loop {
            match self.firmware.reply(call, self.now()) {
                Reply::Wait(deadline) => self.sleep(call.caller(), deadline),
                Reply::Return(results) => return results,
            }
        }
    }
}

impl Host for Board {
    fn monotonic(&self) -> Option<Duration> {
        Some(self.now())
    }
}

impl Guest<'_> {
    /// x0 and so on are these values, all others their own number and a bit above the lower half.
    pub(crate) fn hvc(&mut self, values: &[u64]) -> Returned {
        self.call(ExceptionClass::Hvc64, values)
    }

    pub(crate) fn smc(&mut self, values: &[u64]) -> Returned {
        self.call(ExceptionClass::Smc64, values)
    }

    fn call(&mut self, class: ExceptionClass, values: &[u64]) -> Returned {
        let mut x = junk();
        x[..values.len()].copy_from_slice(values);
        self.vcpu.set_call_registers(&x);
        match self.vcpu.trap(Syndrome::new(class, 0), Level::Guest, &NoHost) {
            Next::Exit(Exit::Hypercall(exit)) => {
                let smc = exit.flags.contains(HypercallFlags::SMC);
                self.answer(exit.function_id, if smc { Conduit::Smc } else { Conduit::Hvc })
            }
            other => panic!("it is not forwarded: {other:?}"),
        }
    }

    fn answer(&mut self, function: switchboard_smccc::FunctionId, conduit: Conduit) -> Returned {
        let start = Instant::now();
        let mut registers = Counted { vcpu: &mut self.vcpu, reads: 0, writes: 0 };
        let mut call = Call::new(function, conduit, self.cpu, &mut registers);
        let results = match self.board.firmware.answer(&mut call, self.board) {
            Outcome::Return(results) => results,
            Outcome::Later => self.board.wait(&call),
            other => panic!("{other:?}"),
        };
        call.complete(&results).unwrap();
        let (reads, writes) = (registers.reads, registers.writes);
        Returned { x: self.vcpu.call_registers(), reads, writes, took: start.elapsed() }
    }
}

/// What is in x0 to x17 where a test does not say.
pub(crate) fn junk() -> [u64; 18] {
    std::array::from_fn(|number| 0x1_0000_0000 + u64::try_from(number).unwrap())
}

struct Counted<'guest, 'vm> {
    vcpu: &'guest mut Vcpu<'vm>,
    reads: usize,
    writes: usize,
}

impl Registers for Counted<'_, '_> {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        self.reads += 1;
        self.vcpu.get_register(RegisterId::of(register)).map_err(|_| RegisterFault { errno: 0 })
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.writes += 1;
        self.vcpu.set_register(RegisterId::of(register), value).map_err(|_| RegisterFault { errno: 0 })
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Err(RegisterFault { errno: 0 })
    }
}

/// Ends the links' threads, also when a test fails.
struct Closing<'board>(&'board [Arc<External>]);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        for external in self.0 {
            external.link().close();
        }
    }
}

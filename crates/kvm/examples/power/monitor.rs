//! The monitor: everything that it takes to have PSCI answered in userspace.
use kvm_bindings::kvm_vcpu_init;
use kvm_ioctls::{VcpuExit, VcpuFd};
use std::{sync::Arc, sync::Mutex, thread, thread::Thread};
use switchboard_firmware::psci::{Endianness, Next, PowerTable, Psci, PsciVersion, Start};
use switchboard_firmware::{Call, CpuIndex, EntryPoint, Firmware, Host, Outcome};
use switchboard_firmware::{RegisterFault, Registers, SystemRegister};
use switchboard_smccc::{Conduit, FunctionId, Ipa, Mpidr, Register, RegisterId};

const RAM: u64 = 0x4000_0000;
const SIZE: u64 = 0x1_0000;

struct Vcpu(VcpuFd);
struct Machine {
    power: Arc<PowerTable>,
    firmware: Firmware,
    threads: [Mutex<Option<Thread>>; 2],
    init: kvm_vcpu_init,
}

impl Registers for Vcpu {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        let mut bytes = [0; 8];
        let got = self.0.get_one_reg(RegisterId::of(register).0, &mut bytes);
        got.map(|_| u64::from_le_bytes(bytes)).map_err(|error| RegisterFault { errno: error.errno() })
    }
    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        let set = self.0.set_one_reg(RegisterId::of(register).0, &value.to_le_bytes());
        set.map(drop).map_err(|error| RegisterFault { errno: error.errno() })
    }
    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(0) // SCTLR_EL1, for its byte order: this guest is little-endian.
    }
}

impl Host for Machine {
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        address.0 >= RAM && address.0.checked_add(length).is_some_and(|end| end <= RAM + SIZE)
    }
}

impl Machine {
    /// A vCPU's thread: sleeps while its CPU is off, runs while it is on, leaves when the machine has stopped.
    fn live(&self, cpu: CpuIndex, mut vcpu: Vcpu) {
        *self.threads[cpu.0].lock().unwrap() = Some(thread::current()); // Before the first look, so that no wake-up is lost.
        loop {
            match self.power.next(cpu) {
                Next::Leave => return,
                Next::Wait => thread::park(),
                Next::Start(Start { entry, .. }) => {
                    vcpu.0.vcpu_init(&self.init).unwrap();
                    vcpu.0.set_one_reg(RegisterId::PC.0, &entry.address.0.to_le_bytes()).unwrap();
                    vcpu.write(Register::X0, entry.context).unwrap();
                    while self.run_to_next_call(cpu, &mut vcpu) {}
                }
            }
        }
    }

    /// False once the CPU is off.
    fn run_to_next_call(&self, cpu: CpuIndex, vcpu: &mut Vcpu) -> bool {
        let VcpuExit::Hypercall(exit) = vcpu.0.run().unwrap() else { panic!("it does nothing but call") };
        let mut call = Call::new(FunctionId::from_x0(exit.nr), Conduit::Hvc, cpu, vcpu);
        let outcome = self.firmware.answer(&mut call, self);
        if let Some(results) = outcome.results() {
            call.complete(&results).unwrap();
        }
        match outcome {
            Outcome::Start(CpuIndex(target)) => {
                self.threads[target].lock().unwrap().iter().for_each(Thread::unpark);
            }
            Outcome::SystemOff(_) => {
                self.power.stop();
                self.threads.iter().for_each(|thread| thread.lock().unwrap().iter().for_each(Thread::unpark));
            }
            _ => {}
        }
        matches!(outcome, Outcome::Return(_) | Outcome::Start(_))
    }
}

pub(crate) fn run() {
    let (vm, _memory) = super::vm::with_memory(RAM, SIZE);
    let power = Arc::new(PowerTable::new(&[0, 1].map(Mpidr::from_register)));
    let psci = Psci::new(Arc::clone(&power), PsciVersion::V1_3);
    let firmware = Firmware::new(vec![Box::new(psci)]).unwrap();
    super::vm::install(&vm, firmware.filter());
    let (init, vcpus) = super::vm::two_vcpus(&vm);
    let entry = EntryPoint { address: Ipa(RAM), context: 0 };
    power.start(CpuIndex(0), Start { entry, endianness: Endianness::Little }).unwrap();
    let machine = Machine { power, firmware, threads: Default::default(), init };
    thread::scope(|scope| {
        for (cpu, vcpu) in vcpus.into_iter().enumerate() {
            let machine = &machine;
            scope.spawn(move || machine.live(CpuIndex(cpu), Vcpu(vcpu)));
        }
    });
    println!("the guest has switched its machine off");
}

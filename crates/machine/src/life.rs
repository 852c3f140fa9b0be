//! One life of a machine: from power-on to off or reset.

use std::{
    sync::{Arc, OnceLock},
    thread::{self, Scope, ScopedJoinHandle, Thread},
    time::Duration,
};

use switchboard_firmware::{
    CpuIndex, EntryPoint, Firmware, Service,
    psci::{Endianness, PowerTable, Psci, Start, idle_states},
};
use switchboard_kvm::{Gic, GicLayout, Kicker, Kvm, Spi, Vcpu, VcpuFeatures, Vm};
use switchboard_smccc::Mpidr;

use crate::{
    AnsweredBy, Config, End, Error, Machine, Memory, Surroundings, Wanted,
    boot::{
        fdt::{self, InitialRamDisk, InterruptController},
        files::Boot,
    },
    devices::pl011::Level,
    ending::{Ending, PanicGuard},
    layout,
    uart::{InterruptLine, Uart},
    vcpu::Cpu,
};

/// What the threads of one life share.
pub(crate) struct Life<'vm> {
    pub(crate) firmware: Firmware,
    pub(crate) memory: &'vm Memory,
    pub(crate) uart: Uart<'vm>,
    pub(crate) ending: Arc<Ending>,
    /// Who starts CPUs and turns them off. If it is KVM, `power` says nothing.
    pub(crate) psci: AnsweredBy,
    power: Arc<PowerTable>,
    /// The vCPUs' threads, to be woken. Set before the boot CPU starts.
    threads: OnceLock<Vec<Thread>>,
}

/// The serial port's interrupt at the machine's interrupt controller.
struct UartLine<'vm> {
    vm: &'vm Vm,
    ending: Arc<Ending>,
}

/// The machine without the life in it.
struct Hardware {
    vm: Vm,
    vcpus: Vec<Vcpu>,
    affinities: Vec<Mpidr>,
    interrupt_controller: InterruptController,
    features: VcpuFeatures,
    _gic: Gic,
}

impl Machine {
    /// Runs from power-on to the end.
    pub(crate) fn live(&mut self, boot: Boot, around: Surroundings<'_>) -> Result<End, Error> {
        let config = &self.config;
        let ipa_bits = address_bits(&self.kvm, config.memory)?;
        let memory = Memory::new(config.memory)?;
        // Made after the memory and so dropped before it: KVM never sees memory that is gone.
        let mut hardware = Hardware::new(&self.kvm, config, ipa_bits, &memory)?;
        self.files.copy(&boot, &memory)?;
        let device_tree = hardware.device_tree(config, self.files.initrd_place(&boot))?;
        memory.write(boot.placement.device_tree, &device_tree).map_err(|source| Error::Host {
            action: "copying the device tree into the guest's memory",
            source,
        })?;

        let power = Arc::new(PowerTable::new(&hardware.affinities));
        let firmware = Firmware::new(services(config.psci, &power))?;
        hardware.vm.install(firmware.filter())?;
        around.statistics.set_services(&firmware);
        let entry = EntryPoint { address: boot.placement.kernel, context: boot.placement.device_tree.0 };
        // The kernel is in the guest's memory now.
        drop(boot);

        let ending = around.control.begin();
        let vcpus = std::mem::take(&mut hardware.vcpus);
        let line = UartLine { vm: &hardware.vm, ending: Arc::clone(&ending) };
        let uart = Uart::new(&line)?;
        let psci = config.psci;
        let life = Life { firmware, memory: &memory, uart, ending, psci, power, threads: OnceLock::new() };
        life.run(vcpus, entry, around)
    }
}

impl Life<'_> {
    fn run(&self, mut vcpus: Vec<Vcpu>, entry: EntryPoint, around: Surroundings<'_>) -> Result<End, Error> {
        if self.psci == AnsweredBy::Kvm {
            leave_power_to_kvm(&mut vcpus, entry)?;
        }
        let kickers: Vec<Kicker> = vcpus.iter_mut().map(Vcpu::take_kicker).collect();
        thread::scope(|scope| {
            let mut cpus = Vec::new();
            let started = self
                .start_console(scope, around)
                .and_then(|()| self.start_vcpus(scope, vcpus, &kickers, around, &mut cpus));
            match started {
                Ok(()) => self.power_on(entry),
                Err(error) => self.ending.finish(Err(error)),
            }
            let result = self.ending.wait();
            // All of them out of the guest first: none is to run on while another one's thread is waited for.
            kickers.iter().for_each(Kicker::kick);
            cpus.into_iter().zip(&kickers).for_each(|(cpu, kicker)| stop(cpu, kicker));
            self.uart.close();
            result
        })
    }

    fn start_console<'scope, 'around: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        around: Surroundings<'around>,
    ) -> Result<(), Error> {
        let Surroundings { console, control, .. } = around;
        spawn(scope, "console-out".into(), move || {
            let _guard = PanicGuard::new(&self.ending, "console-out");
            console.pump_output(&self.uart);
        })?;
        spawn(scope, "console-in".into(), move || {
            let _guard = PanicGuard::new(&self.ending, "console-in");
            console.pump_input(&self.uart, control);
        })?;
        Ok(())
    }

    /// Starts a thread for each vCPU. Those that were started are in `threads`, even if one could not be.
    fn start_vcpus<'scope, 'around: 'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        vcpus: Vec<Vcpu>,
        kickers: &'scope [Kicker],
        around: Surroundings<'around>,
        threads: &mut Vec<ScopedJoinHandle<'scope, ()>>,
    ) -> Result<(), Error> {
        for (index, (vcpu, kicker)) in vcpus.into_iter().zip(kickers).enumerate() {
            let calls = around.statistics.table(index);
            let cpu = Cpu { index: CpuIndex(index), vcpu, life: self, calls };
            threads.push(spawn(scope, format!("vcpu-{index}"), move || cpu.live(kicker))?);
        }
        let threads = threads.iter().map(|handle| handle.thread().clone()).collect();
        self.threads.get_or_init(|| threads);
        Ok(())
    }

    /// Starts the boot CPU, if that has not been done for KVM.
    fn power_on(&self, entry: EntryPoint) {
        if self.psci == AnsweredBy::Kvm {
            return;
        }
        self.power.start(CpuIndex(0), boot_start(entry)).expect("nothing has run yet");
        self.wake(CpuIndex(0));
    }

    /// Makes the thread of a CPU that is off look whether it is to start.
    pub(crate) fn wake(&self, cpu: CpuIndex) {
        if let Some(thread) = self.threads.get().and_then(|threads| threads.get(cpu.0)) {
            thread.unpark();
        }
    }

    /// The calling vCPU's thread waits until its CPU is to start; `None` once the machine has ended.
    pub(crate) fn wait_for_start(&self, cpu: CpuIndex) -> Option<Start> {
        while !self.ending.is_finished() {
            if let Some(start) = self.power.take_start(cpu) {
                return Some(start);
            }
            thread::park();
        }
        None
    }
}

/// The services of a machine.
fn services(psci: AnsweredBy, power: &Arc<PowerTable>) -> Vec<Box<dyn Service>> {
    match psci {
        AnsweredBy::Userspace => vec![Box::new(Psci::new(Arc::clone(power)))],
        AnsweredBy::Kvm => Vec::new(),
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

/// Ends a vCPU's thread, whether it is in the guest or waits for a start. A signal can be lost to a limit of the
/// host's, so it is sent until the thread has ended.
fn stop(cpu: ScopedJoinHandle<'_, ()>, kicker: &Kicker) {
    while !cpu.is_finished() {
        kicker.kick();
        cpu.thread().unpark();
        thread::sleep(Duration::from_millis(1));
    }
    // A panic has been reported through the ending.
    let _ = cpu.join();
}

fn spawn<'scope, F: FnOnce() + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    work: F,
) -> Result<ScopedJoinHandle<'scope, ()>, Error> {
    thread::Builder::new()
        .name(name)
        .spawn_scoped(scope, work)
        .map_err(|source| Error::Host { action: "starting a thread", source })
}

impl InterruptLine for UartLine<'_> {
    fn set(&self, level: Level) {
        let level = match level {
            Level::Low => switchboard_kvm::Level::Low,
            Level::High => switchboard_kvm::Level::High,
        };
        if let Err(error) = self.vm.set_interrupt(Spi(layout::UART_INTERRUPT), level) {
            self.ending.finish(Err(error.into()));
        }
    }
}

impl Hardware {
    fn new(kvm: &Kvm, config: &Config, ipa_bits: u32, memory: &Memory) -> Result<Self, Error> {
        let vm = Vm::create(kvm, ipa_bits)?;
        let interrupt_controller = choose_gic(&vm)?;
        let cpus = u16::try_from(config.cpus).expect("KVM's own limit is below that, and has been checked");
        let features = choose_features(kvm, config)?;
        add_memory(&vm, memory)?;

        let mut vcpus = vm.create_vcpus(cpus, features)?;
        let gic = Gic::create(&vm, gic_layout(interrupt_controller, cpus), layout::INTERRUPTS)?;
        if features.pmu {
            vcpus.iter_mut().try_for_each(|vcpu| vcpu.initialise_pmu(layout::PMU_INTERRUPT))?;
        }
        // KVM decides on the affinities; they are asked for, not assumed.
        let affinities = vcpus.iter_mut().map(Vcpu::affinity).collect::<Result<_, _>>()?;
        Ok(Self { vm, vcpus, affinities, interrupt_controller, features, _gic: gic })
    }

    /// What the guest is told about the machine.
    fn device_tree(&self, config: &Config, initrd: Option<InitialRamDisk>) -> Result<Vec<u8>, Error> {
        let blob = fdt::build(&fdt::Description {
            memory: config.memory,
            bootargs: &config.command_line,
            initrd,
            kaslr_seed: Some(u64::from_ne_bytes(random()?)),
            rng_seed: &random::<64>()?,
            cpus: &self.affinities,
            // To KVM every power state is a standby, and WFI is that already.
            idle_states: match config.psci {
                AnsweredBy::Userspace => idle_states(),
                AnsweredBy::Kvm => &[],
            },
            conduit: config.conduit,
            interrupt_controller: self.interrupt_controller,
            pmu: self.features.pmu,
        })?;
        if let Some(path) = &config.device_tree {
            std::fs::write(path, &blob)
                .map_err(|source| Error::DumpDeviceTree { path: path.clone(), source })?;
        }
        Ok(blob)
    }
}

/// Fresh random bytes, for the guest's seeds.
fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        // Up to 256 bytes come whole.
        Ok(_) => Ok(bytes),
        Err(error) => Err(Error::Host { action: "asking for random bytes", source: error.into() }),
    }
}

/// How many bits the addresses of a guest with this much memory need.
fn address_bits(kvm: &Kvm, memory: u64) -> Result<u32, Error> {
    let ipa_bits = kvm.ipa_bits();
    let end = layout::MEMORY.0.checked_add(memory);
    match end.map(|end| u64::BITS - (end - 1).leading_zeros()) {
        Some(needed) if needed <= ipa_bits => Ok(needed),
        _ => Err(Error::Addresses { size: memory, ipa_bits }),
    }
}

fn choose_gic(vm: &Vm) -> Result<InterruptController, Error> {
    let support = vm.gic_support();
    match (support.v3, support.v2) {
        (true, _) => Ok(InterruptController::V3),
        (false, true) => Ok(InterruptController::V2),
        (false, false) => Err(Error::NoGic),
    }
}

fn gic_layout(controller: InterruptController, cpus: u16) -> GicLayout {
    match controller {
        InterruptController::V2 => {
            GicLayout::V2 { distributor: layout::GIC_DISTRIBUTOR, cpu_interface: layout::GIC_CPU_INTERFACE }
        }
        InterruptController::V3 => GicLayout::V3 {
            distributor: layout::GIC_DISTRIBUTOR,
            redistributors: layout::GIC_REDISTRIBUTORS,
            count: cpus,
        },
    }
}

fn choose_features(kvm: &Kvm, config: &Config) -> Result<VcpuFeatures, Error> {
    let host = kvm.features();
    let choose = |feature, wanted, present| match (wanted, present) {
        (Wanted::Yes, false) => Err(Error::Feature { feature }),
        (Wanted::Yes | Wanted::IfPresent, true) => Ok(true),
        (Wanted::No, _) | (Wanted::IfPresent, false) => Ok(false),
    };
    Ok(VcpuFeatures {
        pmu: choose("pmu", config.features.pmu, host.pmu)?,
        pauth: choose("pauth", config.features.pauth, host.pauth)?,
        sve: choose("sve", config.features.sve, host.sve)?,
    })
}

fn add_memory(vm: &Vm, memory: &Memory) -> Result<(), Error> {
    let host_address = u64::try_from(memory.host_address().addr()).expect("addresses of arm64 have 64 bits");
    // SAFETY: `live` drops the machine before the memory, and all our own accesses to it are volatile.
    #[allow(unsafe_code, reason = "the guest writes to the memory it is given")]
    unsafe {
        vm.add_memory(0, layout::MEMORY, memory.size(), host_address)?;
    }
    Ok(())
}

//! A machine without the life in it: the virtual machine, its vCPUs, its interrupt controller.

use std::time::Instant;

use switchboard_firmware::{
    EntryPoint,
    psci::{PsciVersion, idle_states},
};
use switchboard_kvm::{CounterOffsets, Gic, GicLayout, Kvm, Vcpu, VcpuFeatures, Vm};
use switchboard_smccc::{
    Conduit, FunctionId, Ipa, Mpidr, hyperv, psci::CPU_SUSPEND_64, sdei, watchdog::FUNCTION,
};

use crate::{
    AnsweredBy, Answerer, Config, Description, Error, Memory, Personality, Presence, Wanted,
    board::Board,
    boot::{
        acpi, efi,
        fdt::{self, InitialRamDisk, InterruptController},
        placement::Placement,
    },
    error_status::ErrorSource,
    gate::Gate,
    layout, services,
    start::HardwareCosts,
    stolen_time::StolenTime,
};

/// What a guest has been told.
pub(crate) struct Described {
    /// Where it starts: at its kernel, with x0 the address of the device tree.
    pub(crate) entry: EntryPoint,
    /// Where it looks for errors of the hardware.
    pub(crate) errors: Option<ErrorSource>,
}

/// The machine without the life in it.
pub(crate) struct Hardware {
    pub(crate) vm: Vm,
    /// Every vCPU that the machine can come to have.
    pub(crate) vcpus: Vec<Vcpu>,
    pub(crate) affinities: Vec<Mpidr>,
    pub(crate) costs: HardwareCosts,
    /// Where they are known.
    pub(crate) counters: Option<CounterOffsets>,
    interrupt_controller: InterruptController,
    features: VcpuFeatures,
    _gic: Gic,
}

impl Hardware {
    pub(crate) fn new(
        kvm: &Kvm,
        config: &Config,
        ipa_bits: u32,
        memory: &Memory,
        stolen_time: Option<&StolenTime>,
    ) -> Result<Self, Error> {
        let vm = Vm::create(kvm, ipa_bits)?;
        let interrupt_controller = choose_gic(&vm)?;
        let cpus =
            u16::try_from(config.cpus.max).expect("KVM's own limit is below that, and has been checked");
        let features = choose_features(kvm, config)?;
        add_memory(&vm, 0, memory)?;
        if let Some(records) = stolen_time {
            add_memory(&vm, 1, records.memory())?;
        }

        let began = Instant::now();
        let mut vcpus = vm.create_vcpus(cpus, features)?;
        let vcpus_made = began.elapsed();
        let gic = Gic::create(&vm, gic_layout(interrupt_controller, cpus), layout::INTERRUPTS)?;
        let costs = HardwareCosts { vcpus: vcpus_made, interrupt_controller: began.elapsed() - vcpus_made };
        if features.pmu {
            vcpus.iter_mut().try_for_each(|vcpu| vcpu.initialise_pmu(layout::PMU_INTERRUPT))?;
        }
        // KVM decides on the affinities; they are asked for, not assumed.
        let affinities = vcpus.iter_mut().map(Vcpu::affinity).collect::<Result<_, _>>()?;
        // It is the machine's, though it is set by a vCPU.
        if let Some(vcpu) = vcpus.first_mut() {
            present_version(vcpu, config)?;
            services::expose(vcpu, config)?;
        }
        if stolen_time.is_some() {
            count_stolen_time(&mut vcpus, config)?;
        }
        let counters = vm.start_counters()?;
        Ok(Self { vm, vcpus, affinities, costs, counters, interrupt_controller, features, _gic: gic })
    }

    /// Tells the guest about the machine, in its memory.
    pub(crate) fn describe(
        &self,
        config: &Config,
        placement: &Placement,
        initrd: Option<InitialRamDisk>,
        memory: &Memory,
        board: &Board,
    ) -> Result<Described, Error> {
        let handed_over = match config.description {
            Description::DeviceTree => efi::HandedOver {
                blobs: vec![(placement.device_tree, self.device_tree(config, initrd)?)],
                error_source: None,
            },
            Description::Acpi => self.hand_over(config, placement.device_tree, initrd, board)?,
        };
        let blobs = &handed_over.blobs;
        // The device tree is the first, or the only one.
        if let (Some(path), [(_, device_tree), ..]) = (&config.device_tree, blobs.as_slice()) {
            std::fs::write(path, device_tree)
                .map_err(|source| Error::DumpDeviceTree { path: path.clone(), source })?;
        }
        for (address, blob) in blobs {
            memory.write(*address, blob).map_err(|source| Error::Host {
                action: "copying the description of the hardware into the guest's memory",
                source,
            })?;
        }
        Ok(Described {
            entry: EntryPoint { address: placement.kernel, context: placement.device_tree.0 },
            errors: handed_over.error_source.map(ErrorSource::new),
        })
    }

    /// The ACPI tables, and what leads the kernel there.
    fn hand_over(
        &self,
        config: &Config,
        area: Ipa,
        initrd: Option<InitialRamDisk>,
        board: &Board,
    ) -> Result<efi::HandedOver, Error> {
        Ok(efi::build(&efi::HandOver {
            memory: config.memory,
            bootargs: &config.command_line,
            initrd,
            kaslr_seed: Some(u64::from_ne_bytes(random()?)),
            rng_seed: &random::<64>()?,
            area,
            acpi: &acpi::Description {
                cpus: &self.affinities,
                at_boot: &board.present(),
                conduit: config.conduit,
                interrupt_controller: self.interrupt_controller,
                pmu: self.features.pmu,
                sdei: match may_have_events(config) {
                    Some(_) => acpi::Sdei::TellsErrors { event: services::NMI.0 },
                    None => acpi::Sdei::Absent,
                },
                personality: personality(config),
            },
        })?)
    }

    fn device_tree(&self, config: &Config, initrd: Option<InitialRamDisk>) -> Result<Vec<u8>, Error> {
        Ok(fdt::build(&fdt::Description {
            memory: config.memory,
            bootargs: &config.command_line,
            initrd,
            kaslr_seed: Some(u64::from_ne_bytes(random()?)),
            rng_seed: &random::<64>()?,
            cpus: &self.affinities,
            idle_states: match config.psci {
                AnsweredBy::Userspace if may_suspend(config) => idle_states(),
                // A guest that may not suspend its CPUs would try it again and again instead of waiting; and to KVM every
                // power state is a standby, which WFI is already.
                AnsweredBy::Userspace | AnsweredBy::Kvm => &[],
            },
            conduit: config.conduit,
            psci_version: config.psci_version.unwrap_or_default(),
            interrupt_controller: self.interrupt_controller,
            pmu: self.features.pmu,
            watchdog: config.services.watchdog.and_then(|_| may_call(config, FUNCTION, Conduit::Smc)),
            sdei: may_have_events(config),
        })?)
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
pub(crate) fn address_bits(kvm: &Kvm, memory: u64) -> Result<u32, Error> {
    let ipa_bits = kvm.ipa_bits();
    let end = layout::MEMORY.0.checked_add(memory);
    match end.map(|end| u64::BITS - (end - 1).leading_zeros()) {
        Some(needed) if needed <= ipa_bits => Ok(needed),
        _ => Err(Error::Addresses { size: memory, ipa_bits }),
    }
}

/// Lets KVM's firmware register say the version that the guest sees. KVM may be too old for it: then, for a guest that
/// KVM does not answer, the register holds the latest that it takes.
fn present_version(vcpu: &mut Vcpu, config: &Config) -> Result<(), Error> {
    let version = match (config.psci, config.psci_version) {
        (AnsweredBy::Kvm, None) => return Ok(()),
        (AnsweredBy::Kvm, Some(version)) if vcpu.set_psci_version(version.number())? => return Ok(()),
        (AnsweredBy::Kvm, Some(version)) => return Err(Error::PsciVersion { version }),
        (AnsweredBy::Userspace, version) => version.unwrap_or_default(),
    };
    for candidate in PsciVersion::ALL.into_iter().rev().filter(|&candidate| candidate <= version) {
        if vcpu.set_psci_version(candidate.number())? {
            break;
        }
    }
    Ok(())
}

/// Does the policy let a guest suspend its CPUs?
fn may_suspend(config: &Config) -> bool {
    may_call(config, CPU_SUSPEND_64, config.conduit).is_some()
}

/// What a guest cannot do without once it has a handler.
const EVENTS: [FunctionId; 6] = [
    sdei::VERSION,
    sdei::EVENT_REGISTER,
    sdei::EVENT_ENABLE,
    sdei::EVENT_COMPLETE,
    sdei::EVENT_COMPLETE_AND_RESUME,
    sdei::PE_UNMASK,
];

/// Over which conduit the guest is to use SDEI, if there is any and the policy lets it.
fn may_have_events(config: &Config) -> Option<Conduit> {
    let conduit = config.conduit;
    let may = |function: &FunctionId| may_call(config, *function, conduit).is_some();
    let is_present = config.services.sdei == Presence::Present;
    (is_present && EVENTS.iter().all(may)).then_some(conduit)
}

/// For which hypervisor the guest is to take the machine. Linux stops where it has found Hyper-V and its hypercalls fail.
fn personality(config: &Config) -> Personality {
    match may_call(config, hyperv::HYPERCALL, Conduit::Hvc) {
        Some(_) => config.services.personality,
        None => Personality::Kvm,
    }
}

/// The function, if the policy lets a guest call it.
fn may_call(config: &Config, function: FunctionId, conduit: Conduit) -> Option<FunctionId> {
    Gate::new(config.plan.clone()).allows(function, conduit).then_some(function)
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

/// Tells KVM where to keep the records. A kernel that counts no stolen time is no obstacle unless it was asked for.
fn count_stolen_time(vcpus: &mut [Vcpu], config: &Config) -> Result<(), Error> {
    for (cpu, vcpu) in vcpus.iter_mut().enumerate() {
        let is_counted = vcpu.set_stolen_time_record(StolenTime::record(cpu))?;
        if !is_counted && config.services.pv_time == Answerer::Userspace {
            return Err(Error::NoStolenTime);
        }
    }
    Ok(())
}

fn add_memory(vm: &Vm, slot: u32, memory: &Memory) -> Result<(), Error> {
    let host_address = u64::try_from(memory.host_address().addr()).expect("addresses of arm64 have 64 bits");
    // SAFETY: `live` drops the machine before the memory, and all our own accesses to it are volatile.
    #[allow(unsafe_code, reason = "the guest writes to the memory it is given")]
    unsafe {
        vm.add_memory(slot, memory.start(), memory.size(), host_address)?;
    }
    Ok(())
}

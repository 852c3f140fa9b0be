//! The firmware of a machine: which services, as its configuration asks for.

use std::sync::Arc;

use switchboard_external::External;
use switchboard_firmware::{
    Firmware, Service,
    general::GeneralQueries,
    hyperv::HyperV,
    kvm::KvmVendor,
    psci::{PowerTable, Psci},
    pv_time::PvTime,
    sdei::{self, Bindable, EventDescription, EventKind, Priority, Sdei},
    trng::Trng,
    watchdog::Watchdog,
};
#[cfg(target_arch = "aarch64")]
use switchboard_kvm::{Exposure, KernelService, Vcpu};
use switchboard_smccc::{InterruptId, Mpidr, Owner, sdei::EventNumber};

use crate::{
    AnsweredBy, Answerer, Config, Description, Error, Personality, Presence, layout, offer::OWNERS,
    sync::Locked,
};

/// SDEI, as the machine has it.
pub(crate) type Events = Sdei<Locked<sdei::State>>;

/// The event by which somebody outside reaches a guest that is hung: a vendor's one (DEN0054, section 4.1: bit 30).
pub(crate) const NMI: EventNumber = EventNumber(0x4000_0000);

/// The services of one life: those that the machine has to do with itself, and all of them together.
pub(crate) struct Services {
    pub(crate) psci: Arc<Psci>,
    pub(crate) watchdog: Option<Arc<Watchdog>>,
    pub(crate) events: Option<Arc<Events>>,
    pub(crate) hyperv: Option<Arc<HyperV>>,
    pub(crate) firmware: Firmware,
}

impl Services {
    pub(crate) fn new(
        config: &Config,
        power: &Arc<PowerTable>,
        external: &[Arc<External>],
    ) -> Result<Self, Error> {
        let psci = Arc::new(Psci::new(Arc::clone(power), config.psci_version.unwrap_or_default()));
        let events =
            (config.services.sdei == Presence::Present).then(|| Arc::new(events(power, config.description)));
        let hyperv =
            (config.services.personality == Personality::HyperV).then(|| Arc::new(HyperV::new(power.len())));
        let watchdog = config.services.watchdog.map(|bite| Arc::new(Watchdog::new(bite)));
        let mut services: Vec<Box<dyn Service>> = Vec::new();
        if config.psci == AnsweredBy::Userspace {
            services.push(Box::new(Arc::clone(&psci)));
        }
        if config.services.trng == Answerer::Userspace {
            services.push(Box::new(Trng::new(config.services.trng_limit)));
        }
        if config.services.kvm == Answerer::Userspace {
            services.push(Box::new(KvmVendor::new(config.services.implementations.clone())));
        }
        if config.services.pv_time == Answerer::Userspace {
            services.push(Box::new(PvTime::new(layout::STOLEN_TIME)));
        }
        if let Some(events) = &events {
            services.push(Box::new(Arc::clone(events)));
        }
        if let Some(hyperv) = &hyperv {
            services.push(Box::new(Arc::clone(hyperv)));
        }
        if let Some(watchdog) = &watchdog {
            services.push(Box::new(Arc::clone(watchdog)));
        }
        let owners = owners(config);
        if !owners.is_empty() {
            services.push(Box::new(GeneralQueries::new(&owners)));
        }
        for service in external {
            services.push(Box::new(Arc::clone(service)));
        }
        Ok(Self { psci, watchdog, events, hyperv, firmware: Firmware::new(services)? })
    }
}

/// SDEI with the machine's own event, and those interrupts that its devices raise. The serial port's is of normal priority; what
/// an operator does to the machine comes before it.
pub(crate) fn events(power: &Arc<PowerTable>, description: Description) -> Events {
    let nmi = EventDescription { number: NMI, kind: EventKind::Shared, priority: Priority::Critical };
    let operators = match description {
        Description::Acpi => layout::GED_INTERRUPT,
        Description::DeviceTree => layout::GPIO_INTERRUPT,
    };
    let interrupts = [(layout::UART_INTERRUPT, Priority::Normal), (operators, Priority::Critical)];
    let interrupts =
        interrupts.map(|(interrupt, priority)| Bindable { interrupt: InterruptId(interrupt), priority });
    Sdei::new(Arc::clone(power), &[nmi], &interrupts).expect("each is there once")
}

/// Those whose calls are answered here: they have an identity. The vendor's is among its own services.
fn owners(config: &Config) -> Vec<Owner> {
    if let Some(plan) = &config.plan {
        return if plan.router.reaches("general") { OWNERS.to_vec() } else { Vec::new() };
    }
    let is_secure = config.psci == AnsweredBy::Userspace
        || config.services.trng == Answerer::Userspace
        || config.services.sdei == Presence::Present;
    let owners = [
        (config.services.watchdog.is_some(), Owner::SIP),
        (is_secure, Owner::STANDARD_SECURE),
        (config.services.pv_time == Answerer::Userspace, Owner::STANDARD_HYPERVISOR),
    ];
    owners.into_iter().filter(|&(is_answered, _)| is_answered).map(|(_, owner)| owner).collect()
}

/// Can there be such a firmware? Whatever two services, or a service and KVM, both claim is found here, before anything is
/// made.
pub(crate) fn check(config: &Config, external: &[Arc<External>]) -> Result<(), Error> {
    let power = Arc::new(PowerTable::new(&[Mpidr::from_register(0)]));
    Services::new(config, &power, external).map(drop)
}

/// Lets the guest see those of KVM's own services that it is to see. Paravirtualized time is seen where userspace answers as
/// well: it is KVM that says in `SMCCC_ARCH_FEATURES` that it is there.
#[cfg(target_arch = "aarch64")]
pub(crate) fn expose(vcpu: &mut Vcpu, config: &Config) -> Result<(), Error> {
    if let Some(plan) = &config.plan {
        return Ok(vcpu.set_firmware_registers(plan.registers.bitmaps())?);
    }
    let services = &config.services;
    for (service, answerer) in [
        (KernelService::Trng, services.trng),
        (KernelService::PvTime, services.pv_time),
        (KernelService::VendorFeatures, services.kvm),
        (KernelService::Ptp, services.kvm),
    ] {
        if answerer == Answerer::Nobody {
            vcpu.expose(service, Exposure::Hidden)?;
        }
    }
    Ok(())
}

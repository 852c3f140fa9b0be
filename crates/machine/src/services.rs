//! The firmware of a machine: which services, as its configuration asks for.

use std::sync::Arc;

use switchboard_external::External;
use switchboard_firmware::{
    Firmware, Service,
    general::GeneralQueries,
    kvm::KvmVendor,
    psci::{PowerTable, Psci},
    pv_time::PvTime,
    trng::Trng,
    watchdog::Watchdog,
};
#[cfg(target_arch = "aarch64")]
use switchboard_kvm::{Exposure, KernelService, Vcpu};
use switchboard_smccc::{Mpidr, Owner};

use crate::{AnsweredBy, Answerer, Config, Error, layout, offer::OWNERS};

/// The services of one life: those that the machine has to do with itself, and all of them together.
pub(crate) struct Services {
    pub(crate) psci: Arc<Psci>,
    pub(crate) watchdog: Option<Arc<Watchdog>>,
    pub(crate) firmware: Firmware,
}

impl Services {
    pub(crate) fn new(
        config: &Config,
        power: &Arc<PowerTable>,
        external: &[Arc<External>],
    ) -> Result<Self, Error> {
        let psci = Arc::new(Psci::new(Arc::clone(power), config.psci_version.unwrap_or_default()));
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
        Ok(Self { psci, watchdog, firmware: Firmware::new(services)? })
    }
}

/// Those whose calls are answered here: they have an identity. The vendor's is among its own services.
fn owners(config: &Config) -> Vec<Owner> {
    if let Some(plan) = &config.plan {
        return if plan.router.reaches("general") { OWNERS.to_vec() } else { Vec::new() };
    }
    let is_secure = config.psci == AnsweredBy::Userspace || config.services.trng == Answerer::Userspace;
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

//! What a machine offers to a policy: its services, described.

use std::sync::Arc;

use switchboard_filter::Range;
use switchboard_firmware::{
    Call, Conduits, Declaration, DeclarationError, Firmware, Host, Outcome, Results, Service, Support,
    Supported, general,
    general::GeneralQueries,
    hyperv,
    hyperv::HyperV,
    kvm,
    kvm::KvmVendor,
    psci,
    psci::{PowerTable, Psci, PsciVersion},
    pv_time,
    pv_time::PvTime,
    sdei, trng,
    trng::Trng,
    watchdog,
    watchdog::{Bite, Watchdog},
};
use switchboard_policy::{Plan, ServiceDescription, Services as Offered};
use switchboard_smccc::{
    FunctionId, Mpidr, Owner,
    catalogue::{Function, Widths},
    sdei::{FIRST_64, FUNCTION_COUNT},
};

use crate::{
    AnsweredBy, Answerer, Config, Description, Personality, Presence, ServeSpec, Services, layout,
    services::events,
};

/// The owners whose identity a machine can tell.
pub(crate) const OWNERS: [Owner; 3] = [Owner::SIP, Owner::STANDARD_SECURE, Owner::STANDARD_HYPERVISOR];

/// The services that a machine can have, for a policy to choose from. `version` is that of PSCI.
///
/// # Errors
///
/// [`DeclarationError`] if ranges of other processes are somebody else's already, or overlap.
pub fn offered(services: &Services, version: PsciVersion) -> Result<Offered, DeclarationError> {
    check(services)?;
    Ok(describe(services, version))
}

/// Could all of them be in one firmware?
fn check(services: &Services) -> Result<(), DeclarationError> {
    let power = Arc::new(PowerTable::new(&[Mpidr::from_register(0)]));
    let mut all: Vec<Box<dyn Service>> = vec![
        Box::new(Psci::new(Arc::clone(&power), PsciVersion::default())),
        Box::new(Trng::new(None)),
        Box::new(PvTime::new(layout::STOLEN_TIME)),
        Box::new(GeneralQueries::new(&OWNERS)),
    ];
    if has_events(services) {
        all.push(Box::new(events(&power, Description::DeviceTree)));
    }
    match services.personality {
        Personality::Kvm => all.push(Box::new(KvmVendor::new(services.implementations.clone()))),
        Personality::HyperV => all.push(Box::new(HyperV::new(1))),
    }
    if services.watchdog.is_some() {
        all.push(Box::new(Watchdog::new(Bite::Reset)));
    }
    for spec in &services.external {
        all.push(Box::new(Elsewhere { owned: [spec.range], conduits: spec.conduits }));
    }
    Firmware::new(all).map(drop)
}

/// What another process answers, as far as it is declared.
struct Elsewhere {
    owned: [Range; 1],
    conduits: Conduits,
}

impl Service for Elsewhere {
    fn name(&self) -> &'static str {
        "external"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration { owned: &self.owned, denied: &[], conduits: self.conduits }
    }

    fn call(&self, _: &mut Call<'_>, _: &dyn Host) -> Outcome {
        Outcome::Return(Results::not_supported())
    }
}

fn describe(services: &Services, version: PsciVersion) -> Offered {
    let power = Arc::new(PowerTable::new(&[Mpidr::from_register(0)]));
    let psci = Psci::new(Arc::clone(&power), version);
    let mut offered = Offered::none()
        .with(ServiceDescription::of(&psci).answering(functions(psci::support(), version)))
        .with(ServiceDescription::of(&Trng::new(None)).answering(functions(trng::support(), version)))
        .with(match services.personality {
            Personality::Kvm => kvm_vendor(services, version),
            Personality::HyperV => {
                ServiceDescription::of(&HyperV::new(1)).answering(functions(hyperv::support(), version))
            }
        })
        .with(
            ServiceDescription::of(&PvTime::new(layout::STOLEN_TIME))
                .answering(functions(pv_time::support(), version)),
        )
        .with(
            ServiceDescription::of(&GeneralQueries::new(&OWNERS))
                .answering(functions(general::support(), version)),
        );
    if has_events(services) {
        let events = events(&power, Description::DeviceTree);
        offered =
            offered.with(ServiceDescription::of(&events).answering(functions(sdei::support(), version)));
    }
    if services.watchdog.is_some() {
        let watchdog = Watchdog::new(Bite::Reset);
        offered = offered
            .with(ServiceDescription::of(&watchdog).answering(functions(watchdog::support(), version)));
    }
    if services.external.is_empty() { offered } else { offered.with(external(&services.external)) }
}

/// Is SDEI ours to offer? Another process may answer it.
fn has_events(services: &Services) -> bool {
    let (first, last) = (FIRST_64, FunctionId(FIRST_64.0 + FUNCTION_COUNT - 1));
    let touches = |spec: &ServeSpec| spec.range.first() <= last && first <= spec.range.last();
    !services.external.iter().any(touches)
}

fn kvm_vendor(services: &Services, version: PsciVersion) -> ServiceDescription {
    let has_implementations = !services.implementations.is_empty();
    let vendor = KvmVendor::new(services.implementations.clone());
    let is_discovery = |id: FunctionId| (0xc600_0040..=0xc600_0041).contains(&id.0);
    let functions =
        functions(kvm::support(), version).into_iter().filter(|&id| has_implementations || !is_discovery(id));
    ServiceDescription::of(&vendor).answering(functions)
}

/// All that other processes answer, as one service.
fn external(specs: &[ServeSpec]) -> ServiceDescription {
    let ranges: Vec<_> = specs.iter().map(|spec| spec.range).collect();
    let mut conduits = specs.iter().map(|spec| spec.conduits);
    let first = conduits.next().unwrap_or(Conduits::Both);
    let all = if conduits.all(|conduits| conduits == first) { first } else { Conduits::Both };
    ServiceDescription::new("external", &ranges, all)
}

/// The IDs of what is implemented, in each width.
fn functions(rows: impl Iterator<Item = Support>, version: PsciVersion) -> Vec<FunctionId> {
    let is_there = |row: &Support| match row.supported {
        Supported::Yes => true,
        Supported::Since(since) => since <= version.number(),
        Supported::No => false,
    };
    rows.filter(is_there).flat_map(|row| ids(row.function)).collect()
}

fn ids(function: &'static Function) -> impl Iterator<Item = FunctionId> {
    let other = (function.widths == Widths::Both).then(|| function.id.other_width());
    std::iter::once(function.id).chain(other)
}

impl Config {
    /// Lets a policy decide what the guest may call, and who answers: of what the configuration says about that, nothing
    /// holds any more.
    pub fn follow(&mut self, plan: Plan) {
        let by =
            |service, otherwise| if plan.router.reaches(service) { Answerer::Userspace } else { otherwise };
        let if_shown =
            |register: u64, bit: u64| if register & bit == 0 { Answerer::Nobody } else { Answerer::Kvm };
        let registers = &plan.registers;
        self.psci = if plan.router.reaches("psci") { AnsweredBy::Userspace } else { AnsweredBy::Kvm };
        self.services.trng = by("trng", if_shown(registers.standard, 1));
        self.services.kvm = by("kvm-vendor", if_shown(registers.vendor_hypervisor, 1));
        self.services.pv_time = by("pv-time", if_shown(registers.standard_hypervisor, 1));
        let is_there = plan.router.reaches("sdei");
        self.services.sdei = if is_there { Presence::Present } else { Presence::Absent };
        if !plan.router.reaches("hyper-v") {
            self.services.personality = Personality::Kvm;
        }
        self.plan = Some(plan);
    }
}

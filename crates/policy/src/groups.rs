//! Groups of calls.
//!
//! What a specification has set aside is a group, whether or not somebody serves it. A service of another name brings a
//! group of its own: what it owns. In a rule that forwards, a group stands for what the service owns of it: the rest is
//! named by no rule, and so denied.

use core::fmt;

use serde::Serialize;
use switchboard_filter::Range;
use switchboard_smccc::{FunctionId, kvm, psci};

use crate::{names, range::IdSet, services::Services, view::RangeView};

/// A group that there is whatever the services.
struct Group {
    name: &'static str,
    about: &'static str,
    calls: Calls,
}

enum Calls {
    /// These ranges, and the same in the other width.
    BothWidths(&'static [Range]),
    /// These ranges.
    Exactly(&'static [Range]),
    /// These functions.
    Functions(&'static [&'static str]),
}

const fn ids(base: u32, count: u32) -> Range {
    Range::literal(FunctionId(base), count)
}

/// By name.
#[rustfmt::skip]
const GROUPS: &[Group] = &{
    use Calls::{BothWidths, Exactly, Functions};
    const fn group(name: &'static str, about: &'static str, calls: Calls) -> Group {
        Group { name, about, calls }
    }
    [
        group("arch", "Arm Architecture Calls, which KVM answers itself", BothWidths(&[ids(0x8000_0000, 0x1_0000)])),
        group("cpu", "CPU Service Calls", BothWidths(&[ids(0x8100_0000, 0x1_0000)])),
        group("ffa", "FF-A (DEN0077)", BothWidths(&[ids(0x8400_0060, 0x90)])),
        group("hyperv", "the hypercalls of Hyper-V", Exactly(&[ids(0x4600_0000, 0x1_0000)])),
        group("kvm-vendor", "KVM's vendor-specific hypervisor services", BothWidths(&[ids(0x8600_0000, 0x1_0000)])),
        group("mm", "Management Mode (DEN0060)", BothWidths(&[ids(0x8400_0040, 0x10)])),
        group("oem", "OEM calls", BothWidths(&[ids(0x8300_0000, 0x1_0000)])),
        group("psci", "PSCI (DEN0022)", BothWidths(&[Range::literal(psci::FIRST_32, psci::FUNCTION_COUNT)])),
        group("psci-0.1", "KVM's private PSCI 0.1", Exactly(&[Range::literal(kvm::PSCI_0_1_FIRST, kvm::PSCI_0_1_COUNT)])),
        group("psci-discovery", "what says which PSCI there is, and changes nothing", Functions(&[
            "PSCI_VERSION", "PSCI_FEATURES", "MIGRATE_INFO_TYPE", "AFFINITY_INFO",
        ])),
        group("psci-power", "the functions of PSCI that change the power of a CPU or of the machine", Functions(&[
            "CPU_SUSPEND", "CPU_OFF", "CPU_ON", "SYSTEM_OFF", "SYSTEM_RESET", "CPU_FREEZE", "CPU_DEFAULT_SUSPEND",
            "SYSTEM_SUSPEND", "SYSTEM_RESET2", "SYSTEM_OFF2",
        ])),
        group("pv-time", "paravirtualized time (DEN0057)", Exactly(&[ids(0xc500_0020, 0x20)])),
        group("sdei", "SDEI (DEN0054)", BothWidths(&[ids(0x8400_0020, 0x20)])),
        group("sip", "silicon provider calls", BothWidths(&[ids(0x8200_0000, 0x1_0000)])),
        group("trng", "TRNG (DEN0098)", BothWidths(&[ids(0x8400_0050, 0x10)])),
        group("trusted-app", "Trusted Application calls", BothWidths(&[ids(0xb000_0000, 0x200_0000)])),
        group("trusted-os", "Trusted OS calls", BothWidths(&[ids(0xb200_0000, 0xe00_0000)])),
        group("vendor-el3", "vendor-specific EL3 monitor calls", BothWidths(&[ids(0x8700_0000, 0x1_0000)])),
        group("watchdog", "the watchdog of Linux's arm_smc_wdt, at its usual ID", Exactly(&[ids(0x8200_3d06, 1)])),
    ]
};

/// A group, for a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupView {
    /// The name, with the `@`.
    pub name: String,
    /// What is in it, in words.
    pub about: String,
    /// What is in it.
    pub ranges: Vec<RangeView>,
}

impl fmt::Display for GroupView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.about)?;
        for range in &self.ranges {
            write!(f, "  {range}")?;
            match &range.names {
                Some(names) => writeln!(f, " {names}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// All groups there are with these services.
#[must_use]
pub fn groups(services: &Services) -> Vec<GroupView> {
    let view = |name: &str, about: &str, calls: &IdSet| GroupView {
        name: format!("@{name}"),
        about: about.to_owned(),
        ranges: calls.ranges().iter().copied().map(RangeView::new).collect(),
    };
    let known = GROUPS.iter().map(|group| view(group.name, group.about, &calls(group)));
    let others = services.iter().filter(|(_, service)| built_in(service.name()).is_none());
    let others = others.map(|(_, service)| view(service.name(), "what this service owns", service.owned()));
    let mut all: Vec<_> = known.chain(others).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The calls of a group, by its name without the `@`.
pub(crate) fn find(name: &str, services: &Services) -> Option<IdSet> {
    let of_service = || services.get(services.find(name)?).map(|service| service.owned().clone());
    built_in(name).map(calls).or_else(of_service)
}

/// The name that was probably meant.
pub(crate) fn closest<'a>(name: &str, services: &'a Services) -> Option<&'a str> {
    names::closest(name, GROUPS.iter().map(|group| group.name).chain(services.names()))
}

fn built_in(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}

fn calls(group: &Group) -> IdSet {
    match group.calls {
        Calls::BothWidths(ranges) => {
            let set = IdSet::of(ranges.iter().copied());
            set.union(&set.other_width())
        }
        Calls::Exactly(ranges) => IdSet::of(ranges.iter().copied()),
        Calls::Functions(names) => names
            .iter()
            .filter_map(|name| names::find_by_name(name))
            .fold(IdSet::default(), |all, function| all.union(&names::set(function))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use switchboard_firmware::{
        Service,
        psci::{PowerTable, Psci, PsciVersion},
    };
    use switchboard_smccc::Mpidr;

    use super::*;

    #[test]
    fn the_groups_are_in_order_and_each_function_in_them_is_known() {
        assert!(GROUPS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for group in GROUPS {
            if let Calls::Functions(names) = group.calls {
                assert!(names.iter().all(|name| names::find_by_name(name).is_some()), "{}", group.name);
            }
        }
    }

    #[test]
    fn psci_is_what_the_service_declares() {
        let power = Arc::new(PowerTable::new(&[Mpidr::from_register(0)]));
        let psci = Psci::new(power, PsciVersion::V1_3);
        let owned = IdSet::of(psci.declaration().owned.iter().copied());
        assert_eq!(find("psci", &Services::none()), Some(owned));
    }

    #[test]
    fn a_service_of_another_name_brings_its_own_group() {
        let vendor = crate::ServiceDescription::new(
            "vendor",
            &[ids(0x8200_0000, 4)],
            switchboard_firmware::Conduits::Both,
        );
        let services = Services::none().with(vendor);
        assert!(find("vendor", &services).is_some());
        assert_eq!(find("vendor", &Services::none()), None);
        assert!(groups(&services).iter().any(|group| group.name == "@vendor"));
    }
}

//! The effective table: filter, then firmware registers, then services.

use core::fmt;

use serde::Serialize;
use switchboard_filter::Action;
use switchboard_smccc::Conduit;

use crate::{
    plan::ServiceSetting,
    policy::Policy,
    proof::{Fate, Inner},
    range::CONDUITS,
    registers::FirmwareRegisters,
    view::{self, RangeView},
};

/// A range of KVM's filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilterRow {
    /// Which function IDs.
    #[serde(flatten)]
    pub range: RangeView,
    /// `handle`, `deny` or `forward`.
    pub action: &'static str,
}

/// A firmware register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisterRow {
    /// KVM's name.
    pub register: &'static str,
    /// The value.
    pub value: String,
    /// What is on by it.
    pub on: Vec<&'static str>,
}

/// What becomes of forwarded calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceRow {
    /// Which function IDs.
    #[serde(flatten)]
    pub range: RangeView,
    /// Over which conduit.
    #[serde(serialize_with = "view::conduit")]
    pub conduit: Conduit,
    /// Who answers.
    #[serde(flatten)]
    pub fate: Fate,
}

/// All that decides what a guest sees, in the order in which a call meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// First, KVM's filter. A call in no range is left to KVM.
    pub filter: Vec<FilterRow>,
    /// Of what is left to KVM, these registers say what it answers.
    pub registers: Vec<RegisterRow>,
    /// What is forwarded comes to the services.
    pub services: Vec<ServiceRow>,
    /// What the services do not advertise.
    pub settings: Vec<ServiceSetting>,
}

impl Policy {
    /// The effective table.
    #[must_use]
    pub fn table(&self) -> Table {
        let plan = self.plan();
        let filter = plan.filter.rules().map(|rule| FilterRow {
            range: RangeView::new(rule.range),
            action: match rule.action {
                Action::Handle => "handle",
                Action::Deny => "deny",
                Action::Forward => "forward",
            },
        });
        let row = |conduit| {
            move |(range, route): &(switchboard_filter::Range, crate::plan::RouteId)| ServiceRow {
                range: RangeView::new(*range),
                conduit,
                fate: self.fate(Inner::Route(*route)),
            }
        };
        let by_conduit = CONDUITS.into_iter().zip(plan.router.by_conduit());
        let services = by_conduit.flat_map(|(conduit, map)| map.entries().iter().map(row(conduit)));
        Table {
            filter: filter.collect(),
            registers: register_rows(&plan.registers),
            services: services.collect(),
            settings: plan.settings.clone(),
        }
    }
}

pub(crate) fn register_rows(registers: &FirmwareRegisters) -> Vec<RegisterRow> {
    let row = |register, value: u64, bits: &[(u64, &'static str)]| RegisterRow {
        register,
        value: format!("{value:#x}"),
        on: bits.iter().filter(|(bit, _)| value & bit != 0).map(|(_, name)| *name).collect(),
    };
    let version = registers.psci_version;
    let version = version.map_or_else(|| "the kernel's latest".to_owned(), |version| version.to_string());
    vec![
        RegisterRow { register: "KVM_REG_ARM_PSCI_VERSION", value: version, on: Vec::new() },
        row("KVM_REG_ARM_STD_BMAP", registers.standard, &[(1, "TRNG")]),
        row("KVM_REG_ARM_STD_HYP_BMAP", registers.standard_hypervisor, &[(1, "paravirtualized time")]),
        row(
            "KVM_REG_ARM_VENDOR_HYP_BMAP",
            registers.vendor_hypervisor,
            &[(1, "UID and features"), (2, "PTP")],
        ),
        row(
            "KVM_REG_ARM_VENDOR_HYP_BMAP_2",
            registers.vendor_hypervisor_2,
            &[(1, "DISCOVER_IMPL_VER"), (2, "DISCOVER_IMPL_CPUS")],
        ),
    ]
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "1. KVM's filter; what is in no range is left to KVM")?;
        for row in &self.filter {
            write!(f, "   {} {:<7}", row.range, row.action)?;
            names(f, &row.range)?;
        }
        writeln!(f, "2. KVM's firmware registers: of what is left to KVM, what it answers")?;
        for RegisterRow { register, value, on } in &self.registers {
            write!(f, "   {register:<29} {value}")?;
            if on.is_empty() { writeln!(f)? } else { writeln!(f, ": {}", on.join(", "))? }
        }
        writeln!(f, "3. Services: of what is forwarded, who answers")?;
        let same = |a: &ServiceRow, b: &ServiceRow| a.range == b.range && a.fate == b.fate;
        for (row, conduit) in view::over_both(&self.services, |it| (it.conduit, it.range.first), same) {
            write!(f, "   {} {conduit:<4} {}", row.range, row.fate)?;
            names(f, &row.range)?;
        }
        for setting in &self.settings {
            let hidden: Vec<String> = setting.hidden.iter().map(RangeView::short).collect();
            writeln!(f, "   `{}` does not advertise {}", setting.service, hidden.join(", "))?;
        }
        Ok(())
    }
}

fn names(f: &mut fmt::Formatter<'_>, range: &RangeView) -> fmt::Result {
    match &range.names {
        Some(names) => writeln!(f, "; {names}"),
        None => writeln!(f),
    }
}

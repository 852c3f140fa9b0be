//! What changes for a guest from one policy to another.

use core::fmt;

use serde::Serialize;
use switchboard_smccc::Conduit;

use crate::{
    map::{Map, membership},
    policy::Policy,
    proof::Fate,
    range::CONDUITS,
    rule::{Guard, Log},
    table::{RegisterRow, register_rows},
    view::{self, RangeView},
};

/// What a guest can tell apart: a denied call looks the same wherever it is denied, and like one that nobody implements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Seen {
    /// KVM answers.
    Kvm,
    /// NOT_SUPPORTED.
    NotSupported,
    /// A service in userspace answers, under these conditions.
    Service {
        /// Which one.
        service: String,
        /// What must hold.
        #[serde(flatten)]
        guard: Guard,
    },
}

/// Calls whose fate changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which function IDs.
    #[serde(flatten)]
    pub range: RangeView,
    /// Over which conduit.
    #[serde(serialize_with = "view::conduit")]
    pub conduit: Conduit,
    /// What the guest sees with the first policy.
    pub before: Seen,
    /// With the second.
    pub after: Seen,
}

/// A firmware register whose value changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisterChange {
    /// Its name.
    pub register: &'static str,
    /// With the first policy.
    pub before: String,
    /// With the second.
    pub after: String,
}

/// Exactly what changes for a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// By conduit, in order.
    pub calls: Vec<Change>,
    /// What KVM's own services say of themselves.
    pub registers: Vec<RegisterChange>,
}

/// What changes for a guest from policy `before` to policy `after`.
#[must_use]
pub fn diff(before: &Policy, after: &Policy) -> Diff {
    let mut calls = Vec::new();
    for (index, conduit) in CONDUITS.into_iter().enumerate() {
        let both = seen(before, index, conduit).zip(&seen(after, index, conduit));
        let changed =
            both.map(|_, (before, after)| (before != after).then(|| (before.clone(), after.clone())));
        for (range, change) in changed.entries() {
            if let Some((before, after)) = change.clone() {
                calls.push(Change { range: RangeView::new(*range), conduit, before, after });
            }
        }
    }
    let rows =
        register_rows(&before.plan().registers).into_iter().zip(register_rows(&after.plan().registers));
    let change = |(before, after): (RegisterRow, RegisterRow)| {
        let RegisterRow { register, value, .. } = before;
        (value != after.value).then_some(RegisterChange { register, before: value, after: after.value })
    };
    Diff { calls, registers: rows.filter_map(change).collect() }
}

fn seen(policy: &Policy, index: usize, conduit: Conduit) -> Map<Seen> {
    let implemented = membership(&policy.services.implemented());
    policy.fates(index, conduit).zip(&implemented).map(|_, (fate, implemented)| match policy.fate(*fate) {
        Fate::Kvm => Seen::Kvm,
        Fate::Service { service, guard, .. } if *implemented => {
            Seen::Service { service, guard: Guard { log: Log::Off, ..guard } }
        }
        Fate::Service { .. } | Fate::KvmHasNone | Fate::DeniedInKernel | Fate::DeniedInUserspace { .. } => {
            Seen::NotSupported
        }
    })
}

impl Diff {
    /// Does a guest see the same?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.registers.is_empty()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kvm => f.write_str("KVM answers"),
            Self::NotSupported => f.write_str("not supported"),
            Self::Service { service, guard } => write!(f, "service `{service}`{guard}"),
        }
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "nothing changes for a guest");
        }
        let same = |a: &Change, b: &Change| a.range == b.range && a.before == b.before && a.after == b.after;
        for (change, conduit) in view::over_both(&self.calls, |it| (it.conduit, it.range.first), same) {
            write!(f, "{} {conduit:<4} {} -> {}", change.range, change.before, change.after)?;
            match &change.range.names {
                Some(names) => writeln!(f, "; {names}")?,
                None => writeln!(f)?,
            }
        }
        for RegisterChange { register, before, after } in &self.registers {
            writeln!(f, "{register:<29} {before} -> {after}")?;
        }
        Ok(())
    }
}

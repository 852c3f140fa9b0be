//! What is wrong with a policy that can be read, or probably not meant.

mod abi;
mod alias;
mod features;
mod forwarded;
mod notes;
mod rules;
mod split;

use switchboard_filter::Range;
use switchboard_smccc::{Conduit, FunctionId};

use crate::{
    assign::{Assigned, call},
    decide::{Cell, Cells, Decision, Standing},
    finding::Findings,
    names,
    range::{CONDUITS, IdSet},
    read::Text,
    registers::Bit,
    rule::{Rule, RuleId},
    services::Services,
};

/// A policy, looked at.
pub(crate) struct Subject<'a> {
    pub(crate) text: &'a Text,
    pub(crate) services: &'a Services,
    pub(crate) assigned: &'a Assigned,
    pub(crate) cells: &'a Cells,
    /// By rule, the calls that it decides over each conduit.
    pub(crate) decided: &'a [[IdSet; 2]],
    /// What is left to KVM over either conduit.
    pub(crate) handled: &'a IdSet,
    pub(crate) bits: &'a [Bit; 5],
}

/// Looks for everything. Where there are errors, what follows from them is not worth a warning.
pub(crate) fn lint(subject: &Subject<'_>, findings: &mut Findings) {
    rules::reserved(subject, findings);
    forwarded::ownership(subject, findings);
    forwarded::behind_its_back(subject, findings);
    if findings.has_errors() {
        return;
    }
    rules::shadowed(subject, findings);
    forwarded::not_answered(subject, findings);
    alias::holes(subject, findings);
    features::advertised(subject, findings);
    features::discovery(subject, findings);
    split::vendor(subject, findings);
    split::services(subject, findings);
    abi::pins(subject, findings);
    abi::not_handled(subject, findings);
    notes::always_answered(subject, findings);
    notes::hint_bit(subject, findings);
}

/// What is left to KVM.
pub(crate) fn handled(cells: &Cells) -> IdSet {
    either(cells, |cell| cell.decision == Decision::Handle)
}

/// What reaches KVM or a service, be it that enforcement would deny it.
pub(crate) fn allowed(cells: &Cells) -> IdSet {
    either(cells, |cell| matches!(cell.decision, Decision::Handle | Decision::Forward { to: Some(_), .. }))
}

fn either(cells: &Cells, is: impl Fn(&Cell) -> bool) -> IdSet {
    let [hvc, smc] = cells;
    hvc.ids(&is).union(&smc.ids(&is))
}

impl<'a> Subject<'a> {
    fn rules(&self) -> impl Iterator<Item = (RuleId, &'a Rule, &'a [IdSet; 2])> {
        let numbered = (0..).map(RuleId).zip(&self.text.rules);
        numbered.zip(self.decided).map(|((id, rule), decided)| (id, rule, decided))
    }

    /// The rules of the policy itself: nobody needs warnings about those that it extends.
    fn own(&self) -> impl Iterator<Item = (RuleId, &'a Rule, &'a [IdSet; 2])> {
        let own = self.text.layers.first().map_or(0, |layer| layer.end);
        self.rules().take(own)
    }

    fn rule(&self, id: Option<RuleId>) -> Option<&'a Rule> {
        self.text.rules.get(usize::try_from(id?.0).ok()?)
    }

    fn cell(&self, id: FunctionId, conduit: Conduit) -> Option<Cell> {
        let map = match conduit {
            Conduit::Hvc => self.cells.first(),
            Conduit::Smc => self.cells.last(),
        };
        map?.get(id).copied()
    }

    /// The first call of a set that a rule is about over some conduit.
    fn rule_in(&self, set: &IdSet) -> Option<(&'a Rule, FunctionId)> {
        let here = |range: &Range| {
            self.assigned.iter().find_map(|map| {
                let (part, rule) = map.first_in(*range)?;
                Some((self.rule(Some(*rule))?, part.first().max(range.first())))
            })
        };
        set.ranges().iter().find_map(here)
    }
}

/// What a decision comes to for a guest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Kvm,
    Userspace,
    Nobody,
}

fn who(cell: &Cell) -> Who {
    match cell.decision {
        Decision::Handle => Who::Kvm,
        Decision::Forward { standing: Standing::Allowed, .. } => Who::Userspace,
        Decision::Deny | Decision::Forward { .. } => Who::Nobody,
    }
}

/// A few calls in a sentence.
fn some(ids: &[FunctionId]) -> String {
    const MOST: usize = 4;
    let name = |id: &FunctionId| names::name_of(*id).map_or_else(|| id.to_string(), str::to_owned);
    let mut names: Vec<String> = ids.iter().map(name).collect();
    names.dedup();
    if let [_] = ids {
        return ids.first().map(|id| call(*id)).unwrap_or_default();
    }
    match names.get(MOST..) {
        Some(more) if !more.is_empty() => {
            format!("{} and {} more", names.get(..MOST).unwrap_or(&[]).join(", "), more.len())
        }
        _ => names.join(", "),
    }
}

fn conduits() -> impl Iterator<Item = (usize, Conduit)> {
    CONDUITS.into_iter().enumerate()
}

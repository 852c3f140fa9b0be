//! From rules to what the two halves do with each call.

use std::collections::BTreeSet;

use switchboard_filter::{Action, Filter, Range};
use switchboard_smccc::{Conduit, FunctionId};

use crate::{
    assign::{Assigned, call},
    code::Code,
    fewest::{Wanted, fewest},
    file::Mode,
    finding::{Finding, Findings},
    kvm,
    map::{Map, membership},
    read::Text,
    rule::{Log, Rule, RuleId, Verdict},
    services::{ServiceId, Services},
};

/// Where calls are denied that nobody logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Denials {
    /// In KVM, without an exit: nobody sees them.
    #[default]
    InKernel,
    /// In userspace, where they can be counted. Every call that is denied costs an exit.
    InUserspace,
}

/// What happens to a call over one conduit, and which rule says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) rule: Option<RuleId>,
    pub(crate) decision: Decision,
}

/// What a policy decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Decision {
    /// KVM's own services answer it, or nobody.
    Handle,
    /// NOT_SUPPORTED; best without an exit.
    Deny,
    /// It comes to userspace.
    Forward {
        /// Who answers it; nobody: NOT_SUPPORTED.
        to: Option<ServiceId>,
        standing: Standing,
    },
}

/// What there is to report of a call that comes to userspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The policy allows it.
    Allowed,
    /// The policy denies it.
    Denied,
    /// The policy would deny it, and is permissive.
    WouldBeDenied,
}

/// The cells of all 2^32 function IDs, by conduit.
pub(crate) type Cells = [Map<Cell>; 2];

/// Decides every call.
pub(crate) fn decide(text: &Text, assigned: &Assigned, services: &Services, denials: Denials) -> Cells {
    let decider = Decider { text, denials };
    let reserved = membership(&kvm::reserved());
    let over = |conduit, assigned: &Map<RuleId>| {
        let rules = assigned.map(|_, rule| Some(*rule)).completed(&None);
        let owned = rules.zip(&owners(services, conduit)).zip(&reserved);
        owned.map(|_, ((rule, owner), reserved)| decider.cell(*rule, *owner, *reserved))
    };
    let [hvc, smc] = assigned;
    [over(Conduit::Hvc, hvc), over(Conduit::Smc, smc)]
}

/// Who owns each call over this conduit.
fn owners(services: &Services, conduit: Conduit) -> Map<Option<ServiceId>> {
    let mut owners = Map::default();
    for (id, service) in services.iter().filter(|(_, service)| service.conduits().include(conduit)) {
        let owned = Map::of(service.owned().ranges().iter().map(|range| (*range, Some(id))).collect());
        // Of two owners, the first has it.
        owners = owned.overlaid(&owners);
    }
    owners.completed(&None)
}

struct Decider<'a> {
    text: &'a Text,
    denials: Denials,
}

impl Decider<'_> {
    fn cell(&self, id: Option<RuleId>, owner: Option<ServiceId>, reserved: bool) -> Cell {
        let rule = id.and_then(|id| Some((id, self.text.rules.get(usize::try_from(id.0).ok()?)?)));
        let decision = match rule.map(|(id, rule)| (id, &rule.verdict)) {
            // Nobody can keep these from KVM.
            _ if reserved => Decision::Handle,
            Some((_, Verdict::Handle)) => Decision::Handle,
            Some((_, Verdict::Forward { service, .. })) => {
                Decision::Forward { to: service.or(owner), standing: Standing::Allowed }
            }
            Some((id, Verdict::Deny(log))) => self.denied(Some(id), *log, owner),
            None => self.denied(None, Log::Off, owner),
        };
        Cell { rule: id, decision }
    }

    fn denied(&self, rule: Option<RuleId>, log: Log, owner: Option<ServiceId>) -> Decision {
        let forward = |to, standing| Decision::Forward { to, standing };
        match (self.text.mode, log, self.denials) {
            (Mode::Permissive, ..) if self.is_binding(rule) => forward(None, Standing::Denied),
            (Mode::Permissive, ..) => forward(owner, Standing::WouldBeDenied),
            (Mode::Enforce, Log::Off, Denials::InKernel) => Decision::Deny,
            (Mode::Enforce, ..) => forward(None, Standing::Denied),
        }
    }

    /// A denial of an extended policy cannot be weakened, by being permissive neither.
    fn is_binding(&self, rule: Option<RuleId>) -> bool {
        let own = self.text.layers.first();
        let index = rule.and_then(|rule| usize::try_from(rule.0).ok());
        index.is_some_and(|index| own.is_none_or(|own| !own.contains(&index)))
    }
}

/// The filter with the fewest ranges; or what KVM cannot do goes to the findings.
pub(crate) fn lower(cells: &Cells, rules: &[Rule], findings: &mut Findings) -> Filter {
    let [hvc, smc] = cells;
    let may_answer = membership(&kvm::may_answer());
    let pairs = hvc.zip(smc);
    refuse_one_conduit(&pairs, rules, findings);
    let wanted =
        pairs.zip(&may_answer).map(|_, ((hvc, smc), may_answer)| match (hvc.decision, smc.decision) {
            (Decision::Forward { .. }, _) | (_, Decision::Forward { .. }) => Wanted::Forward,
            (Decision::Handle, _) | (_, Decision::Handle) => Wanted::Handle,
            (Decision::Deny, Decision::Deny) if *may_answer => Wanted::Deny,
            (Decision::Deny, Decision::Deny) => Wanted::HandleOrDeny,
        });
    let mut filter = Filter::new();
    for rule in fewest(wanted.entries().iter().copied()) {
        // They are disjoint, and what is reserved is handled.
        let inserted = filter.insert(rule.range, rule.action);
        debug_assert!(inserted.is_ok(), "{inserted:?}");
    }
    filter
}

/// KVM has one filter for both conduits. What is forwarded is told apart in userspace; what KVM handles, it handles over
/// both.
fn refuse_one_conduit(pairs: &Map<(Cell, Cell)>, rules: &[Rule], findings: &mut Findings) {
    let mut reported = BTreeSet::new();
    for (range, (hvc, smc)) in pairs.entries() {
        let (handled, other, conduit) = match (hvc.decision, smc.decision) {
            (Decision::Handle, Decision::Handle) => continue,
            (Decision::Handle, _) => (hvc, smc, Conduit::Hvc),
            (_, Decision::Handle) => (smc, hvc, Conduit::Smc),
            _ => continue,
        };
        if reported.insert((handled.rule, other.rule)) {
            findings.push(one_conduit(*range, handled, other, conduit, rules));
        }
    }
}

fn one_conduit(range: Range, handled: &Cell, other: &Cell, conduit: Conduit, rules: &[Rule]) -> Finding {
    let id: FunctionId = range.first();
    let rule = |cell: &Cell| cell.rule.and_then(|id| rules.get(usize::try_from(id.0).ok()?));
    let what = format!("KVM cannot handle {} over {conduit} alone", call(id));
    let mut finding = Finding::new(Code::HandleOneConduit, what);
    if let Some(rule) = rule(handled) {
        finding = finding.at(rule.conduit.unwrap_or(rule.entry(id)), "KVM would handle it over this conduit");
    }
    finding = match rule(other) {
        Some(rule) => finding.at(rule.entry(id), "over the other conduit, this rule decides"),
        None => finding.why("over the other conduit no rule names it, so it is denied"),
    };
    finding.hint("forward it to a service that answers over this conduit, or handle it over both")
}

/// The action of the filter for every call.
pub(crate) fn actions(filter: &Filter) -> Map<Action> {
    Map::of(filter.segments().map(|segment| (segment.range, segment.action)).collect())
}

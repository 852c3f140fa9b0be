//! What the guest is told about what is there.

use switchboard_smccc::{Conduit, FunctionId, Register, Width, psci, pv_time, smccc, trng};

use crate::{
    code::Code,
    decide::{Cell, Decision},
    finding::{Finding, Findings},
    groups, kvm,
    range::{IdSet, single},
    registers::FirmwareRegisters,
    rule::{Rule, Verdict},
    source::Span,
};

use super::{Subject, Who, conduits, some, who};

/// KVM's FEATURES calls, which know nothing of the filter.
const FEATURES: [FunctionId; 4] =
    [psci::PSCI_FEATURES, trng::FEATURES, pv_time::FEATURES, smccc::SMCCC_ARCH_FEATURES];

/// KVM says that a function is there, and the filter denies it. A service of ours is told what it must not advertise.
pub(super) fn advertised(subject: &Subject<'_>, findings: &mut Findings) {
    let registers = FirmwareRegisters::new(&subject.text.pins, subject.bits);
    for features in FEATURES {
        let told = conduits().find_map(|(_, conduit)| {
            let cell = subject.cell(features, conduit)?;
            let answers = kvm::answers(&registers, conduit);
            let denied = denied(subject, features, conduit, &answers);
            let tells = cell.decision == Decision::Handle && answers.contains(features);
            (tells && !denied.is_empty()).then_some((subject.rule(cell.rule)?, denied, conduit))
        });
        let Some((rule, denied, conduit)) = told else { continue };
        let Some(first) = denied.first().copied() else { continue };
        let name = crate::assign::call(features);
        let mut finding = Finding::new(Code::Advertised, format!("{name} would advertise {}", some(&denied)))
            .at(rule.entry(features), "KVM answers this, and knows nothing of the filter");
        let denying = subject.cell(first, conduit).and_then(|cell| subject.rule(cell.rule));
        finding = match denying {
            Some(denying) => finding.at(denying.entry(first), "denied here"),
            None => finding.why("no rule names what it would advertise, so it is denied"),
        };
        findings.push(
            finding.hint(
                "allow these, or forward the FEATURES call: a service is told what it must not advertise",
            ),
        );
    }
}

/// What KVM knows of the same specification, and the policy denies.
fn denied(subject: &Subject<'_>, features: FunctionId, conduit: Conduit, answers: &IdSet) -> Vec<FunctionId> {
    let group = |name| groups::find(name, subject.services).unwrap_or_default();
    let known = match features {
        psci::PSCI_FEATURES => group("psci"),
        trng::FEATURES => group("trng"),
        pv_time::FEATURES => group("pv-time"),
        // Beside the workarounds, which nobody can deny, it knows this one.
        _ => IdSet::of([single(pv_time::FEATURES)]),
    };
    let known = known.intersection(answers);
    let all = known.ranges().iter().flat_map(|range| (range.first().0..=range.last().0).map(FunctionId));
    // A permissive policy gives to a service what it would deny.
    let answered = |cell: Cell| match cell.decision {
        Decision::Handle => true,
        Decision::Deny => false,
        Decision::Forward { to, .. } => to.is_some(),
    };
    all.filter(|id| subject.cell(*id, conduit).is_some_and(|cell| !answered(cell))).collect()
}

/// A guest asks `PSCI_FEATURES` for `SMCCC_VERSION`: that is how it learns of SMCCC 1.1 (DEN0028, section 2.8).
pub(super) fn discovery(subject: &Subject<'_>, findings: &mut Findings) {
    let psci = groups::find("psci", subject.services).unwrap_or_default();
    let broken = conduits().find_map(|(index, conduit)| {
        let used = subject.cells.get(index)?.ids(|cell| who(cell) != Who::Nobody).intersection(&psci);
        let (rule, id) = subject.rule_in(&used)?;
        let cell = subject.cell(psci::PSCI_FEATURES, conduit)?;
        reason(subject, who(&cell), subject.rule(cell.rule)).map(|reason| (reason, rule, id))
    });
    let Some(((span, label), rule, id)) = broken else { return };
    let mut finding = Finding::new(Code::Discovery, "the guest cannot discover SMCCC 1.1");
    finding = match span {
        Some(span) => finding.at(span, label).at(rule.entry(id), "and yet it has PSCI"),
        None => finding.at(rule.entry(id), label),
    };
    findings.push(
        finding
            .why(
                "it asks PSCI_FEATURES for SMCCC_VERSION; without that it uses no workaround for CPU vulnerabilities, \
                 no TRNG, no stolen time and nothing of KVM's",
            )
            .hint("allow PSCI_FEATURES"),
    );
}

/// Why that question is not answered, and where it says so.
fn reason(subject: &Subject<'_>, who: Who, rule: Option<&Rule>) -> Option<(Option<Span>, &'static str)> {
    let entry = |rule: &Rule| rule.entry(psci::PSCI_FEATURES);
    let pinned = subject.text.pins.psci.filter(|pin| pin.value < psci::Version::V1_0);
    match (who, rule) {
        (Who::Nobody, Some(rule)) => Some((Some(entry(rule)), "PSCI_FEATURES is denied here")),
        (Who::Nobody, None) => Some((None, "the guest has this of PSCI, and no rule names PSCI_FEATURES")),
        (Who::Userspace, Some(rule)) if !admits_discovery(rule) => {
            Some((Some(entry(rule)), "the conditions of this rule exclude it"))
        }
        _ => pinned.map(|pin| (Some(pin.span), "this version has no PSCI_FEATURES")),
    }
}

fn admits_discovery(rule: &Rule) -> bool {
    let Verdict::Forward { guard, .. } = &rule.verdict else { return true };
    let argument = |register| if register == Register::X1 { Some(smccc::SMCCC_VERSION) } else { None };
    let mut conditions = guard.conditions.iter();
    conditions.all(|condition| match argument(condition.register) {
        Some(id) => condition.holds(u64::from(id.0), Width::Smc32),
        None => true,
    })
}

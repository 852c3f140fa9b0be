//! What is left to KVM, and whether KVM has it.

use crate::{
    code::Code,
    finding::{Finding, Findings},
    kvm,
    range::CONDUITS,
    registers::FirmwareRegisters,
    rule::{Item, ItemKind, Verdict},
};

use super::Subject;

/// Pins against rules.
pub(super) fn pins(subject: &Subject<'_>, findings: &mut Findings) {
    for bit in subject.bits {
        let Some(pin) = bit.pin.filter(|pin| pin.value != bit.derived) else { continue };
        let key = bit.key;
        let mut finding = Finding::new(Code::Pin, format!("the pin of `{key}` contradicts the rules"));
        finding = if pin.value {
            finding
                .at(pin.span, "KVM would show this to the guest")
                .why("no rule leaves these calls to KVM, or allows what KVM would advertise")
                .hint(format!("remove the pin: `{key}` follows from the rules"))
        } else {
            let mut finding = finding.at(pin.span, "KVM would not answer these calls");
            if let Some((rule, id)) = subject.rule_in(&bit.calls) {
                finding = finding.at(rule.entry(id), "this rule allows them");
            }
            finding.hint("remove the pin, or deny the calls")
        };
        findings.push(finding);
    }
}

/// What is left to KVM though KVM does not have it.
pub(super) fn not_handled(subject: &Subject<'_>, findings: &mut Findings) {
    let everything = FirmwareRegisters::everything(subject.text.pins.psci.map(|pin| pin.value));
    let [hvc, smc] = CONDUITS.map(|conduit| kvm::answers(&everything, conduit));
    let answers = hvc.union(&smc);
    for (_, rule, _) in subject.own() {
        if rule.verdict != Verdict::Handle {
            continue;
        }
        for item in rule.items.iter().filter(|item| item.covered.intersection(&answers).is_empty()) {
            findings.push(
                Finding::new(Code::NotHandled, format!("KVM does not answer {}", what(item)))
                    .at(item.span, "the guest will hear NOT_SUPPORTED")
                    .hint("remove it: what no rule names is denied"),
            );
        }
    }
}

fn what(item: &Item) -> String {
    match item.kind {
        ItemKind::Name | ItemKind::Id => format!("`{}`", item.text),
        ItemKind::Range | ItemKind::Group => format!("any of `{}`", item.text),
    }
}

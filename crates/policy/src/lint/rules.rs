//! Rules that cannot be, or do nothing.

use crate::{
    assign::call,
    code::Code,
    finding::{Finding, Findings},
    kvm,
    range::IdSet,
    rule::{Rule, Verdict},
    view::RangeView,
};

use super::Subject;

pub(super) fn reserved(subject: &Subject<'_>, findings: &mut Findings) {
    let reserved = kvm::reserved();
    for (_, rule, _) in subject.rules() {
        let touched = rule.calls.intersection(&reserved);
        let Some(first) = touched.ranges().first() else { continue };
        let verb = match rule.verdict {
            Verdict::Handle => continue,
            Verdict::Deny(_) => "denied",
            Verdict::Forward { .. } => "forwarded",
        };
        findings.push(
            Finding::new(Code::Reserved, format!("{} cannot be {verb}", call(first.first())))
                .at(rule.entry(first.first()), format!("{} is reserved", RangeView::new(*first).short()))
                .at(rule.action, "this cannot be done with it")
                .why("KVM answers the Arm Architecture Calls itself, so that no guest is misled about CPU vulnerabilities")
                .hint("leave 0x80000000..=0x8000ffff and 0xc0000000..=0xc000ffff out"),
        );
    }
}

pub(super) fn shadowed(subject: &Subject<'_>, findings: &mut Findings) {
    for (_, rule, decided) in subject.own() {
        if decided.iter().all(IdSet::is_empty) {
            findings.push(
                Finding::new(Code::Shadowed, "this rule decides no call")
                    .at(rule.span, "its exceptions are about all of these")
                    .hint("remove it, and make its exceptions rules"),
            );
        }
        repeated(rule, findings);
        let outer = subject.rule(rule.exception_to);
        if outer.is_some_and(|outer| outer.verdict == rule.verdict) {
            let outer = outer.map_or(rule.action, |outer| outer.action);
            findings.push(
                Finding::new(Code::Shadowed, "this exception says the same as its rule")
                    .at(rule.action, "nothing else happens to these calls")
                    .at(outer, "the rule")
                    .hint("remove the exception"),
            );
        }
    }
}

/// An entry that is in the others already.
fn repeated(rule: &Rule, findings: &mut Findings) {
    // Looking costs the square of their number; nobody writes so many by hand.
    const MOST: usize = 1_000;
    if rule.items.len() > MOST {
        return;
    }
    let mut before = IdSet::default();
    for item in &rule.items {
        if item.written.without(&before).is_empty() {
            findings.push(
                Finding::new(Code::Shadowed, format!("`{}` adds nothing to this list", item.text))
                    .at(item.span, "the entries before it are about all of it")
                    .hint("remove it"),
            );
        }
        before = before.union(&item.written);
    }
}

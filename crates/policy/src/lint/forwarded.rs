//! Calls that are forwarded: to whom.

use switchboard_smccc::{Conduit, FunctionId};

use crate::{
    assign::call,
    code::Code,
    decide::{Decision, Standing},
    finding::{Finding, Findings},
    range::IdSet,
    rule::{ItemKind, Rule, Verdict},
    services::ServiceDescription,
};

use super::{Subject, conduits, either};

/// What is forwarded is owned by somebody, over the conduit over which it comes.
pub(super) fn ownership(subject: &Subject<'_>, findings: &mut Findings) {
    for (_, rule, decided) in subject.rules() {
        let Verdict::Forward { service, .. } = &rule.verdict else { continue };
        let named = service.and_then(|service| subject.services.get(service));
        for ((_, conduit), calls) in conduits().zip(decided) {
            let finding = match named {
                Some(service) => by_name(rule, service, conduit, calls),
                None => by_owner(subject, rule, conduit, calls),
            };
            // Over the other conduit it would be the same finding.
            if let Some(finding) = finding {
                findings.push(finding);
                break;
            }
        }
    }
}

fn by_name(rule: &Rule, service: &ServiceDescription, conduit: Conduit, calls: &IdSet) -> Option<Finding> {
    let foreign = calls.without(service.owned());
    if let Some(first) = foreign.ranges().first() {
        return Some(not_owned(rule, service, first.first()));
    }
    let first = calls.ranges().first()?.first();
    (!service.conduits().include(conduit)).then(|| not_there(rule, service, conduit, first))
}

fn by_owner(subject: &Subject<'_>, rule: &Rule, conduit: Conduit, calls: &IdSet) -> Option<Finding> {
    let there = |service: &&ServiceDescription| service.conduits().include(conduit);
    let owned = |services: &mut dyn Iterator<Item = &ServiceDescription>| {
        services.fold(IdSet::default(), |all, service| all.union(service.owned()))
    };
    let all = || subject.services.iter().map(|(_, service)| service);
    let unowned = calls.without(&owned(&mut all().filter(there)));
    let first = unowned.ranges().first()?.first();
    let elsewhere = all().find(|service| service.owned().contains(first));
    Some(match elsewhere {
        Some(service) => not_there(rule, service, conduit, first),
        None => no_service(subject, rule, first),
    })
}

fn not_owned(rule: &Rule, service: &ServiceDescription, first: FunctionId) -> Finding {
    let name = service.name();
    let mut finding = Finding::new(Code::NotOwned, format!("service `{name}` does not own {}", call(first)))
        .at(rule.entry(first), "this call is not its");
    if let Some(span) = rule.service {
        finding = finding.at(span, "this service");
    }
    let owned: Vec<String> = service.owned().ranges().iter().map(ToString::to_string).collect();
    finding
        .why(format!("`{name}` owns {}", owned.join(", ")))
        .hint("forward only what the service owns; deny the rest, or leave it to KVM")
}

fn not_there(rule: &Rule, service: &ServiceDescription, conduit: Conduit, first: FunctionId) -> Finding {
    let other = match conduit {
        Conduit::Hvc => Conduit::Smc,
        Conduit::Smc => Conduit::Hvc,
    };
    let name = service.name();
    Finding::new(Code::NotOverConduit, format!("service `{name}` is not there over {conduit}"))
        .at(rule.conduit.unwrap_or(rule.entry(first)), format!("forwarded over {conduit} too"))
        .hint(format!("write `conduit = \"{other}\"`"))
}

fn no_service(subject: &Subject<'_>, rule: &Rule, first: FunctionId) -> Finding {
    let names: Vec<&str> = subject.services.names().collect();
    let finding = Finding::new(Code::NoService, format!("no service owns {}", call(first)))
        .at(rule.entry(first), "nobody answers this call")
        .at(rule.action, "forwarded to userspace")
        .hint("deny it; to see the calls that are denied, deny it with `log = true`");
    if names.is_empty() {
        finding
    } else {
        finding.why(format!("there are the services {}", names.join(", ")))
    }
}

/// What KVM must not answer where a service is used.
pub(super) fn behind_its_back(subject: &Subject<'_>, findings: &mut Findings) {
    for (id, service) in subject.services.iter() {
        let both = service.denied().intersection(subject.handled);
        let Some((rule, call_id)) = subject.rule_in(&both) else { continue };
        let reached = either(subject.cells, |cell| {
            cell.decision == Decision::Forward { to: Some(id), standing: Standing::Allowed }
        });
        let Some((forwarding, first)) = subject.rule_in(&reached) else { continue };
        let what = format!("KVM would act behind the back of service `{}`", service.name());
        findings.push(
            Finding::new(Code::BehindItsBack, what)
                .at(rule.entry(call_id), format!("{} is left to KVM", call(call_id)))
                .at(forwarding.entry(first), "here the service answers")
                .why("both would change the same state, and neither would know of the other")
                .hint("deny this call, or leave all of it to KVM"),
        );
    }
}

/// A function that is named, and that the service owns but does not implement.
pub(super) fn not_answered(subject: &Subject<'_>, findings: &mut Findings) {
    for (_, rule, decided) in subject.own() {
        let Verdict::Forward { service, .. } = &rule.verdict else { continue };
        let named = rule.items.iter().filter(|item| matches!(item.kind, ItemKind::Name | ItemKind::Id));
        for item in named {
            let Some(id) = item.written.ranges().first().map(|range| range.first()) else { continue };
            let conduit = conduits().zip(decided).find(|(_, calls)| calls.contains(id));
            let Some(((_, conduit), _)) = conduit else { continue };
            let owner = service.or_else(|| subject.services.owner(id, conduit));
            let Some(service) = owner.and_then(|owner| subject.services.get(owner)) else { continue };
            if service.owned().contains(id) && !service.implements(id) {
                let name = service.name();
                findings.push(
                    Finding::new(
                        Code::NotAnswered,
                        format!("service `{name}` does not implement {}", call(id)),
                    )
                    .at(item.span, "the guest will hear NOT_SUPPORTED")
                    .hint("deny it: that costs no exit"),
                );
            }
        }
    }
}

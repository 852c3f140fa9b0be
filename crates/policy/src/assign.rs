//! Which rule decides a call.
//!
//! Within one file no two rules are about the same call; an exception takes calls out of its rule. A file that extends
//! another lies on top of it, and cannot allow what that one denies by a rule.

use core::ops;
use std::collections::BTreeSet;

use switchboard_filter::Range;
use switchboard_smccc::{Conduit, FunctionId};

use crate::{
    code::Code,
    finding::{Finding, Findings},
    map::Map,
    names,
    range::{CONDUITS, IdSet},
    read::Text,
    rule::{Rule, RuleId},
};

/// The rule of each call, by conduit; a call that is in neither map has none.
pub(crate) type Assigned = [Map<RuleId>; 2];

/// Finds the rule of every call. What is wrong goes to the findings.
pub(crate) fn assign(text: &Text, findings: &mut Findings) -> Assigned {
    let mut reported = BTreeSet::new();
    for rule in &text.rules {
        check_exception(rule, &text.rules, findings);
    }
    CONDUITS.map(|conduit| {
        let mut below = Map::default();
        for layer in text.layers.iter().rev() {
            let mut on_top = Map::default();
            for kind in [Kind::Rule, Kind::Exception] {
                let map = disjoint(&text.rules, layer, conduit, kind, &mut |pair, id| {
                    if reported.insert(pair) {
                        findings.push(overlap(&text.rules, pair, id));
                    }
                });
                on_top = on_top.overlaid(&map);
            }
            check_denials(&below, &on_top, &text.rules, &mut reported, findings);
            below = below.overlaid(&on_top);
        }
        below
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rule,
    Exception,
}

/// The earlier and the later of two rules.
type Pair = (RuleId, RuleId);

fn get(rules: &[Rule], id: RuleId) -> Option<&Rule> {
    rules.get(usize::try_from(id.0).ok()?)
}

/// The rules of one kind in a file, as a map; where two overlap, the first of them has the call.
fn disjoint(
    rules: &[Rule],
    layer: &ops::Range<usize>,
    conduit: Conduit,
    kind: Kind,
    clash: &mut impl FnMut(Pair, FunctionId),
) -> Map<RuleId> {
    let mut entries: Vec<(Range, RuleId)> = Vec::new();
    for (id, rule) in (0..).map(RuleId).zip(rules).skip(layer.start).take(layer.len()) {
        let is = if rule.exception_to.is_some() { Kind::Exception } else { Kind::Rule };
        if is == kind && rule.conduits.include(conduit) {
            entries.extend(rule.calls.ranges().iter().map(|range| (*range, id)));
        }
    }
    entries.sort_unstable();
    let mut kept: Vec<(Range, RuleId)> = Vec::with_capacity(entries.len());
    for (range, id) in entries {
        match kept.last() {
            Some((last, other)) if last.overlaps(range) => {
                clash(((*other).min(id), (*other).max(id)), range.first().max(last.first()));
            }
            _ => kept.push((range, id)),
        }
    }
    Map::of(kept)
}

fn overlap(rules: &[Rule], (a, b): Pair, id: FunctionId) -> Finding {
    let call = call(id);
    let mut finding = Finding::new(Code::Overlap, format!("two rules are about {call}"));
    let (Some(a), Some(b)) = (get(rules, a), get(rules, b)) else { return finding };
    finding = finding
        .at(b.entry(id), "this rule is about it")
        .at(a.entry(id), "and so is this one")
        .why("which of two rules holds does not depend on their order, so no two may be about the same call");
    let inside = |narrow: &Rule, wide: &Rule| narrow.calls.without(&wide.calls).is_empty();
    if a.exception_to.is_none() && (inside(a, b) || inside(b, a)) {
        finding.hint("make the narrower rule an exception to the wider: `[[rule.except]]` right after it")
    } else {
        finding.hint("take the call out of one of them")
    }
}

/// An exception is about calls of its rule, and of nothing else.
fn check_exception(rule: &Rule, rules: &[Rule], findings: &mut Findings) {
    let Some(outer) = rule.exception_to.and_then(|outer| get(rules, outer)) else { return };
    let outside = rule.calls.without(&outer.calls);
    if let Some(first) = outside.ranges().first() {
        let finding =
            Finding::new(Code::OutsideRule, "this exception is about a call that its rule is not about")
                .at(rule.entry(first.first()), format!("{} is no call of the rule", call(first.first())))
                .at(outer.span, "the calls of the rule")
                .hint("write it as a rule of its own");
        findings.push(finding);
    }
    if CONDUITS.into_iter().any(|it| rule.conduits.include(it) && !outer.conduits.include(it)) {
        let finding =
            Finding::new(Code::OutsideRule, "this exception is about a conduit that its rule is not about")
                .at(rule.conduit.unwrap_or(rule.span), "the rule is not about this conduit")
                .at(outer.conduit.unwrap_or(outer.span), "the rule")
                .hint("write it as a rule of its own");
        findings.push(finding);
    }
}

/// What an extended policy denies by a rule, no policy on top of it allows.
fn check_denials(
    below: &Map<RuleId>,
    on_top: &Map<RuleId>,
    rules: &[Rule],
    reported: &mut BTreeSet<Pair>,
    findings: &mut Findings,
) {
    for (range, (denying, allowing)) in below.zip(on_top).entries() {
        let (Some(lower), Some(upper)) = (get(rules, *denying), get(rules, *allowing)) else { continue };
        if lower.allows() || !upper.allows() || !reported.insert((*denying, *allowing)) {
            continue;
        }
        let id = range.first();
        findings.push(
            Finding::new(Code::Weakened, format!("the extended policy denies {}", call(id)))
                .at(upper.entry(id), "this rule allows it")
                .at(lower.entry(id), "this one denies it")
                .why("what an extended policy denies by a rule stays denied")
                .hint("leave these calls out, or extend another policy"),
        );
    }
}

/// A call in a sentence.
pub(crate) fn call(id: FunctionId) -> String {
    match names::name_of(id) {
        Some(name) => format!("{name} ({id})"),
        None => id.to_string(),
    }
}

/// The calls that each rule decides, by conduit.
pub(crate) fn decided(assigned: &Assigned, rules: usize) -> Vec<[IdSet; 2]> {
    let mut ranges: Vec<[Vec<Range>; 2]> = vec![[Vec::new(), Vec::new()]; rules];
    for (index, map) in assigned.iter().enumerate() {
        for (range, rule) in map.entries() {
            let of_rule = usize::try_from(rule.0).ok().and_then(|rule| ranges.get_mut(rule));
            if let Some(of_conduit) = of_rule.and_then(|both| both.get_mut(index)) {
                of_conduit.push(*range);
            }
        }
    }
    ranges.into_iter().map(|both| both.map(IdSet::of)).collect()
}

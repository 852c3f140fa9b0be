//! The two widths of one function.

use switchboard_smccc::{FunctionId, catalogue::Widths};

use crate::{
    code::Code,
    finding::{Finding, Findings},
    names,
    rule::RuleId,
};

use super::{Subject, Who, conduits, some, who};

/// A function that is another one by its other ID: the guest takes the way that is open.
pub(super) fn holes(subject: &Subject<'_>, findings: &mut Findings) {
    let mut found: Vec<(Hole, Vec<FunctionId>)> = Vec::new();
    for function in names::functions().filter(|function| function.widths == Widths::Both) {
        if let Some(hole) = hole(subject, function.id) {
            match found.iter_mut().find(|(known, _)| *known == hole) {
                Some((_, ids)) => ids.push(hole.open(function.id)),
                None => found.push((hole, vec![hole.open(function.id)])),
            }
        }
    }
    for (hole, ids) in found {
        findings.extend(finding(subject, hole, &ids));
    }
}

/// The rules of the width that is more open and of the other one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hole {
    open: Option<RuleId>,
    closed: Option<RuleId>,
    open_is_64: bool,
    closed_is: Who,
}

impl Hole {
    const fn open(&self, smc32: FunctionId) -> FunctionId {
        if self.open_is_64 { smc32.other_width() } else { smc32 }
    }
}

fn hole(subject: &Subject<'_>, smc32: FunctionId) -> Option<Hole> {
    conduits().find_map(|(_, conduit)| {
        let narrow = subject.cell(smc32, conduit)?;
        let wide = subject.cell(smc32.other_width(), conduit)?;
        let (open, closed, open_is_64) = match (who(&narrow), who(&wide)) {
            (a, b) if a == b => return None,
            (Who::Nobody, _) => (wide, narrow, true),
            _ => (narrow, wide, false),
        };
        Some(Hole { open: open.rule, closed: closed.rule, open_is_64, closed_is: who(&closed) })
    })
}

fn finding(subject: &Subject<'_>, hole: Hole, ids: &[FunctionId]) -> Option<Finding> {
    let first = *ids.first()?;
    let (open, closed) = (subject.rule(hole.open)?, subject.rule(hole.closed));
    let (this, other) = if hole.open_is_64 { ("SMC64", "SMC32") } else { ("SMC32", "SMC64") };
    let names = some(ids);
    let (what, label) = match hole.closed_is {
        Who::Nobody => (format!("{names}: allowed as {this}, denied as {other}"), "this width is allowed"),
        _ => {
            (format!("{names}: the widths are answered by different parties"), "this width is answered here")
        }
    };
    let mut finding = Finding::new(Code::AliasHole, what).at(open.entry(first), label);
    finding = match closed {
        Some(closed) => finding.at(closed.entry(first.other_width()), "the other one by this rule"),
        None => finding.why(format!("no rule names the {other} function, so it is denied")),
    };
    Some(finding.hint("a guest may use either: give both the same fate, by leaving `widths` out"))
}

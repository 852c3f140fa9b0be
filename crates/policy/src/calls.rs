//! The entries of a list of calls.

use switchboard_smccc::{FunctionId, Width};

use crate::{
    code::Code,
    finding::Finding,
    groups, names,
    range::{IdSet, range},
    rule::{Item, ItemKind},
    services::Services,
    source::Span,
};

/// An entry, and the calls it is about in the widths that its rule has. In a rule that forwards, `owned` is what can be:
/// of a group, nothing else is meant.
pub(crate) fn item(
    text: &str,
    span: Span,
    width: Option<Width>,
    owned: Option<&IdSet>,
    services: &Services,
) -> Result<(Item, IdSet), Finding> {
    let (kind, mut written) = written(text, span, services)?;
    if let (ItemKind::Group, Some(owned)) = (kind, owned) {
        let served = written.intersection(owned);
        // A group of which nobody owns anything is a mistake, and will be shown as one.
        written = if served.is_empty() { written } else { served };
    }
    let both = match kind {
        // A name or a group stands for the functions that there are.
        ItemKind::Name | ItemKind::Group => written.clone(),
        ItemKind::Id | ItemKind::Range => written.union(&written.other_width()),
    };
    let covered = match width {
        None => both,
        Some(width) => both.intersection(&names::of_width(width)),
    };
    if covered.is_empty() {
        return Err(Finding::new(Code::NoCalls, format!("`{text}` has no function in this width"))
            .at(span, "nothing is left of this")
            .hint("leave `widths` out, or name the call in a rule without it"));
    }
    Ok((Item { span, text: text.to_owned(), written, kind, covered: covered.clone() }, covered))
}

fn written(text: &str, span: Span, services: &Services) -> Result<(ItemKind, IdSet), Finding> {
    if let Some(group) = text.strip_prefix('@') {
        let calls = groups::find(group, services).ok_or_else(|| unknown_group(group, span, services))?;
        return Ok((ItemKind::Group, calls));
    }
    if let Some((first, last)) = text.split_once("..") {
        return ends(text, first, last, span);
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let id = number(text).ok_or_else(|| not_an_id(text, span))?;
        return Ok((ItemKind::Id, IdSet::of(range(id, id))));
    }
    let named = names::find_by_name(text).ok_or_else(|| unknown_name(text, span))?;
    Ok((ItemKind::Name, names::set(named)))
}

fn ends(text: &str, first: &str, last: &str, span: Span) -> Result<(ItemKind, IdSet), Finding> {
    let Some(last) = last.strip_prefix('=') else {
        return Err(Finding::new(Code::BadRange, format!("`{text}` is no range of function IDs"))
            .at(span, "does it include its end?")
            .hint(format!("both ends of a range are in it: write `{first}..={last}`")));
    };
    let end = |text: &str| number(text.trim()).ok_or_else(|| not_an_id(text.trim(), span));
    let (first, last) = (end(first)?, end(last)?);
    let Some(range) = range(first, last) else {
        return Err(Finding::new(Code::BadRange, format!("the range `{text}` ends before it starts"))
            .at(span, "there is no call in it")
            .hint(format!("the lower end comes first: `{last}..={first}`")));
    };
    Ok((ItemKind::Range, IdSet::of([range])))
}

/// A function ID is written as `0x` and up to eight digits; an underscore may stand between them.
fn number(text: &str) -> Option<FunctionId> {
    let digits = text.strip_prefix("0x")?.replace('_', "");
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(&digits, 16).ok()).flatten().map(FunctionId)
}

fn not_an_id(text: &str, span: Span) -> Finding {
    Finding::new(Code::BadRange, format!("`{text}` is no function ID"))
        .at(span, "expected `0x` and up to eight hexadecimal digits")
        .hint("a call is a name (`CPU_ON`), a group (`@psci`), an ID (`0xc4000003`) or a range of IDs")
}

fn unknown_group(group: &str, span: Span, services: &Services) -> Finding {
    let finding = Finding::new(Code::UnknownGroup, format!("there is no group `@{group}`"))
        .at(span, "no group has this name");
    match groups::closest(group, services) {
        Some(meant) => finding.hint(format!("did you mean `@{meant}`?")),
        None => finding.hint("`switchboard policy groups` lists them"),
    }
}

fn unknown_name(name: &str, span: Span) -> Finding {
    let finding = Finding::new(Code::UnknownName, format!("there is no function `{name}`"))
        .at(span, "no function has this name");
    match names::closest_function(name) {
        Some(meant) => finding.hint(format!("did you mean `{meant}`?")),
        None => finding.hint("a function without a name is written as its ID, e.g. `0xc4000003`"),
    }
}

//! How function IDs and ranges look in JSON and in text.

use core::fmt;

use serde::{Serialize, Serializer};
use switchboard_filter::Range;
use switchboard_smccc::{Conduit, FunctionId};

use crate::names;

/// A range, with the names in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RangeView {
    /// The first function ID.
    #[serde(serialize_with = "id")]
    pub first: FunctionId,
    /// The last function ID.
    #[serde(serialize_with = "id")]
    pub last: FunctionId,
    /// The functions in it that have names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
}

/// Items over HVC, then over SMC, for a list: those that are the same over both are one, and all are in order.
pub(crate) fn over_both<'a, T>(
    items: &'a [T],
    key: impl Fn(&'a T) -> (Conduit, FunctionId),
    same: impl Fn(&T, &T) -> bool,
) -> Vec<(&'a T, &'static str)> {
    let over = |conduit: Conduit| {
        let key = &key;
        items.iter().filter(move |item| key(item).0 == conduit)
    };
    let mut lines = Vec::with_capacity(items.len());
    let mut smc = over(Conduit::Smc).peekable();
    for item in over(Conduit::Hvc) {
        while let Some(before) = smc.next_if(|other| key(other).1 < key(item).1) {
            lines.push((before, Conduit::Smc.name()));
        }
        match smc.next_if(|other| same(other, item)) {
            Some(_) => lines.push((item, "both")),
            None => lines.push((item, Conduit::Hvc.name())),
        }
    }
    lines.extend(smc.map(|item| (item, Conduit::Smc.name())));
    lines
}

impl RangeView {
    /// Without what aligns it in a list.
    pub(crate) fn short(&self) -> String {
        self.to_string().trim_end().to_owned()
    }

    pub(crate) fn new(range: Range) -> Self {
        Self { first: range.first(), last: range.last(), names: names::describe(range) }
    }
}

impl fmt::Display for RangeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{:<23}", format!("{}", self.first))
        } else {
            write!(f, "{}..={}", self.first, self.last)
        }
    }
}

pub(crate) fn id<S: Serializer>(id: &FunctionId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
pub(crate) fn conduit<S: Serializer>(conduit: &Conduit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(conduit.name())
}

//! The support table of the general queries.

use switchboard_smccc::{catalogue, general};

use super::query::{OWNERS, Query};
use crate::{Support, Supported};

/// What holds for every query, answered or not, and is otherwise in KVM.
pub const GENERAL_NOTE: &str =
    "over HVC and SMC, for the owners that were asked for. KVM answers none of these";

/// Every query of the owners that can be asked for, by ID.
pub fn support() -> impl Iterator<Item = Support> {
    let queries = catalogue::functions().iter().filter(|function| {
        function.id.number() >= general::FIRST_NUMBER
            && OWNERS.iter().any(|&(owner, _)| owner == function.id.owner())
    });
    queries.map(|function| match Query::from_id(function.id) {
        Some(query) => Support { function, supported: Supported::Yes, note: note(query) },
        None => Support { function, supported: Supported::No, note: "deprecated" },
    })
}

const fn note(query: Query) -> &'static str {
    match query {
        Query::CallUid(_) => "a UUID of Switchboard's own, fixed",
        Query::Revision => "1.0: x0 is the major number, x1 the minor one",
    }
}

//! `switchboard names`.

use serde::Serialize;
use switchboard_smccc::catalogue::{self, Function, Widths};

use crate::{cli::NamesArguments, exit::Status, failure::Failure, policy, report};

#[derive(Serialize)]
struct Row {
    name: &'static str,
    smc32: Option<String>,
    smc64: Option<String>,
    owner: String,
    specification: String,
    section: &'static str,
    since: Option<&'static str>,
}

/// Lists the functions that are known by name.
pub(crate) fn names(arguments: &NamesArguments) -> Result<Status, Failure> {
    let wanted = arguments.text.as_deref().unwrap_or_default().to_ascii_uppercase();
    let has_id = |id: &Option<String>| id.as_ref().is_some_and(|id| id.to_ascii_uppercase() == wanted);
    let is_wanted = |row: &Row| {
        has_id(&row.smc32)
            || has_id(&row.smc64)
            || row.name.to_ascii_uppercase().contains(&wanted)
            || row.specification.to_ascii_uppercase().contains(&wanted)
    };
    let rows: Vec<_> = catalogue::functions().iter().map(row).filter(is_wanted).collect();
    if rows.is_empty() {
        let text = arguments.text.as_deref().unwrap_or_default();
        let message = format!("no name, specification or function ID has `{text}` in it");
        return Err(Failure::new(Status::NoSuchFunction, message, None));
    }
    if arguments.output.json {
        return policy::print_text(&report::json(&rows));
    }
    policy::print_text(&rows.iter().map(line).collect::<String>())
}

fn row(function: &Function) -> Row {
    let id = function.id;
    let (smc32, smc64) = match function.widths {
        Widths::Smc32 => (Some(id), None),
        Widths::Smc64 => (None, Some(id)),
        Widths::Both => (Some(id), Some(id.other_width())),
    };
    Row {
        name: function.name,
        smc32: smc32.map(|id| id.to_string()),
        smc64: smc64.map(|id| id.to_string()),
        owner: id.owner().to_string(),
        specification: function.document.to_string(),
        section: function.section,
        since: function.since,
    }
}

fn line(row: &Row) -> String {
    let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".to_owned());
    format!("{:<28} {:<10} {:<10} {}\n", row.name, id(&row.smc32), id(&row.smc64), row.specification)
}

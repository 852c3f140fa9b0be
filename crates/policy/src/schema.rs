//! The JSON schema of policy files, for editors.

use crate::file::File;

/// The schema, made from the types that read a policy: JSON, with a newline at its end.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(File);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

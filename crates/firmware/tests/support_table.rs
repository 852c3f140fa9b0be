//! The guide's support table is the code's. `UPDATE_DOCS=1` writes it.

use std::{env, fmt::Write, fs, path::Path};

use switchboard_firmware::{
    Supported,
    psci::{GENERAL_NOTE, support},
};
use switchboard_smccc::catalogue::Widths;

const BEGIN: &str = "by `UPDATE_DOCS=1 cargo test -p switchboard-firmware` -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_guides_table_of_psci_is_the_codes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/psci.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();

    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", render())).unwrap();
        return;
    }
    assert_eq!(table, render(), "run `UPDATE_DOCS=1 cargo test -p switchboard-firmware`");
}

fn render() -> String {
    let mut table = String::from("\n| function | SMC32 | SMC64 | support | notes |\n|---|---|---|---|---|\n");
    writeln!(table, "| every function | | | | {GENERAL_NOTE} |").unwrap();
    for row in support() {
        let function = row.function;
        let wide =
            if function.widths == Widths::Both { function.id.other_width().to_string() } else { "-".into() };
        let support = match row.supported {
            Supported::Yes => "yes".into(),
            Supported::Since(version) => format!("from {version} on"),
            Supported::No => "not supported".into(),
        };
        let name = function.name;
        writeln!(table, "| `{name}` | {} | {wide} | {support} | {} |", function.id, row.note).unwrap();
    }
    table.push('\n');
    table
}

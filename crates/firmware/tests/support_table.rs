//! The guide's support tables are the code's. `UPDATE_DOCS=1` writes them.

use std::{env, fmt::Write, fs, path::Path};

use switchboard_firmware::{Support, Supported, general, hyperv, kvm, psci, pv_time, trng, watchdog};
use switchboard_smccc::catalogue::Widths;

const BEGIN: &str = "by `UPDATE_DOCS=1 cargo test -p switchboard-firmware` -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_guides_table_of_psci_is_the_codes() {
    check("psci", psci::GENERAL_NOTE, psci::support());
}

#[test]
fn the_guides_table_of_trng_is_the_codes() {
    check("trng", trng::GENERAL_NOTE, trng::support());
}

#[test]
fn the_guides_table_of_kvms_own_services_is_the_codes() {
    check("kvm-vendor", kvm::GENERAL_NOTE, kvm::support());
}

#[test]
fn the_guides_table_of_hyper_v_is_the_codes() {
    check("hyper-v", hyperv::GENERAL_NOTE, hyperv::support());
}

#[test]
fn the_guides_table_of_paravirtualized_time_is_the_codes() {
    check("pv-time", pv_time::GENERAL_NOTE, pv_time::support());
}

#[test]
fn the_guides_table_of_the_watchdog_is_the_codes() {
    check("watchdog", watchdog::GENERAL_NOTE, watchdog::support());
}

#[test]
fn the_guides_table_of_the_general_queries_is_the_codes() {
    check("general", general::GENERAL_NOTE, general::support());
}

fn check(page: &str, general_note: &str, rows: impl Iterator<Item = Support>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/src/reference/{page}.md"));
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();

    let expected = render(general_note, rows);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(table, expected, "run `UPDATE_DOCS=1 cargo test -p switchboard-firmware`");
}

fn render(general_note: &str, rows: impl Iterator<Item = Support>) -> String {
    let mut table = String::from("\n| function | SMC32 | SMC64 | support | notes |\n|---|---|---|---|---|\n");
    writeln!(table, "| every function | | | | {general_note} |").unwrap();
    for row in rows {
        let function = row.function;
        let (narrow, wide) = match function.widths {
            Widths::Smc32 => (function.id.to_string(), "-".into()),
            Widths::Smc64 => ("-".into(), function.id.to_string()),
            Widths::Both => (function.id.to_string(), function.id.other_width().to_string()),
        };
        let support = match row.supported {
            Supported::Yes => "yes".into(),
            Supported::Since(version) => format!("from {version} on"),
            Supported::No => "not supported".into(),
        };
        writeln!(table, "| `{}` | {narrow} | {wide} | {support} | {} |", function.name, row.note).unwrap();
    }
    table.push('\n');
    table
}

//! The guide's reference pages hold the help that the program prints. `UPDATE_DOCS=1` writes them.

#![allow(missing_docs, reason = "tests")]

use std::{env, fs, path::Path, process::Command};

const BEGIN: &str = "<!-- generated: by `UPDATE_DOCS=1 cargo test -p switchboard` -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_guide_holds_the_help_of_run() {
    compare("run");
}

#[test]
fn the_guide_holds_the_help_of_ctl() {
    compare("ctl");
}

#[test]
fn the_guide_holds_the_help_of_host() {
    compare("host");
}

fn compare(command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/src/reference/{command}.md"));
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (block, after) = rest.split_once(END).unwrap();
    let help = format!("\n```text\n{}```\n\n", help(command));

    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{help}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(block, help, "run `UPDATE_DOCS=1 cargo test -p switchboard`");
}

fn help(command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args([command, "--help"])
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

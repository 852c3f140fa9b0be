//! Makes the copies: the power table as it is, and one for each mistake, all of them on loom's atomics.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

// The library's.
#[path = "../src/invariant.rs"]
pub mod invariant;
#[path = "../src/list.rs"]
pub mod list;

use list::{Change, MUTANTS, change};

/// What makes a module of this crate, on loom's atomics, of the original. Nothing else of it is touched.
const ADAPTATIONS: &[Change] = &[
    change("use core::sync::atomic::{", "use loom::sync::atomic::{"),
    change("use crate::{CpuIndex, EntryPoint};", "use switchboard_firmware::{CpuIndex, EntryPoint};"),
    // A broken invariant unwinds, and what is dropped then is no part of the model.
    change(
        "fn drop(&mut self) {\n",
        "fn drop(&mut self) {\n        if std::thread::panicking() {\n            return;\n        }\n",
    ),
];

/// What must not be left: it would not be loom's, or not be found.
const FOREIGN: &[&str] = &["sync::atomic", "crate::", "super"];

/// Before each copy but the original: Clippy finds nothing there that it does not find in the original, and takes minutes for it.
const UNLINTED: &str = "#[cfg(not(clippy))]";

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo says where this is"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo says where to write"));
    let source = root.join("../firmware/src/psci/power.rs");
    println!("cargo::rerun-if-changed={}", source.display());
    println!("cargo::rerun-if-changed=src/invariant.rs");
    println!("cargo::rerun-if-changed=src/list.rs");
    println!("cargo::rerun-if-changed=build/main.rs");
    let original = fs::read_to_string(&source).expect("the power table's source is there");

    let mut modules = String::new();
    let mut makers = String::new();
    let mut add = |name: &str, text: &str| {
        let unlinted = if name == "original" { "" } else { UNLINTED };
        let path = out.join(format!("{name}.rs"));
        write(&path, &adapted(text));
        writeln!(
            modules,
            "{unlinted}\n#[path = {path:?}]\nmod {name};\n{unlinted}\ncrate::table::adapt!({name});"
        )
        .expect("a string can be written to");
        writeln!(makers, "    {unlinted}\n    crate::table::make::<{name}::PowerTable>,")
            .expect("a string can be written to");
    };
    add("original", &original);
    for (number, mutant) in MUTANTS.iter().enumerate() {
        let text = mutant.changes.iter().fold(original.clone(), |text, change| {
            changed(&text, change).unwrap_or_else(|error| panic!("mutant {:?}: {error}", mutant.mistake))
        });
        add(&format!("m{number:02}"), &text);
    }
    let text = format!(
        "{modules}\n/// The original, then the mutants by the order of the list.\npub(crate) const MAKERS: \
         &[crate::table::Make] = &[\n{makers}];\n"
    );
    write(&out.join("tables.rs"), &text);
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the output can be written");
}

/// A source of the power table as that of a module here.
fn adapted(text: &str) -> String {
    let text = ADAPTATIONS.iter().fold(text.to_owned(), |text, adaptation| {
        changed(&text, adaptation).unwrap_or_else(|error| panic!("the power table, for loom: {error}"))
    });
    let text = text.replace("pub(super) ", "pub ");
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    for line in code {
        let is_foreign = |word: &&&str| line.replace("loom::sync::atomic", "").contains(**word);
        if let Some(word) = FOREIGN.iter().find(is_foreign) {
            panic!("the power table, for loom: {word:?} is left, which needs an adaptation\n{line}");
        }
    }
    text
}

fn changed(text: &str, change: &Change) -> Result<String, String> {
    let found = text.matches(change.from).count();
    if found == change.times {
        Ok(text.replace(change.from, change.to))
    } else {
        Err(format!("its text is there {found} times, not {}\n{}", change.times, change.from))
    }
}

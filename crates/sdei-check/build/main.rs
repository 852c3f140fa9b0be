//! Makes the copies: the state machine of SDEI as it is, and one for each mistake.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

// The library's.
#[path = "../src/list.rs"]
pub mod list;

use list::{Change, MUTANTS};

/// The files that decide. What describes events, and speaks of registers, is not copied.
const FILES: [&str; 5] = ["state", "handlers", "interrupts", "delivery", "check"];

/// What makes modules of this crate of them. Nothing else is touched.
const ADAPTATIONS: [(&str, &str); 2] =
    [("pub(super) ", "pub "), ("use crate::", "use switchboard_firmware::")];

/// Before each copy but the original: Clippy finds nothing there that it does not find in the original, and takes minutes for it.
const UNLINTED: &str = "#[cfg(not(clippy))]";

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo says where this is"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo says where to write"));
    let source = root.join("../firmware/src/sdei");
    println!("cargo::rerun-if-changed=src/list.rs");
    println!("cargo::rerun-if-changed=build/main.rs");
    let original = FILES.map(|name| {
        let path = source.join(format!("{name}.rs"));
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });

    let mut modules = String::new();
    let mut makers = String::new();
    let mut add = |name: &str, files: &[String; FILES.len()]| {
        let unlinted = if name == "original" { "" } else { UNLINTED };
        let folder = out.join(name);
        fs::create_dir_all(&folder).expect("the output can be written");
        // What is not copied, under the name that the files know it by.
        let mut inner = String::from("pub use switchboard_firmware::sdei as description;\n");
        for (file, text) in FILES.iter().zip(files) {
            let path = folder.join(format!("{file}.rs"));
            write(&path, &adapted(text));
            writeln!(inner, "#[path = {path:?}]\npub mod {file};").expect("a string can be written to");
        }
        writeln!(
            modules,
            "{unlinted}\npub mod {name} {{\n{inner}}}\n{unlinted}\ncrate::subject::adapt!({name});"
        )
        .expect("a string can be written to");
        writeln!(makers, "    {unlinted}\n    |cpus, events, interrupts| Ok(Box::new({name}::state::State::new(cpus, events, interrupts)?)),")
            .expect("a string can be written to");
    };
    add("original", &original);
    for (number, mutant) in MUTANTS.iter().enumerate() {
        let mut files = original.clone();
        for change in mutant.changes {
            apply(&mut files, change).unwrap_or_else(|error| panic!("mutant {:?}: {error}", mutant.mistake));
        }
        add(&format!("m{number:02}"), &files);
    }
    let text = format!(
        "{modules}\n/// The original, then the mutants by the order of the list.\npub(crate) const MAKERS: \
         &[crate::subject::Make] = &[\n{makers}];\n"
    );
    write(&out.join("copies.rs"), &text);
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the output can be written");
}

/// A file of the state machine as that of a module here.
fn adapted(text: &str) -> String {
    let text = ADAPTATIONS.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    let foreign = text.lines().find(|line| line.contains("crate::") && !line.trim_start().starts_with("//"));
    assert!(foreign.is_none(), "this needs an adaptation: {foreign:?}");
    text
}

/// A change of the one file that has its text as often as it says.
fn apply(files: &mut [String], change: &Change) -> Result<(), String> {
    let found: usize = files.iter().map(|text| text.matches(change.from).count()).sum();
    if found != change.times {
        return Err(format!("its text is there {found} times, not {}\n{}", change.times, change.from));
    }
    for text in files {
        *text = text.replace(change.from, change.to);
    }
    Ok(())
}

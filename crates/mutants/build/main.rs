//! Makes the copies: for each mutant a module with all of `switchboard-hyp`, one text of it changed, and the program that
//! performs `switchboard-conform`'s programs on it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

// The library's.
#[path = "../src/list.rs"]
pub mod list;

use list::{MUTANTS, Mutant};

/// Before each copy: Clippy finds nothing there that it does not find in the original, and takes minutes for it.
const UNLINTED: &str = "#[cfg(not(clippy))]";

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo says where this is"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo says where to write"));
    let hyp = root.join("../hyp/src");
    let model = root.join("../conform/src/model.rs");
    println!("cargo::rerun-if-changed={}", hyp.display());
    println!("cargo::rerun-if-changed={}", model.display());
    println!("cargo::rerun-if-changed=src/list.rs");
    println!("cargo::rerun-if-changed=build/main.rs");
    let mut modules = String::new();
    let mut runs = String::new();
    for (number, mutant) in MUTANTS.iter().enumerate() {
        let name = format!("m{number:02}");
        let folder = out.join(&name);
        copy(mutant, &name, &hyp, &folder);
        copy_model(&name, &model, &folder);
        fs::write(folder.join("mod.rs"), MODULE).expect("the output can be written");
        let path = folder.join("mod.rs");
        writeln!(modules, "{UNLINTED}\n#[path = {path:?}]\nmod {name};").expect("a string can be written to");
        writeln!(runs, "    {UNLINTED}\n    {name}::run,").expect("a string can be written to");
    }
    let text = format!(
        "{modules}\n/// By the order of the list.\npub(crate) const RUNS: &[crate::Run] = &[\n{runs}];\n"
    );
    fs::write(out.join("mutants.rs"), text).expect("the output can be written");
}

/// What holds a copy together. Its configuration is of another type than the original's, so it is made anew.
const MODULE: &str = r"
mod hyp;
mod model;

use hyp::{KvmVersion, Mitigations, VmConfig, Workaround, Workaround2};
use switchboard_conform::{Observation, Program};

pub(crate) fn run(
    program: &Program,
    config: &switchboard_hyp::VmConfig,
    recorded: Option<&[Observation]>,
) -> Vec<Observation> {
    let version = KvmVersion::new(config.version.major, config.version.minor, config.version.patch);
    let mitigations = Mitigations {
        workaround_1: Workaround::from_level(config.mitigations.workaround_1.level()).unwrap(),
        workaround_2: Workaround2::from_level(config.mitigations.workaround_2.level()).unwrap(),
        workaround_3: Workaround::from_level(config.mitigations.workaround_3.level()).unwrap(),
    };
    let config = VmConfig {
        empty_range: config.empty_range,
        mitigations,
        max_vcpus: config.max_vcpus,
        ..VmConfig::new(version)
    };
    model::run(program, &config, recorded)
}
";

fn copy(mutant: &Mutant, name: &str, hyp: &Path, folder: &Path) {
    let target = folder.join("hyp");
    fs::create_dir_all(&target).expect("the output can be written");
    let mut changed = 0;
    for entry in fs::read_dir(hyp).expect("the sources of hyp are there") {
        let path = entry.expect("a folder can be read").path();
        let file = path.file_name().and_then(|file| file.to_str()).expect("names are text");
        let mut text = fs::read_to_string(&path).expect("sources are text");
        if file == mutant.file {
            changed = text.matches(mutant.from).count();
            text = text.replace(mutant.from, mutant.to);
        }
        let file = if file == "lib.rs" {
            text = without_crate_attributes(&text);
            "mod.rs"
        } else {
            file
        };
        // The original's own tests would notice some of the mistakes too; here they are not what is tried.
        let text = text.replace("#[cfg(test)]", "#[cfg(any())]");
        let text = text.replace("crate::", &format!("crate::generated::{name}::hyp::"));
        fs::write(target.join(file), text).expect("the output can be written");
    }
    assert!(
        changed == 1,
        "mutant {:?}: its text is {changed} times in {}, not once\n{}",
        mutant.mistake,
        mutant.file,
        mutant.from
    );
}

/// The root of a crate as that of a module.
fn without_crate_attributes(text: &str) -> String {
    let readme = text.find("/// The examples in the README").unwrap_or(text.len());
    let is_for_crates = |line: &&str| line.starts_with("#![") || line.starts_with("extern crate");
    text[..readme]
        .lines()
        .filter(|line| !is_for_crates(line) && *line != "#[cfg(test)]")
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn copy_model(name: &str, model: &Path, folder: &Path) {
    let text = fs::read_to_string(model).expect("sources are text");
    let text = text
        .replace("crate::", "switchboard_conform::")
        .replace("switchboard_hyp::", &format!("crate::generated::{name}::hyp::"));
    fs::write(folder.join("model.rs"), text).expect("the output can be written");
}

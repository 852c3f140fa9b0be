//! The files in `tests/policies`, each with exactly what is said about it beside it.
//!
//! `UPDATE_EXPECT=1` writes what is said.

mod common;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use switchboard_policy::{Code, Colour, Denials, Level, Policy, Source};

fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(kind);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<Policy, switchboard_policy::Refused> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let source = Source::new(name, fs::read_to_string(path).unwrap());
    Policy::read(source, &common::services(), Denials::InKernel)
}

/// The text beside a file is this one.
fn expect(path: &Path, mut said: String, wrong: &mut Vec<String>) {
    said.push('\n');
    let beside = path.with_extension("txt");
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&beside, &said).unwrap();
        return;
    }
    let expected = fs::read_to_string(&beside).unwrap_or_default();
    if expected != said {
        wrong.push(format!("{}:\n{said}\ninstead of\n{expected}", path.display()));
    }
}

#[test]
fn every_invalid_policy_is_refused_or_warned_about_in_exactly_these_words() {
    let mut wrong = Vec::new();
    let files = files("invalid");
    assert!(files.len() >= 40, "{}", files.len());
    for path in files {
        let said = match read(&path) {
            Ok(policy) => {
                let warnings = policy.findings().count(Level::Warning) + policy.findings().count(Level::Note);
                assert!(warnings > 0, "nothing is said about {}", path.display());
                policy.findings().render(Colour::Never)
            }
            Err(refused) => {
                assert!(refused.0.has_errors());
                refused.to_string()
            }
        };
        expect(&path, said, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn about_every_valid_policy_nothing_is_said_and_its_proof_is_exactly_this() {
    let mut wrong = Vec::new();
    for path in files("valid") {
        let policy = read(&path).unwrap_or_else(|refused| panic!("{refused}"));
        assert_eq!(policy.findings().count(Level::Warning), 0, "{}: {}", path.display(), policy.findings());
        let proof = policy.proof().unwrap();
        expect(&path, format!("{}\n{proof}", policy.table()), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_code_is_found_in_some_file() {
    let said: String = files("invalid")
        .iter()
        .map(|path| fs::read_to_string(path.with_extension("txt")).unwrap_or_default())
        .collect();
    // A file of 4 MiB is made where it is needed.
    let missing: Vec<_> =
        Code::ALL.iter().filter(|code| **code != Code::TooLarge && !said.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_file_that_no_policy_needs_to_be_as_large_as_is_refused() {
    let text = format!("version = 1\n#{}", " ".repeat(5 << 20));
    let refused = common::read(&text).unwrap_err();
    assert_eq!(refused.0.diagnoses()[0].code, Code::TooLarge);
}

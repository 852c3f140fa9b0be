//! The files in `conformance/`: each can be read, each case says where it is from, and every known deviation has one.

#![allow(missing_docs, reason = "tests")]

use std::{collections::HashSet, fs, path::PathBuf};

use switchboard_cases::{Case, Conduit, File};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance")
}

/// The text of every file, leaked: cases are views into it.
fn texts() -> Vec<(String, &'static str)> {
    let mut texts: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, &*fs::read_to_string(path).unwrap().leak())
        })
        .collect();
    texts.sort_unstable();
    texts
}

fn cases() -> Vec<(String, Case<'static>)> {
    let mut cases = Vec::new();
    for (name, text) in texts() {
        let file = File::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.extend(file.cases().map(|case| (name.clone(), case)));
    }
    cases
}

#[test]
fn every_file_can_be_read_and_has_cases() {
    for (name, text) in texts() {
        let file = File::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(file.cases().count() >= 5, "{name}");
    }
}

#[test]
fn the_guest_carries_every_file() {
    let guest = fs::read_to_string(folder().join("../guests/src/tests/conformance.rs")).unwrap();
    for (name, _) in texts() {
        assert!(guest.contains(&format!("conformance/{name}")), "{name}");
    }
}

#[test]
fn names_are_unique_over_all_files_and_fit_a_tap_line() {
    let mut seen = HashSet::new();
    for (file, case) in cases() {
        assert!(seen.insert((file.clone(), case.name())), "{}", case.name());
        assert!(!case.name().contains('#'), "{}: TAP ends a description there", case.name());
        assert!(case.name().len() <= 120, "{}", case.name());
    }
}

#[test]
fn every_case_cites_a_document_with_a_section_or_a_deviation() {
    for (file, case) in cases() {
        for cite in case.cites() {
            let is_deviation = deviation(cite).is_some();
            let is_document = ["DEN", "Arm ARM ", "Linux, ", "TLFS, ", "OpenVMM, "]
                .iter()
                .any(|start| cite.starts_with(start));
            assert!(is_deviation || is_document && cite.contains(' '), "{file}: {}: {cite}", case.name());
        }
        assert!(Conduit::ALL.iter().any(|&conduit| case.is_over(conduit)), "{file}: {}", case.name());
    }
}

#[test]
fn every_known_deviation_has_a_case_or_a_reason_for_having_none() {
    let cited: HashSet<_> =
        cases().iter().flat_map(|(_, case)| case.cites().filter_map(deviation).collect::<Vec<_>>()).collect();
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let excused: HashSet<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| D"))
        .filter_map(|row| row.split(' ').next()?.parse::<u32>().ok())
        .collect();
    for number in 1..=20_u32 {
        assert!(cited.contains(&number) || excused.contains(&number), "D{number}");
        assert!(
            !(cited.contains(&number) && excused.contains(&number)),
            "D{number} has a case and an excuse"
        );
    }
}

fn deviation(cite: &str) -> Option<u32> {
    cite.strip_prefix('D')?.parse().ok()
}

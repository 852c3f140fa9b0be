//! The tables in `README.md` name tests that there are.

const TABLES: &str = include_str!("README.md");

/// Every file of tests, by its name in the tables.
const FILES: [(&str, &str); 15] = [
    ("aarch32", include_str!("aarch32.rs")),
    ("calls", include_str!("calls.rs")),
    ("filter_attribute", include_str!("filter_attribute.rs")),
    ("firmware_registers", include_str!("firmware_registers.rs")),
    ("hypercall_exit", include_str!("hypercall_exit.rs")),
    ("namespaces", include_str!("namespaces.rs")),
    ("nested", include_str!("nested.rs")),
    ("no_allocation", include_str!("no_allocation.rs")),
    ("psci_power", include_str!("psci_power.rs")),
    ("psci_system", include_str!("psci_system.rs")),
    ("psci_versions", include_str!("psci_versions.rs")),
    ("services", include_str!("services.rs")),
    ("two_threads", include_str!("two_threads.rs")),
    ("untouched", include_str!("untouched.rs")),
    ("vcpus", include_str!("vcpus.rs")),
];

/// The tests that a text names: `file::name`, in backquotes.
fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::"))
}

/// The rows of the tables that say where something is shown.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_row = |line: &&str| line.starts_with("| ") && line.matches(" | ").count() == 2;
    TABLES.lines().filter(is_row).filter(|line| !line.ends_with("| here |")).map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        (cells[0], cells[2])
    })
}

#[test]
fn every_test_that_the_tables_name_is_in_the_file_they_say() {
    let mut count = 0;
    for (file, name) in named(TABLES) {
        let found = FILES.iter().find(|(known, _)| *known == file);
        let (_, text) = found.unwrap_or_else(|| panic!("no file of tests is called {file}"));
        assert!(text.contains(&format!("#[test]\nfn {name}() {{")), "{file}.rs has no test {name}");
        count += 1;
    }
    assert!(count > 60, "the tables were not read: {count}");
}

#[test]
fn every_row_names_a_test_or_says_why_there_is_none() {
    for (item, shown) in rows() {
        assert!(named(shown).next().is_some() || shown.starts_with("not here: "), "{item}: {shown}");
    }
}

#[test]
fn every_edge_case_has_a_row() {
    let items: Vec<_> = rows().map(|(item, _)| item).collect();
    for number in 1..=23 {
        assert!(items.contains(&format!("edge {number}").as_str()), "{number}");
    }
}

#[test]
fn every_file_of_tests_has_a_row() {
    for (file, _) in FILES {
        assert!(TABLES.contains(&format!("`{file}.rs`")), "{file}");
    }
}

//! `switchboard policy`, `explain` and `names`, on any machine: what they print, where, and how they end.

#![allow(missing_docs, reason = "tests")]

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

fn switchboard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchboard")).args(arguments).output().unwrap()
}

#[track_caller]
fn prints(arguments: &[&str], status: i32) -> String {
    let output = switchboard(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn complains(arguments: &[&str], status: i32) -> String {
    let output = switchboard(arguments);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    assert!(output.stdout.is_empty(), "standard output is data");
    String::from_utf8(output.stderr).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_shipped_policy_is_listed_and_has_no_errors() {
    let names = prints(&["policy", "list"], 0);
    assert_eq!(names.lines().count(), 5);
    for name in names.lines() {
        let intervals = json(&prints(&["policy", "check", name, "--json"], 0));
        let first = &intervals[0];
        assert_eq!((&first["first"], &first["conduit"]), (&"0x00000000".into(), &"hvc".into()), "{name}");
        let last = intervals.as_array().unwrap().last().unwrap();
        assert_eq!((&last["last"], &last["conduit"]), (&"0xffffffff".into(), &"smc".into()), "{name}");
    }
}

#[test]
fn a_policy_with_an_error_is_shown_at_its_line_and_ends_with_40() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("wrong.toml");
    fs::write(&file, "version = 1\n[[rule]]\ncalls = [\"CPU_ONN\"]\naction = \"deny\"\n").unwrap();
    let errors = complains(&["policy", "check", file.to_str().unwrap()], 40);
    assert!(errors.contains("error[P0005]") && errors.contains("wrong.toml:3:10"), "{errors}");
    assert!(errors.contains("CPU_ON") && !errors.contains('\u{1b}'), "{errors}");
}

#[test]
fn a_policy_that_there_is_not_is_an_error_with_a_hint() {
    let errors = complains(&["policy", "show", "minimall"], 40);
    assert!(errors.contains("hint: there is a policy `minimal`"), "{errors}");
    let errors = complains(&["policy", "show", "/nowhere/policy.toml"], 40);
    assert!(errors.contains("linux-guest-hotplug"), "{errors}");
}

#[test]
fn what_changes_is_what_differs_and_says_so_in_the_status() {
    assert_eq!(prints(&["policy", "diff", "minimal", "minimal"], 0), "nothing changes for a guest\n");
    let changes = prints(&["policy", "diff", "linux-guest", "linux-guest-hotplug"], 1);
    assert!(changes.contains("CPU_ON"), "{changes}");
}

#[test]
fn a_call_is_explained_by_its_name_and_by_its_id_with_the_line_of_the_policy() {
    let by_name = prints(&["explain", "PSCI_CPU_ON", "--policy", "minimal"], 0);
    assert!(by_name.contains("0x84000003 CPU_ON") && by_name.contains("0xc4000003 CPU_ON"), "{by_name}");
    let explained = json(&prints(&["explain", "0xC4000003", "--policy", "minimal", "--json"], 0));
    assert_eq!(explained[0]["policy"][0]["service"], "psci");
    assert_eq!(explained[0]["policy"][0]["line"], "\"CPU_ON\",");
    let errors = complains(&["explain", "CPU_ONN"], 41);
    assert!(errors.contains("hint: there is a function `CPU_ON`"), "{errors}");
}

#[test]
fn a_service_of_another_process_can_be_named_by_a_policy() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("vendor.toml");
    let text = "version = 1\nextends = \"linux-guest\"\n[[rule]]\ncalls = [\"0xc2000000..=0xc20000ff\"]\nwidths = \"64\"\n\
                action = \"forward\"\nservice = \"external\"\n";
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let errors = complains(&["policy", "show", file], 40);
    assert!(errors.contains("external"), "{errors}");
    let table = prints(&["policy", "show", file, "--serve", "0xC2000000+0x100=unix:sip.socket"], 0);
    assert!(table.contains("0xc2000000..=0xc20000ff both service `external`"), "{table}");
}

#[test]
fn the_policies_in_the_guide_are_accepted() {
    let folder = tempfile::TempDir::new().unwrap();
    let serve = "--serve=0xC2000000+0x100=unix:sip.socket";
    for (page, offered) in [
        ("guides/policies.md", &[serve][..]),
        ("guides/nmi.md", &[]),
        ("guides/hyper-v.md", &["--personality=hyperv"]),
        ("reference/policy.md", &[serve]),
    ] {
        let path = format!("{}/../../docs/src/{page}", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let (_, rest) = text.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let file = folder.path().join("example.toml");
        fs::write(&file, example).unwrap();
        prints(&[&["policy", "check", file.to_str().unwrap()], offered].concat(), 0);
    }
}

#[test]
fn a_name_is_understood_as_the_guide_says() {
    for (name, ids) in [("CPU_ON", 2), ("psci_cpu_on", 2), ("CPU_ON_64", 1), ("TRNG_RND32", 1)] {
        let explained = json(&prints(&["explain", name, "--json"], 0));
        assert_eq!(explained.as_array().unwrap().len(), ids, "{name}");
    }
    assert!(prints(&["names", "0xc4000003"], 0).starts_with("CPU_ON "));
    assert!(complains(&["names", "zzz"], 41).contains("`zzz`"));
}

#[test]
fn what_two_would_answer_is_found_by_check_as_by_run() {
    let errors = complains(&["policy", "check", "minimal", "--serve", "0x84000000+0x100=unix:s"], 15);
    assert!(errors.contains("external"), "{errors}");
}

#[test]
fn names_groups_codes_schema_completions_and_manual_pages_are_printed() {
    assert!(prints(&["names", "trng"], 0).contains("TRNG_RND"));
    assert!(json(&prints(&["names", "--json"], 0)).as_array().unwrap().len() > 40);
    assert!(prints(&["policy", "groups"], 0).contains("@psci-power"));
    assert!(prints(&["policy", "codes"], 0).contains("P0101"));
    assert!(json(&prints(&["policy", "schema"], 0)).is_object());
    for shell in ["bash", "zsh", "fish"] {
        assert!(prints(&["completions", shell], 0).contains("switchboard"));
    }
    let folder = tempfile::TempDir::new().unwrap();
    prints(&["man", folder.path().to_str().unwrap()], 0);
    assert!(folder.path().join("switchboard-policy-check.1").is_file());
}

#[test]
fn a_range_that_somebody_has_already_is_found_before_any_file_is_read() {
    for range in ["0x84000050+4", "0x80000000"] {
        let serve = format!("{range}=unix:nobody.socket");
        let errors = complains(&["run", "--kernel", "/nowhere/Image", "--serve", &serve], 15);
        assert!(errors.contains("external"), "{errors}");
    }
}

#[test]
fn a_policy_and_a_choice_that_it_makes_contradict_each_other() {
    let errors = complains(&["run", "--kernel", "Image", "--policy", "minimal", "--psci", "kvm"], 2);
    assert!(errors.contains("--policy"), "{errors}");
}

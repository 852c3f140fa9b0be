//! `switchboard host`, and what a real host refuses. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::process::Command;

use common::{Guest, lab_path};
use serde_json::Value;

fn host() -> Value {
    let output = Command::new(lab_path("SWITCHBOARD_BIN")).args(["host", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn host_says_what_kvm_offers() {
    let host = host();
    assert_eq!(host["api_version"], 12);
    assert_eq!(host["smccc_filter"], true);
    assert_eq!(host["gic"]["v3"], true);
    assert_eq!(host["problems"], serde_json::json!([]));
    let registers = host["bitmap_registers"].as_array().unwrap();
    let value =
        |name: &str| registers.iter().find(|register| register["name"] == name).unwrap()["value"].clone();
    assert_eq!(value("KVM_REG_ARM_STD_BMAP"), 1);
    assert_eq!(value("KVM_REG_ARM_STD_HYP_BMAP"), 1);
    assert_eq!(value("KVM_REG_ARM_VENDOR_HYP_BMAP"), 3);
}

#[test]
fn host_for_people_ends_with_a_verdict() {
    let output = Command::new(lab_path("SWITCHBOARD_BIN")).arg("host").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.trim_end().ends_with("works here"), "{text}");
}

fn refused(arguments: &[&str], code: i32, says: &str) {
    let ended = Guest::linux(arguments).end();
    ended.assert_code(code);
    assert!(ended.errors.contains(says) && ended.errors.contains("\nhint: "), "{}", ended.errors);
    assert_eq!(ended.output, "");
}

#[test]
fn more_cpus_than_kvm_runs_are_refused_with_the_limit() {
    refused(&["--cpus", "600"], 27, "512");
}

#[test]
fn memory_that_the_host_has_not_is_refused() {
    refused(&["--mem", "256G"], 28, "cannot be had");
}

#[test]
fn a_feature_that_the_host_has_not_is_refused_where_it_is_asked_for() {
    if host()["sve"] == true {
        return Guest::linux(&["--cpu-features", "sve=on", "--append", "panic=-1 init=/none", "--no-reboot"])
            .end()
            .assert_code(64);
    }
    refused(&["--cpu-features", "sve=on"], 13, "sve");
}

//! A host whose kernel is older than the SMCCC filter. In the lab, with `--host-kernel 6.1`.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::process::Command;

use common::{Guest, lab_path};

#[test]
fn a_kernel_without_the_filter_is_refused_with_a_status_of_its_own() {
    let ended = Guest::linux(&[]).end();
    ended.assert_code(12);
    assert!(ended.errors.contains("6.4") && ended.errors.contains("\nhint: "), "{}", ended.errors);
}

#[test]
fn host_says_why_it_will_not_work() {
    let output = Command::new(lab_path("SWITCHBOARD_BIN")).arg("host").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("SMCCC filter                    absent"), "{text}");
    assert!(text.contains("problem"), "{text}");
}

#[test]
fn with_the_psci_of_kvm_no_filter_is_needed() {
    // Before Linux 6.4, KVM answers no SMC.
    let arguments = ["--psci", "kvm", "--cpus", "4"];
    let ended = Guest::bare("test=conformance conduit=hvc", &arguments).end();
    ended.assert_code(0);
    ended.assert_tap();
}

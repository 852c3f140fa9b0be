//! The cases of `conformance/`, by the bare-metal guest: the same image and the same expectations whether PSCI is
//! answered in userspace or by KVM. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Ended, Guest};

/// A run that was cut short, or carried half of the files, has fewer points than this.
const LEAST_POINTS: usize = 200;
/// A run in which most cases say nothing is none. A machine has not all services at once: of those that are Hyper-V's or KVM's it
/// has one half, and without `--sdei` no events.
const MOST_SKIPPED: usize = 100;
const AND_EVENTS: usize = 40;

fn pass(arguments: &[&str], most_skipped: usize) -> Ended {
    let ended = Guest::bare("test=conformance conduit=both", &[&["--cpus", "4"], arguments].concat()).end();
    ended.assert_code(0);
    ended.assert_tap();
    let points = || ended.output.lines().map(str::trim).filter(|line| line.starts_with("ok "));
    let skipped = points().filter(|line| line.contains("# SKIP")).count();
    assert!(points().count() >= LEAST_POINTS && skipped <= most_skipped, "{}", ended.output);
    ended
}

#[test]
fn every_case_holds_with_psci_in_userspace() {
    let ended = pass(&[], MOST_SKIPPED + AND_EVENTS);
    assert!(ended.call("CPU_ON", "hvc", "count") > 0 && ended.call("CPU_ON", "smc", "count") > 0);
}

#[test]
fn every_case_holds_with_events_and_where_the_machine_is_taken_for_hyper_v() {
    let ended = pass(&["--sdei", "--personality", "hyperv"], MOST_SKIPPED);
    assert!(ended.call("SDEI_EVENT_REGISTER", "hvc", "count") > 0, "{}", ended.calls);
    assert!(ended.call("HV_HYPERCALL", "hvc", "count") > 0, "{}", ended.calls);
}

#[test]
fn every_case_holds_with_the_psci_of_kvm_and_nothing_is_forwarded() {
    let ended = pass(&["--psci", "kvm"], MOST_SKIPPED + AND_EVENTS);
    assert_eq!(ended.calls["exits"]["hypercalls"], 0);
    assert_eq!(ended.calls["exits"]["system"], 1);
}

#[test]
fn off_and_reset_are_two_ends_whoever_answers() {
    for psci in ["userspace", "kvm"] {
        let arguments = ["--psci", psci, "--no-reboot", "--cpus", "2"];
        Guest::bare("test=off", &arguments).end().assert_code(0);
        Guest::bare("test=reset", &arguments).end().assert_code(64);
    }
}

#[test]
fn a_reset_by_the_psci_of_kvm_starts_the_guest_anew() {
    let mut guest = Guest::bare("test=reset", &["--psci", "kvm", "--cpus", "2"]);
    for _ in 0..3 {
        guest.expect("reset");
    }
    guest.signal("-TERM");
    guest.end();
}

#[test]
fn cpus_come_and_go_by_the_psci_of_kvm_too() {
    let ended = Guest::bare("test=cpu_on conduit=hvc psci=any", &["--psci", "kvm", "--cpus", "4"]).end();
    ended.assert_code(0);
    ended.assert_tap();
}

#[test]
fn linux_boots_with_the_psci_of_kvm_and_turns_cpus_off_and_on() {
    let mut guest = Guest::linux(&["--psci", "kvm", "--cpus", "2"]);
    guest.send(
        "echo 0 > /sys/devices/system/cpu/cpu1/online; echo 1 > /sys/devices/system/cpu/cpu1/online; \
         echo online $(nproc); poweroff -f\n",
    );
    let ended = guest.end();
    ended.assert_code(0);
    assert!(ended.output.contains("online 2"), "{}", ended.output);
    assert_eq!(ended.calls["exits"]["hypercalls"], 0);
}

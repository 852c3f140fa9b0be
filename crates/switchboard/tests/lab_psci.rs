//! The whole of PSCI, each version of it, and the ways in which a guest ends: by the bare-metal guest. In the lab, on real
//! KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Ended, Guest, Half, has_turn};

const VERSIONS: [&str; 5] = ["0.2", "1.0", "1.1", "1.2", "1.3"];
/// What the guest writes into its memory before it resets.
const WORD: &str = "# the word is 0x5e7b0a2dc39641f8";
const NO_WORD: &str = "# the word is 0x0";

fn pass(tests: &str, arguments: &[&str]) -> Ended {
    let ended = Guest::bare(tests, arguments).end();
    ended.assert_code(0);
    ended.assert_tap();
    ended
}

/// Nothing was left out.
#[track_caller]
fn assert_none_skipped(ended: &Ended) {
    assert!(!ended.output.contains("# SKIP"), "{}", ended.output);
}

/// A run that ends in this way, with this status.
fn ends(tests: &str, arguments: &[&str], code: i32, end: &str) {
    let ended = Guest::bare(tests, arguments).end();
    ended.assert_code(code);
    assert_eq!(ended.calls["end"], end, "{}", ended.output);
}

/// A guest that resets again and again, and never finds what it has written before.
fn forgets(reset: &str) {
    let mut guest = Guest::bare(&format!("test=reset_memory reset={reset}"), &[]);
    for _ in 0..3 {
        guest.expect(NO_WORD);
    }
    guest.signal("-TERM");
    let ended = guest.end();
    assert!(!ended.output.contains(WORD) && !ended.output.contains("not ok"), "{}", ended.output);
}

#[test]
fn each_version_answers_what_it_has_and_nothing_of_later_ones() {
    if !has_turn(Half::First) {
        return;
    }
    for version in VERSIONS {
        let tests = format!("test=psci_basic,psci_optional conduit=both version={version}");
        assert_none_skipped(&pass(&tests, &["--cpus", "2", "--psci-version", version]));
    }
}

#[test]
fn every_case_about_psci_holds_with_each_version() {
    if !has_turn(Half::Second) {
        return;
    }
    for version in VERSIONS {
        pass("test=conformance service=psci conduit=both", &["--cpus", "4", "--psci-version", version]);
    }
}

#[test]
fn every_case_about_psci_holds_with_each_version_of_kvms_own() {
    // All that every kernel has which has a filter.
    for version in ["0.2", "1.0", "1.1"] {
        let arguments = ["--cpus", "4", "--psci", "kvm", "--psci-version", version];
        pass("test=conformance service=psci conduit=both", &arguments);
    }
}

#[test]
fn cpus_start_stop_and_sleep_with_each_version() {
    if !has_turn(Half::Second) {
        return;
    }
    for version in VERSIONS {
        let tests = format!("test=cpu_on,suspend cpu_rounds=3 conduit=hvc version={version}");
        assert_none_skipped(&pass(&tests, &["--cpus", "2", "--psci-version", version]));
    }
}

#[test]
fn every_way_to_sleep_ends_where_it_should_and_is_counted() {
    if !has_turn(Half::First) {
        return;
    }
    for conduit in ["hvc", "smc"] {
        let ended = pass(&format!("test=suspend conduit={conduit}"), &[]);
        assert_none_skipped(&ended);
        for (function, count) in [("CPU_SUSPEND", 4), ("CPU_DEFAULT_SUSPEND", 2)] {
            assert_eq!(ended.call(function, conduit, "count"), count, "{function}");
        }
    }
}

#[test]
fn a_system_suspend_is_denied_while_another_cpu_is_on_and_ends_by_the_timer() {
    if !has_turn(Half::Second) {
        return;
    }
    for conduit in ["hvc", "smc"] {
        let ended = pass(&format!("test=system_suspend conduit={conduit}"), &["--cpus", "2"]);
        assert_none_skipped(&ended);
        assert_eq!(ended.call("SYSTEM_SUSPEND", conduit, "count"), 4);
        assert_eq!(ended.call("SYSTEM_SUSPEND", conduit, "errors"), 2);
    }
}

#[test]
fn a_cpu_that_has_frozen_itself_starts_again() {
    if !has_turn(Half::First) {
        return;
    }
    let ended = pass("test=cpu_freeze conduit=hvc", &["--cpus", "2"]);
    assert_none_skipped(&ended);
    assert_eq!(ended.call("CPU_FREEZE", "hvc", "count"), 3);
}

#[test]
fn a_cpu_that_the_guest_may_not_have_is_off_and_cannot_be_started() {
    if !has_turn(Half::Second) {
        return;
    }
    for version in VERSIONS {
        let tests = format!("test=cpu_disabled conduit=both version={version}");
        let arguments = ["--fdt", "--cpus", "boot=1,max=2", "--psci-version", version];
        assert_none_skipped(&pass(&tests, &arguments));
    }
}

#[test]
fn a_guest_suspends_its_system_while_others_are_cpus_that_it_may_not_have() {
    if !has_turn(Half::First) {
        return;
    }
    let ended = pass("test=system_suspend conduit=hvc cpus=0", &["--fdt", "--cpus", "boot=1,max=2"]);
    assert_none_skipped(&ended);
    assert_eq!(ended.call("SYSTEM_SUSPEND", "hvc", "count"), 2);
}

#[test]
fn a_guest_that_hibernates_ends_with_a_status_of_its_own() {
    if !has_turn(Half::Second) {
        return;
    }
    ends("test=off", &[], 0, "off");
    ends("test=hibernate", &[], 66, "hibernate");
    ends("test=hibernate", &["--no-reboot", "--cpus", "2"], 66, "hibernate");
}

#[test]
fn a_cold_and_a_warm_reset_end_with_two_statuses_if_the_machine_is_not_to_start_again() {
    if !has_turn(Half::First) {
        return;
    }
    ends("test=reset", &["--no-reboot"], 64, "cold-reset");
    ends("test=reset_memory reset=warm", &["--no-reboot"], 67, "warm-reset");
    ends("test=reset_memory reset=cold", &["--no-reboot"], 64, "cold-reset");
}

#[test]
fn a_warm_reset_keeps_memory() {
    if !has_turn(Half::Second) {
        return;
    }
    for cpus in ["1", "4"] {
        let ended = pass("test=reset_memory reset=warm", &["--cpus", cpus]);
        let words: Vec<_> =
            ended.output.lines().map(str::trim).filter(|line| line.starts_with("# the")).collect();
        assert_eq!(words, [NO_WORD, WORD]);
    }
}

#[test]
fn a_warm_reset_of_protected_memory_clears_it() {
    if !has_turn(Half::First) {
        return;
    }
    forgets("protected");
}

#[test]
fn a_cold_reset_clears_memory() {
    if !has_turn(Half::Second) {
        return;
    }
    forgets("cold");
}

#[test]
fn a_guest_is_as_new_after_a_warm_reset() {
    if !has_turn(Half::First) {
        return;
    }
    let tests = "test=reset_memory,cpu_on,suspend reset=warm cpu_rounds=2 conduit=hvc";
    let ended = pass(tests, &["--cpus", "2"]);
    assert!(ended.output.contains(WORD), "{}", ended.output);
}

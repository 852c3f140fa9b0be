//! CPUs that come and go in an unmodified Debian guest. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::path::Path;

use common::{Guest, Half, Operator, has_turn, is_long};
use switchboard_machine::control::{Client, protocol::Command};

const SYS: &str = "/sys/devices/system/cpu";

/// Boots a guest with ACPI that brings new CPUs online by the documented rule.
fn boot(operator: &Operator, version: &str, conduit: &str, cpus: &str, append: &str) -> Guest {
    let append = format!("quiet {append}");
    let mut guest = Guest::linux_of(
        version,
        &[
            "--acpi",
            "--cpus",
            cpus,
            "--conduit",
            conduit,
            "--control",
            operator.socket(),
            "--append",
            &append,
        ],
    );
    guest.expect("guest: ready");
    guest
}

/// What the guest says of its CPUs, and that each of those that are on can run something.
#[track_caller]
fn assert_cpus(guest: &mut Guest, version: &str, enabled: &str, count: u32) {
    let masks = guest.ask(&format!("cd {SYS}; cat possible present enabled online; nproc"));
    // Later kernels call present what can be had.
    let present = if version == "6.12" { "0-7" } else { enabled };
    assert_eq!(
        masks.lines().map(str::trim).collect::<Vec<_>>(),
        ["0-7", present, enabled, enabled, &count.to_string()],
        "possible, present, enabled, online, nproc"
    );
    let last = count - 1;
    let ran = guest.ask(&format!("taskset {:x} awk '{{print \"ran on\", $39}}' /proc/self/stat", 1 << last));
    assert_eq!(ran, format!("ran on {last}"));
}

fn two_of_eight_to_eight_to_three_and_back(version: &str, conduit: &str, half: Half) {
    if !has_turn(half) {
        return;
    }
    let operator = Operator::new(&format!("cpus-{version}-{conduit}"));
    let mut guest = boot(&operator, version, conduit, "boot=2,max=8", "auto_online=1");
    assert_cpus(&mut guest, version, "0-1", 2);
    // The last one to go was there at boot.
    for (count, enabled) in [(8, "0-7"), (3, "0-2"), (8, "0-7"), (2, "0-1"), (1, "0")] {
        operator.must(&["cpus", "set", &count.to_string(), "--wait=60"]);
        assert_cpus(&mut guest, version, enabled, count);
    }
    let log = guest.ask("dmesg | grep -E 'WARN|BUG|Call trace|failed|rcu.*stall'; true");
    assert_eq!(log, "", "the kernel has nothing to complain about");
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

#[test]
fn a_6_12_guest_goes_from_2_to_8_to_3_and_back_over_hvc() {
    two_of_eight_to_eight_to_three_and_back("6.12", "hvc", Half::First);
}

#[test]
fn a_6_12_guest_goes_from_2_to_8_to_3_and_back_over_smc() {
    two_of_eight_to_eight_to_three_and_back("6.12", "smc", Half::Second);
}

#[test]
fn a_7_2_guest_goes_from_2_to_8_to_3_and_back_over_hvc() {
    two_of_eight_to_eight_to_three_and_back("7.2", "hvc", Half::Second);
}

#[test]
fn a_7_2_guest_goes_from_2_to_8_to_3_and_back_over_smc() {
    two_of_eight_to_eight_to_three_and_back("7.2", "smc", Half::First);
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() {
    if !has_turn(Half::First) {
        return;
    }
    let operator = Operator::new("impossible");
    let mut guest = boot(&operator, "6.12", "hvc", "boot=2,max=4", "");
    for (arguments, code) in [
        (&["cpus", "remove", "0"][..], "boot-cpu"),
        (&["cpus", "add", "4"], "no-such-cpu"),
        (&["cpus", "set", "5"], "cpu-count"),
        (&["cpus", "set", "0"], "cpu-count"),
        (&["cpus", "add", "1"], "unchanged"),
        (&["cpus", "remove", "3"], "unchanged"),
        (&["resume"], "state"),
        (&["wake"], "state"),
    ] {
        let (status, _, errors) = operator.ctl(arguments);
        assert_eq!(status, 31, "{arguments:?} {code}: {errors}");
    }
    let online = guest.ask(&format!("cat {SYS}/online"));
    assert_eq!(online, "0-1");
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

#[test]
fn a_cpu_that_the_guest_does_not_bring_online_is_reported_and_waits_for_it() {
    if !has_turn(Half::Second) {
        return;
    }
    let operator = Operator::new("not-online");
    let mut guest = boot(&operator, "6.12", "hvc", "boot=1,max=2", "");
    let (status, reply, errors) = operator.ctl(&["cpus", "add", "1", "--wait=5"]);
    assert_eq!(
        (status, &reply["changes"][0]["result"]["is"]),
        (33, &"not-online".into()),
        "{reply} {errors}"
    );
    assert_eq!(guest.ask(&format!("echo 1 > {SYS}/cpu1/online; cat {SYS}/online")), "0-1");
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

#[test]
fn a_request_during_boot_is_heard_when_the_guest_can_hear() {
    if !has_turn(Half::First) {
        return;
    }
    let operator = Operator::new("early");
    let mut guest = Guest::linux_of(
        "6.12",
        &["--cpus", "boot=1,max=3", "--control", operator.socket(), "--append", "quiet auto_online=1"],
    );
    // Before the guest's first line: as soon as somebody listens.
    while operator.ctl(&["status"]).0 != 0 {}
    while operator.ctl(&["cpus", "add", "2"]).0 != 0 {}
    guest.expect("guest: ready");
    assert_eq!(operator.ctl(&["cpus", "set", "2", "--wait=30"]).0, 0);
    let mut online = String::new();
    for _ in 0..50 {
        online = guest.ask(&format!("sleep 0.2; cat {SYS}/online"));
        if online == "0,2" {
            break;
        }
    }
    assert_eq!(online, "0,2");
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

#[test]
fn an_eject_that_the_guest_begins_is_accepted_and_the_cpu_can_come_back() {
    if !has_turn(Half::Second) {
        return;
    }
    let operator = Operator::new("ospm");
    let mut guest = boot(&operator, "6.12", "hvc", "boot=2,max=2", "auto_online=1");
    guest.ask("for path in /sys/bus/acpi/devices/ACPI0007:*; do grep -q '^1$' $path/uid && echo 1 > $path/eject; done");
    let mut enabled = String::new();
    for _ in 0..50 {
        enabled = guest.ask(&format!("sleep 0.2; cat {SYS}/enabled"));
        if enabled == "0" {
            break;
        }
    }
    assert_eq!(enabled, "0");
    assert_eq!(operator.must(&["cpus", "list"])["cpus"][1]["state"], "absent");
    operator.must(&["cpus", "add", "1", "--wait=30"]);
    assert_eq!(guest.ask(&format!("cat {SYS}/online")), "0-1");
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

#[test]
fn a_guest_that_refuses_an_eject_keeps_its_cpu() {
    if !has_turn(Half::First) {
        return;
    }
    let operator = Operator::new("refuses");
    let mut guest = boot(&operator, "6.12", "hvc", "boot=2,max=2", "");
    // The last CPU that is on cannot be taken off: CPU 0 goes first.
    guest.ask(&format!("echo 0 > {SYS}/cpu0/online; cat {SYS}/online"));
    let (status, reply, errors) = operator.ctl(&["cpus", "remove", "1", "--wait=30"]);
    assert_eq!((status, &reply["changes"][0]["result"]["is"]), (32, &"refused".into()), "{reply} {errors}");
    assert_eq!(operator.must(&["cpus", "list"])["cpus"][1]["state"], "online");
    assert_eq!(guest.ask("echo alive"), "alive");
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

#[test]
fn a_guest_that_never_answers_loses_nothing_and_the_request_can_be_taken_back() {
    if !has_turn(Half::Second) {
        return;
    }
    let operator = Operator::new("never");
    let arguments = ["--cpus", "boot=1,max=2", "--acpi", "--control", operator.socket()];
    let guest = Guest::bare("test=forever", &arguments);
    while operator.ctl(&["status"]).0 != 0 {}
    let (status, reply, errors) = operator.ctl(&["cpus", "add", "1", "--wait=1"]);
    assert_eq!((status, &reply["changes"][0]["result"]["is"]), (33, &"unheard".into()), "{reply} {errors}");
    let (status, reply, _) = operator.ctl(&["cpus", "remove", "1", "--wait=1"]);
    assert_eq!((status, &reply["changes"][0]["result"]["is"]), (0, &"released".into()), "{reply}");
    operator.must(&["stop"]);
    guest.end().assert_code(68);
}

/// How often a CPU is added, removed and added faster than its thread comes and goes.
fn rounds() -> u32 {
    if is_long() { 200 } else { 10 }
}

#[test]
fn a_guest_with_a_device_tree_may_have_a_cpu_once_it_is_allowed() {
    if !has_turn(Half::First) {
        return;
    }
    let operator = Operator::new("tree");
    let mut guest = Guest::linux(&["--cpus", "boot=1,max=2", "--fdt", "--control", operator.socket()]);
    guest.expect("guest: ready");
    let try_it = format!("echo 1 > {SYS}/cpu1/online; cat {SYS}/online");
    assert!(guest.ask(&format!("({try_it}) 2>&1")).contains("Operation not permitted"));
    operator.must(&["cpus", "add", "1"]);
    assert_eq!(guest.ask(&try_it), "0-1");
    let (status, _, errors) = operator.ctl(&["cpus", "remove", "1"]);
    assert_eq!(status, 31);
    assert!(errors.contains("device tree") && errors.contains("hint:"), "{errors}");
    guest.ask(&format!("echo 0 > {SYS}/cpu1/online"));
    operator.must(&["cpus", "remove", "1"]);
    assert!(guest.ask(&format!("({try_it}) 2>&1")).contains("Operation not permitted"));

    // In a row, faster than a thread starts or ends: at its end the CPU has one.
    let mut client = Client::connect(Path::new(operator.socket())).unwrap();
    for _ in 0..rounds() {
        for command in [
            Command::AddCpu { cpu: 1, wait: None },
            Command::RemoveCpu { cpu: 1, wait: None },
            Command::AddCpu { cpu: 1, wait: None },
        ] {
            client.request(command).unwrap().unwrap();
        }
        assert_eq!(guest.ask(&try_it), "0-1");
        guest.ask(&format!("echo 0 > {SYS}/cpu1/online"));
        client.request(Command::RemoveCpu { cpu: 1, wait: None }).unwrap().unwrap();
    }
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

#[test]
fn a_reset_keeps_the_cpus_that_the_guest_has() {
    if !has_turn(Half::Second) {
        return;
    }
    let operator = Operator::new("kept");
    let mut guest = boot(&operator, "6.12", "hvc", "boot=1,max=3", "auto_online=1");
    operator.must(&["cpus", "set", "3", "--wait=30"]);
    operator.must(&["cpus", "remove", "1", "--wait=30"]);
    operator.must(&["reset"]);
    guest.expect("guest: ready");
    assert_eq!(guest.ask(&format!("cat {SYS}/enabled {SYS}/online")), "0,2\n0,2");
    assert_eq!(operator.must(&["status"])["resets"], 1);
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

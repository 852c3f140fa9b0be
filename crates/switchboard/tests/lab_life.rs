//! The ordinary life of a machine: its power button, pauses, sleep, reset and stop. In the lab, on real KVM. What is ours
//! alone, and no different from one host kernel to the next, is tried on one of them.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::{thread::sleep, time::Duration};

use common::{Guest, Half, Operator, has_turn, is_long};

fn boot(operator: &Operator, version: &str, arguments: &[&str]) -> Guest {
    let control = ["--cpus", "2", "--control", operator.socket(), "--append", "quiet"];
    let mut guest = Guest::linux_of(version, &[&control[..], arguments].concat());
    guest.expect("guest: ready");
    guest
}

fn power_button(version: &str, description: &str) {
    let operator = Operator::new(&format!("button-{version}{description}"));
    let mut guest = boot(&operator, version, &[description]);
    assert_eq!(guest.ask("echo up"), "up");
    operator.must(&["power-button"]);
    guest.expect("guest: power button");
    let ended = guest.end();
    ended.assert_code(0);
    assert_eq!(ended.calls["end"], "off");
    assert_eq!(ended.call("SYSTEM_OFF", "hvc", "count"), 1);
}

#[test]
fn the_power_button_shuts_a_6_12_guest_with_acpi_down() {
    if !has_turn(Half::Second) {
        return;
    }
    power_button("6.12", "--acpi");
}

#[test]
fn the_power_button_shuts_a_6_12_guest_with_a_device_tree_down() {
    if !has_turn(Half::First) {
        return;
    }
    power_button("6.12", "--fdt");
}

/// Debian's kernels for virtual machines have no gpio-keys: our guest watches the line of the GPIO controller.
#[test]
fn the_power_button_shuts_a_guest_with_gpio_keys_down() {
    if !is_long() || !has_turn(Half::Second) {
        return;
    }
    power_button("6.12-full", "--fdt");
}

#[test]
fn the_power_button_shuts_a_7_2_guest_with_acpi_down() {
    if !has_turn(Half::First) {
        return;
    }
    power_button("7.2", "--acpi");
}

#[test]
fn the_power_button_shuts_a_7_2_guest_with_a_device_tree_down() {
    if !has_turn(Half::Second) {
        return;
    }
    if !is_long() {
        return;
    }
    power_button("7.2", "--fdt");
}

#[test]
fn a_paused_machine_does_nothing_and_goes_on_where_it_was() {
    if !has_turn(Half::First) {
        return;
    }
    let operator = Operator::new("pause");
    let mut guest = boot(&operator, "6.12", &["--fdt"]);
    operator.must(&["pause"]);
    assert_eq!(operator.must(&["status"])["state"], "paused");
    assert_eq!(operator.ctl(&["pause"]).0, 31, "it is paused already");
    guest.send("echo heard $((1 + 1))\n");
    sleep(Duration::from_millis(500));
    assert!(!guest.has_printed("heard 2"));
    operator.must(&["resume"]);
    guest.expect("heard 2");
    assert_eq!(operator.must(&["status"])["state"], "running");
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

#[test]
fn a_paused_machine_can_be_stopped_and_reset() {
    if !has_turn(Half::Second) {
        return;
    }
    let operator = Operator::new("pause-reset");
    let mut guest = boot(&operator, "6.12", &["--fdt"]);
    operator.must(&["pause"]);
    operator.must(&["reset"]);
    guest.expect("guest: ready");
    assert_eq!(operator.must(&["status"])["state"], "running", "a reset ends the pause");
    operator.must(&["pause"]);
    operator.must(&["stop"]);
    let ended = guest.end();
    ended.assert_code(68);
    assert_eq!(ended.calls["end"], "stopped");
}

/// Puts a guest to sleep, and wakes it.
fn suspend_to_ram(version: &str, description: &str, conduit: &str, wake: impl FnOnce(&Operator, &mut Guest)) {
    let operator = Operator::new(&format!("sleep-{version}{description}-{conduit}"));
    let mut guest = boot(&operator, version, &[description, "--conduit", conduit]);
    guest.send("echo mem > /sys/power/state; echo awake $((1 + 1))\n");
    while operator.must(&["status"])["state"] != "suspended" {
        sleep(Duration::from_millis(50));
    }
    wake(&operator, &mut guest);
    guest.expect("awake 2");
    let log = guest.ask("dmesg | tail -20");
    assert_eq!(guest.ask("nproc"), "2", "the other CPU is back:\n{log}");
    guest.send("poweroff -f\n");
    let ended = guest.end();
    ended.assert_code(0);
    assert_eq!(ended.call("SYSTEM_SUSPEND", conduit, "count"), 1);
    assert_eq!(ended.call("SYSTEM_SUSPEND", conduit, "errors"), 0);
}

#[test]
fn a_guest_asleep_wakes_when_it_is_woken() {
    if !has_turn(Half::First) {
        return;
    }
    suspend_to_ram("6.12", "--fdt", "hvc", |operator, _| drop(operator.must(&["wake"])));
    suspend_to_ram("7.2", "--acpi", "smc", |operator, _| drop(operator.must(&["wake"])));
}

#[test]
fn a_guest_asleep_wakes_when_somebody_types() {
    if !is_long() || !has_turn(Half::Second) {
        return;
    }
    suspend_to_ram("6.12", "--acpi", "smc", |_, guest| guest.send("\n"));
}

#[test]
fn a_guest_asleep_wakes_when_its_power_button_is_pressed() {
    if !has_turn(Half::First) {
        return;
    }
    let operator = Operator::new("sleep-button");
    let mut guest = boot(&operator, "6.12", &["--fdt"]);
    guest.send("echo mem > /sys/power/state; echo awake $((1 + 1))\n");
    while operator.must(&["status"])["state"] != "suspended" {
        sleep(Duration::from_millis(50));
    }
    operator.must(&["power-button"]);
    // It wakes; whether it then shuts itself down too is the guest's.
    let ended = guest.end();
    ended.assert_code(0);
    assert!(
        ended.output.contains("awake 2") || ended.output.contains("guest: power button"),
        "{}",
        ended.output
    );
}

#[test]
fn a_guest_asleep_can_be_paused_reset_and_stopped() {
    if !has_turn(Half::Second) {
        return;
    }
    let operator = Operator::new("sleep-stop");
    let mut guest = boot(&operator, "6.12", &["--fdt"]);
    guest.send("echo mem > /sys/power/state\n");
    while operator.must(&["status"])["state"] != "suspended" {
        sleep(Duration::from_millis(50));
    }
    operator.must(&["pause"]);
    operator.must(&["resume"]);
    assert_eq!(operator.must(&["status"])["state"], "suspended", "a pause does not wake it");
    operator.must(&["reset"]);
    guest.expect("guest: ready");
    operator.must(&["stop"]);
    guest.end().assert_code(68);
}

#[test]
fn psci_0_2_costs_a_guest_smccc_1_1_and_it_is_warned_of() {
    if !has_turn(Half::First) {
        return;
    }
    let mut guest = Guest::linux(&["--psci-version", "0.2"]);
    guest.send("dmesg | grep -E 'psci|SMCCC'; poweroff -f\n");
    let ended = guest.end();
    ended.assert_code(0);
    assert!(ended.errors.contains("warning:") && ended.errors.contains("SMCCC 1.1"), "{}", ended.errors);
    assert!(ended.output.contains("PSCIv0.2 detected"), "{}", ended.output);
    assert!(!ended.output.contains("SMC Calling Convention"), "{}", ended.output);
    assert_eq!(ended.call("PSCI_FEATURES", "hvc", "count"), 0);
}

#[test]
fn a_version_that_is_asked_for_is_what_a_guest_is_told() {
    if !has_turn(Half::Second) {
        return;
    }
    for version in ["1.0", "1.2"] {
        let mut guest = Guest::linux(&["--psci-version", version]);
        guest.send("dmesg | grep -E 'psci|SMCCC'; poweroff -f\n");
        let ended = guest.end();
        ended.assert_code(0);
        assert!(ended.output.contains(&format!("PSCIv{version} detected")), "{}", ended.output);
        assert!(ended.output.contains("SMC Calling Convention v1.1"), "{}", ended.output);
    }
}

//! A guest is held to a policy. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::{env, fs, path::PathBuf, process::Command};

use common::{Ended, Guest, Half, Operator, has_turn, is_long, lab_path, path};

fn boot(policy: &str, arguments: &[&str]) -> Guest {
    let mut guest = Guest::linux(&[&["--policy", policy], arguments].concat());
    guest.expect("guest: ready");
    guest
}

fn power_off(mut guest: Guest) -> Ended {
    guest.send("poweroff -f\n");
    let ended = guest.end();
    ended.assert_code(0);
    ended
}

#[test]
fn what_is_proven_of_each_shipped_policy_is_what_this_hosts_kvm_does() {
    for policy in ["linux-guest", "linux-guest-hotplug", "lockdown", "minimal", "observe"] {
        let binary = lab_path("SWITCHBOARD_BIN");
        let output = Command::new(binary).args(["policy", "check", policy, "--probe"]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.contains("calls were made"), "{policy}: {errors}");
    }
}

/// What is counted of all calls together.
fn sum(ended: &Ended, figure: &str) -> u64 {
    let rows = ended.calls["calls"].as_array().unwrap();
    rows.iter().map(|row| row[figure].as_u64().unwrap()).sum()
}

#[test]
fn linux_guest_leaves_everything_to_kvm() {
    if !has_turn(Half::First) {
        return;
    }
    let mut guest = boot("linux-guest", &["--cpus", "2"]);
    assert_eq!(guest.ask("nproc; cat /sys/class/misc/hw_random/rng_current"), "2\nsmccc_trng");
    assert!(guest.ask("dmesg").contains("arm-pv: using stolen time PV"));
    assert_eq!(power_off(guest).calls["exits"]["hypercalls"], 0);
}

#[test]
fn linux_guest_hotplug_lets_cpus_come_and_go() {
    if !has_turn(Half::Second) {
        return;
    }
    let operator = Operator::new("policy");
    let arguments =
        ["--cpus", "boot=1,max=3", "--control", operator.socket(), "--append", "quiet auto_online=1"];
    let mut guest = boot("linux-guest-hotplug", &arguments);
    operator.must(&["cpus", "set", "3", "--wait=60"]);
    // They have started; the guest counts them a little later.
    while guest.ask("nproc") != "3" {}
    let ended = power_off(guest);
    let started = ended.call("CPU_ON", "hvc", "count") - ended.call("CPU_ON", "hvc", "errors");
    assert_eq!(started, 2, "{}", ended.calls);
    assert_eq!(sum(&ended, "denied"), 0);
}

#[test]
fn lockdown_boots_one_cpu_and_shows_what_else_was_tried() {
    if !has_turn(Half::First) {
        return;
    }
    let mut guest = boot("lockdown", &["--cpus", "2"]);
    assert_eq!(guest.ask("nproc; cat /sys/class/misc/hw_random/rng_current"), "1\nnone");
    let ended = power_off(guest);
    assert!(ended.call("CPU_ON", "hvc", "denied") > 0, "{}", ended.calls);
    assert!(ended.errors.contains("policy: CPU 0 called CPU_ON"), "{}", ended.errors);
}

#[test]
fn under_observe_a_guest_has_all_that_it_has_without_a_policy() {
    if !has_turn(Half::Second) {
        return;
    }
    let mut guest = boot("observe", &["--cpus", "2"]);
    assert_eq!(guest.ask("nproc; cat /sys/class/misc/hw_random/rng_current"), "2\nsmccc_trng");
    let log = guest.ask("dmesg");
    assert!(
        log.contains("arm-pv: using stolen time PV") && log.contains("SMC Calling Convention v1.1"),
        "{log}"
    );
    assert!(guest.ask("probe ptp").contains("precise=yes"));
    let ended = power_off(guest);
    for function in ["PSCI_VERSION", "TRNG_RND", "KVM_PTP", "PV_TIME_ST"] {
        assert!(ended.call(function, "hvc", "count") > 0, "{function}: {}", ended.calls);
    }
}

/// The policy `minimal` without one of its lines.
fn without(line: &str) -> PathBuf {
    let minimal = include_str!("../../../policies/minimal.toml");
    let text: Vec<_> = minimal.lines().filter(|other| other.trim() != line).collect();
    assert_eq!(text.len() + 1, minimal.lines().count(), "{line}");
    let name = line.trim_matches(['"', ',']);
    let file = env::temp_dir().join(format!("without-{name}-{}.toml", std::process::id()));
    fs::write(&file, text.join("\n")).unwrap();
    file
}

/// What KVM denies is not seen, unless somebody wants to see it.
#[test]
fn minimal_boots_two_cpus_and_ends() {
    if !has_turn(Half::First) {
        return;
    }
    let mut guest = boot("minimal", &["--cpus", "2"]);
    assert_eq!(guest.ask("nproc"), "2");
    // It may not suspend its CPUs, and so is not told of a state in which it would try to.
    assert_eq!(guest.ask("[ ! -e /sys/devices/system/cpu/cpu0/cpuidle/state1 ] && echo waits"), "waits");
    let log = guest.ask("dmesg");
    assert!(log.contains("PSCIv1.3 detected") && log.contains("SMC Calling Convention v1.1"), "{log}");
    assert_eq!(sum(&power_off(guest), "denied"), 0);
    let mut guest = boot("minimal", &["--cpus", "2", "--no-reboot", "--deny-in-userspace"]);
    guest.send("reboot -f\n");
    let ended = guest.end();
    ended.assert_code(64);
    assert!(sum(&ended, "denied") > 0, "{}", ended.calls);
}

/// Without `PSCI_VERSION` Linux takes NOT_SUPPORTED for a version, and uses what there may not be.
#[test]
fn minimal_needs_psci_version() {
    if !is_long() || !has_turn(Half::First) {
        return;
    }
    let policy = without("\"PSCI_VERSION\",");
    let mut guest = boot(path(&policy), &["--cpus", "2"]);
    assert!(guest.ask("dmesg").contains("PSCIv65535.65535 detected"));
}

/// Without `PSCI_FEATURES` Linux finds neither SMCCC 1.1 nor what is built on it, the workarounds among it. The policy is
/// warned about.
#[test]
fn minimal_needs_psci_features() {
    if !is_long() || !has_turn(Half::First) {
        return;
    }
    let policy = without("\"PSCI_FEATURES\",");
    let mut guest = boot(path(&policy), &["--cpus", "2"]);
    assert!(guest.ask("dmesg").contains("SMC Calling Convention v1.0"));
    assert!(power_off(guest).errors.contains("the guest cannot discover SMCCC 1.1"));
}

/// Without `CPU_ON` there is one CPU.
#[test]
fn minimal_needs_cpu_on() {
    if !is_long() || !has_turn(Half::Second) {
        return;
    }
    let policy = without("\"CPU_ON\",");
    let mut guest = boot(path(&policy), &["--cpus", "2"]);
    assert_eq!(guest.ask("nproc"), "1");
    power_off(guest);
}

/// Without `SYSTEM_OFF` a guest cannot end, and without `SYSTEM_RESET` it cannot start anew.
#[test]
fn minimal_needs_system_off_and_system_reset() {
    if !has_turn(Half::Second) {
        return;
    }
    for (line, command, said) in [
        ("\"SYSTEM_OFF\",", "poweroff -f", "reboot: Power down"),
        ("\"SYSTEM_RESET\",", "reboot -f", "Reboot failed -- System halted"),
    ] {
        let policy = without(line);
        let mut guest = boot(path(&policy), &["--no-reboot"]);
        guest.send(&format!("dmesg -n 7; {command}\n"));
        guest.expect(said);
        // It is still there: nobody has ended the machine.
        std::thread::sleep(std::time::Duration::from_secs(2));
        guest.signal("-TERM");
        let ended = guest.end();
        assert_eq!(ended.status.code(), None, "{}", ended.output);
    }
}

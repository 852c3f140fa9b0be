//! An unmodified Debian kernel as the judge. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Guest, Half, has_turn, is_long};

/// Every secondary goes off and on this many times.
fn rounds() -> u64 {
    if is_long() { 100 } else { 12 }
}

fn four_cpus(conduit: &str) {
    let rounds = rounds();
    // Expedited grace periods: a kernel takes CPUs off and on twice as fast.
    let append = ["--append", "quiet rcupdate.rcu_expedited=1"];
    let mut guest = Guest::linux(&[&["--cpus", "4", "--conduit", conduit], &append[..]].concat());
    guest.send("cat /sys/devices/system/cpu/online\n");
    guest.expect("0-3");
    guest.send(&format!(
        "for round in $(seq {rounds}); do for cpu in 1 2 3; do \
         echo 0 > /sys/devices/system/cpu/cpu$cpu/online || echo LO''ST off $cpu; \
         echo 1 > /sys/devices/system/cpu/cpu$cpu/online || echo LO''ST on $cpu; \
         done; done; echo all $((1000 + 1)) rounds; cat /sys/devices/system/cpu/online\n"
    ));
    guest.expect("all 1001 rounds");
    guest.expect("0-3");
    guest.send("poweroff -f\n");
    let ended = guest.end();

    ended.assert_code(0);
    assert!(!ended.output.contains("LOST"), "{}", ended.output);
    assert_eq!(ended.call("CPU_ON", conduit, "count"), 3 + 3 * rounds);
    assert_eq!(ended.call("CPU_ON", conduit, "errors"), 0);
    assert_eq!(ended.call("CPU_OFF", conduit, "count"), 3 * rounds);
    assert_eq!(ended.call("SYSTEM_OFF", conduit, "count"), 1);
    assert!(ended.call("AFFINITY_INFO", conduit, "count") >= 3 * rounds);
    // Neither the first CPU_ON of a CPU nor a later one made another CPU's run return: there was no signal but the last
    // one, at the end, to each of the others. What a later one costs the host is reported.
    let interrupted = ended.calls["exits"]["interrupted"].as_u64().unwrap();
    assert!(interrupted <= 3, "{interrupted}");
    assert_eq!(ended.calls["vcpu_resets"], 3 * rounds);
}

#[test]
fn four_cpus_come_online_and_each_goes_off_and_on_again_and_again_over_hvc() {
    if !has_turn(Half::First) {
        return;
    }
    four_cpus("hvc");
}

#[test]
fn four_cpus_come_online_and_each_goes_off_and_on_again_and_again_over_smc() {
    if !has_turn(Half::Second) {
        return;
    }
    four_cpus("smc");
}

fn reboot(conduit: &str) {
    let mut guest = Guest::linux(&["--cpus", "2", "--conduit", conduit]);
    guest.send("echo life $((1 + 0)); reboot -f\n");
    guest.expect("life 1");
    // What is sent before it is up again is its first life's.
    guest.expect("guest: ready");
    guest.send("echo life $((1 + 1)); nproc; poweroff -f\n");
    guest.expect("life 2");
    guest.expect("2");
    let ended = guest.end();
    ended.assert_code(0);
    assert_eq!(ended.call("SYSTEM_RESET", conduit, "count"), 1);
    assert_eq!(ended.call("CPU_ON", conduit, "count"), 2, "once in each life");
}

#[test]
fn a_reboot_boots_again_in_the_same_process_over_hvc() {
    if !has_turn(Half::Second) {
        return;
    }
    reboot("hvc");
}

#[test]
fn a_reboot_boots_again_in_the_same_process_over_smc() {
    if !has_turn(Half::First) {
        return;
    }
    reboot("smc");
}

#[test]
fn with_no_reboot_a_reboot_ends_the_machine_with_64() {
    if !has_turn(Half::Second) {
        return;
    }
    for conduit in ["hvc", "smc"] {
        let mut guest = Guest::linux(&["--no-reboot", "--conduit", conduit]);
        guest.send("reboot -f\n");
        guest.end().assert_code(64);
    }
}

#[test]
fn with_no_reboot_a_panic_ends_the_machine_with_64() {
    if !has_turn(Half::First) {
        return;
    }
    for conduit in ["hvc", "smc"] {
        let append = ["--append", "quiet panic=-1"];
        let mut guest =
            Guest::linux(&[&["--no-reboot", "--cpus", "2", "--conduit", conduit], &append[..]].concat());
        guest.send("echo c > /proc/sysrq-trigger\n");
        guest.expect("Kernel panic");
        guest.end().assert_code(64);
    }
}

#[test]
fn cpuidle_uses_the_standby_and_the_power_down_state() {
    let mut guest = Guest::linux(&["--cpus", "2"]);
    guest.send(
        "sleep 2; cd /sys/devices/system/cpu/cpu0/cpuidle; cat ../../cpuidle/current_driver; \
         for state in 0 1 2; do echo state $(cat state$state/name) usage $(cat state$state/usage); done; \
         taskset 1 echo survived; poweroff -f\n",
    );
    guest.expect("psci_idle");
    guest.expect("survived");
    let ended = guest.end();
    ended.assert_code(0);
    for state in ["cpu-standby", "cpu-power-down"] {
        let usage = ended
            .output
            .lines()
            .find_map(|line| line.trim().strip_prefix(&format!("state {state} usage ")))
            .and_then(|usage| usage.parse::<u64>().ok());
        assert!(usage.is_some_and(|usage| usage > 0), "{state}: {}", ended.output);
    }
    assert!(ended.call("CPU_SUSPEND", "hvc", "count") > 0);
    assert_eq!(ended.call("CPU_SUSPEND", "hvc", "errors"), 0);
}

#[test]
fn sigusr1_lists_the_calls_and_the_guest_goes_on() {
    if !has_turn(Half::First) {
        return;
    }
    let mut guest = Guest::linux(&[]);
    guest.send("echo ready $((1 + 1))\n");
    guest.expect("ready 2");
    guest.signal("-USR1");
    guest.send("echo alive $((1 + 1)); poweroff -f\n");
    guest.expect("alive 2");
    let ended = guest.end();
    ended.assert_code(0);
    assert!(ended.errors.contains("PSCI_VERSION"), "{}", ended.errors);
}

#[test]
fn sigterm_ends_the_machine_and_the_process_by_the_signal() {
    if !has_turn(Half::Second) {
        return;
    }
    use std::os::unix::process::ExitStatusExt;
    let mut guest = Guest::linux(&["--cpus", "2"]);
    guest.send("echo ready $((1 + 1))\n");
    guest.expect("ready 2");
    guest.signal("-TERM");
    assert_eq!(guest.end().status.signal(), Some(15));
}

#[test]
fn ten_thousand_lines_of_input_reach_the_guest_whole() {
    if !has_turn(Half::First) {
        return;
    }
    let mut guest = Guest::linux(&[]);
    let lines: String = (0..10_000).map(|line| format!("{line}\n")).collect();
    guest.send("stty -icanon; head -c 48890 | md5sum; poweroff -f\n");
    guest.send(&lines);
    // The same as `seq 0 9999 | md5sum`.
    guest.expect("5d6de8a95c3b6bf9e0ffb808ba5299c1");
    guest.end().assert_code(0);
}

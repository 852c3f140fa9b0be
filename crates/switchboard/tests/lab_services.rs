//! The services beside PSCI, as the drivers of an unmodified Debian kernel find them: random numbers, KVM's clock and
//! its list of CPUs, stolen time, the watchdog. In the lab, on real KVM. What the guest sees is the same whoever answers.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::{
    thread::{self, available_parallelism},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::{Ended, Guest, Half, Operator, has_turn, is_long, is_principal_host};

/// As many CPUs as steal time from each other on the lab's two.
const CPUS: u64 = 4;

/// A Neoverse N1 and a Neoverse N2, of which the second has an erratum that no CPU of the lab's has.
const IMPLEMENTATIONS: &str = "0x410fd0c1:0:0,0x410fd490:0:0";
const ERRATUM_OF_THE_SECOND: &str = "CPU features: detected: ARM erratum 2067961 or 2054223";

const IN_USERSPACE: [&str; 8] = [
    "--trng",
    "userspace",
    "--kvm-services",
    "userspace",
    "--implementations",
    IMPLEMENTATIONS,
    "--pv-time",
    "userspace",
];
const IN_KVM: [&str; 6] = ["--trng", "kvm", "--kvm-services", "kvm", "--pv-time", "kvm"];
const NONE: [&str; 6] = ["--trng", "none", "--kvm-services", "none", "--pv-time", "none"];

/// Bit sets of KVM's services: its list and its clock, and with implementations those two functions.
const LIST_AND_CLOCK: &str = "(0x00000000 0x00000000 0x00000000 0x00000003)";
const AND_IMPLEMENTATIONS: &str = "(0x00000000 0x00000003 0x00000000 0x00000003)";

const WATCHDOG: &str = "/sys/class/watchdog/watchdog0";
/// The guest's watchdog is set to this, and petted every second: a lab on a busy machine stands still for some of them.
const WATCHDOG_SECONDS: u64 = 5;
/// Of its state: it runs.
const WATCHDOG_RUNS: u64 = 1 << 3;

fn boot(version: &str, arguments: &[&str]) -> Guest {
    let cpus = CPUS.to_string();
    let usual = ["--cpus", &cpus, "--append", "quiet"];
    let mut guest = Guest::linux_of(version, &[&usual[..], arguments].concat());
    guest.expect("guest: ready");
    guest
}

fn power_off(mut guest: Guest) -> Ended {
    guest.send("poweroff -f\n");
    let ended = guest.end();
    ended.assert_code(0);
    ended
}

/// `NAME=FIGURE` among the words of a line.
#[track_caller]
fn figure(line: &str, name: &str) -> i64 {
    let figure = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    figure.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("no figure {name} in: {line}"))
}

/// Seconds since 1970, on the host.
fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(elapsed.as_secs()).unwrap()
}

#[track_caller]
fn assert_random_numbers(guest: &mut Guest) {
    assert_eq!(guest.ask("cat /sys/class/misc/hw_random/rng_current"), "smccc_trng");
    let available = guest.ask("cat /sys/class/misc/hw_random/rng_available");
    assert!(available.split_whitespace().any(|name| name == "smccc_trng"), "{available}");
    // Each of these is wrong for good numbers less than once in a million tries.
    let line = guest.ask("probe hwrng 4096");
    assert_eq!(figure(&line, "bytes"), 4096);
    assert!(figure(&line, "distinct") >= 250, "{line}");
    assert!((480..=520).contains(&figure(&line, "ones")), "{line}");
    assert_eq!(figure(&line, "repeats"), 1, "{line}");
}

/// The clock tells the host's time, of the moment that the guest asks for.
#[track_caller]
fn assert_clock(guest: &mut Guest, services: &str) {
    let log = guest.ask("dmesg | grep 'smccc: KVM: hypervisor services'");
    assert!(log.ends_with(&format!("smccc: KVM: hypervisor services detected {services}")), "{log}");
    let before = now();
    let line = guest.ask("probe ptp");
    let after = now();
    assert!(line.contains("precise=yes"), "{line}");
    assert!((before..=after).contains(&figure(&line, "device")), "{before} {line} {after}");
    // Neither clock is adjusted: what differs is how near to each other counter and clock were read.
    let spread = figure(&line, "max") - figure(&line, "min");
    assert!((0..=100_000_000).contains(&spread), "{line}");
}

#[track_caller]
fn assert_stolen_time(guest: &mut Guest) {
    let log = guest.ask("dmesg | grep arm-pv");
    assert!(log.ends_with("arm-pv: using stolen time PV"), "{log}");
    let line = guest.ask("probe steal");
    assert_eq!(figure(&line, "cpus"), i64::try_from(CPUS).unwrap(), "{line}");
    let stolen = figure(&line, "after") - figure(&line, "before");
    // All of them are busy for 200 ticks. Where the host has half as many, half of that is stolen.
    let least = if available_parallelism().unwrap().get() <= 2 { 100 } else { 0 };
    assert!(stolen >= least, "{line}");
}

#[track_caller]
fn assert_services(guest: &mut Guest, services: &str) {
    assert_random_numbers(guest);
    assert_clock(guest, services);
    assert_stolen_time(guest);
}

/// 7.2 asks for the CPUs that it may come to run on, and works around what is wrong with each of them; 6.12 knows nothing
/// of it.
#[track_caller]
fn assert_implementations(guest: &mut Guest, version: &str) {
    let log = guest.ask("dmesg | grep -E 'target implementation|CPU features: detected: ARM erratum'");
    if version == "7.2" {
        assert!(log.contains("smccc: KVM: Number of target implementation CPUs is 2"), "{log}");
        assert!(log.contains(ERRATUM_OF_THE_SECOND), "{log}");
    } else {
        assert_eq!(log, "");
    }
}

/// Every call was answered in userspace in each of these lives, and as the drivers want it.
#[track_caller]
fn assert_answered_in_userspace(ended: &Ended, version: &str, lives: u64) {
    let at_least = [
        // The kernel's own seeds come from it too.
        ("TRNG_VERSION", lives),
        ("TRNG_RND", 4096 / 24),
        ("VENDOR_HYP_CALL_UID", lives),
        ("KVM_FEATURES", lives),
        ("KVM_PTP", 10),
        ("PV_TIME_FEATURES", lives),
        ("PV_TIME_ST", CPUS * lives),
    ];
    for (function, least) in at_least {
        let count = ended.call(function, "hvc", "count");
        assert!(count >= least, "{function}: {count}\n{}", ended.calls);
        assert_eq!(ended.call(function, "hvc", "errors"), 0, "{function}\n{}", ended.calls);
    }
    let asks = if version == "7.2" { lives } else { 0 };
    assert_eq!(ended.call("KVM_DISCOVER_IMPL_VER", "hvc", "count"), asks);
    assert_eq!(ended.call("KVM_DISCOVER_IMPL_CPUS", "hvc", "count"), 2 * asks);
}

#[track_caller]
fn assert_none_in_userspace(ended: &Ended) {
    for function in ["TRNG_RND", "KVM_FEATURES", "KVM_PTP", "PV_TIME_FEATURES", "PV_TIME_ST"] {
        assert_eq!(ended.call(function, "hvc", "count"), 0, "{function}\n{}", ended.calls);
    }
}

#[track_caller]
fn watchdog_state(guest: &mut Guest) -> u64 {
    let state = guest.ask(&format!("cat {WATCHDOG}/status"));
    let digits = state.strip_prefix("0x").unwrap_or_else(|| panic!("the watchdog's state is {state:?}"));
    u64::from_str_radix(digits, 16).unwrap()
}

/// The watchdog is there, and the machine lives as long as it is petted.
#[track_caller]
fn pet_the_watchdog(guest: &mut Guest, version: &str) {
    assert_eq!(
        guest.ask(&format!("cat {WATCHDOG}/identity; ls /dev/watchdog0")),
        "arm_smc_wdt\n/dev/watchdog0"
    );
    let log = guest.ask("dmesg | grep arm_smc_wdt");
    assert!(log.contains("Watchdog registered"), "{log}");
    let state = watchdog_state(guest);
    assert_eq!(state & WATCHDOG_RUNS, 0, "nobody has started it: {state:#x}");
    let pet = format!("watchdog -T {WATCHDOG_SECONDS} -t 1 /dev/watchdog0");
    guest.ask(&format!("{pet}; sleep {}", WATCHDOG_SECONDS + 2));
    let settings = guest.ask(&format!("cat {WATCHDOG}/state {WATCHDOG}/timeout"));
    assert_eq!(settings, format!("active\n{WATCHDOG_SECONDS}"));
    let left = guest.ask(&format!("[ ! -e {WATCHDOG}/timeleft ] || cat {WATCHDOG}/timeleft"));
    match left.parse::<u64>() {
        Ok(left) => assert!(left <= WATCHDOG_SECONDS, "{left}"),
        // 6.12 takes the answer that it does not run for one that there is no such function.
        Err(_) => assert_eq!((left.as_str(), version), ("", "6.12")),
    }
}

/// Nobody pets the watchdog any more.
fn kill_its_keeper(guest: &mut Guest) {
    guest.send("kill -9 $(pidof watchdog)\n");
    guest.expect("watchdog0: watchdog did not stop!");
}

/// Of both kernels, one is enough for what is KVM's or ours rather than the guest's.
fn versions() -> &'static [&'static str] {
    if is_long() { &["6.12", "7.2"] } else { &["7.2"] }
}

#[track_caller]
fn assert_bitten(ended: &Ended) {
    ended.assert_code(69);
    assert_eq!((&ended.calls["end"], &ended.calls["watchdog_bites"]), (&"watchdog".into(), &1.into()));
}

#[test]
fn a_6_12_guest_finds_every_service_in_userspace_and_is_reset_by_its_watchdog() {
    if !has_turn(Half::Second) {
        return;
    }
    let watchdog = ["--fdt", "--watchdog", "reset", "--no-reboot"];
    let mut guest = boot("6.12", &[&IN_USERSPACE[..], &watchdog].concat());
    assert_services(&mut guest, AND_IMPLEMENTATIONS);
    assert_implementations(&mut guest, "6.12");
    pet_the_watchdog(&mut guest, "6.12");
    kill_its_keeper(&mut guest);
    let ended = guest.end();
    assert_bitten(&ended);
    assert_eq!(ended.call("SYSTEM_RESET", "hvc", "count"), 0, "it was not the guest");
    assert_answered_in_userspace(&ended, "6.12", 1);
}

#[test]
fn a_7_2_guest_finds_every_service_in_userspace_and_boots_again_after_its_watchdog() {
    if !has_turn(Half::First) {
        return;
    }
    let watchdog = ["--fdt", "--watchdog", "reset"];
    let mut guest = boot("7.2", &[&IN_USERSPACE[..], &watchdog].concat());
    assert_services(&mut guest, AND_IMPLEMENTATIONS);
    assert_implementations(&mut guest, "7.2");
    pet_the_watchdog(&mut guest, "7.2");
    kill_its_keeper(&mut guest);
    guest.expect("guest: ready");
    let state = watchdog_state(&mut guest);
    assert_eq!(state & WATCHDOG_RUNS, 0, "a new life, a new watchdog: {state:#x}");
    let ended = power_off(guest);
    assert_eq!(ended.call("SYSTEM_RESET", "hvc", "count"), 0, "it was not the guest");
    assert_answered_in_userspace(&ended, "7.2", 2);
}

#[test]
fn a_watchdog_that_is_to_switch_the_machine_off_does() {
    // The bare-metal guest is bitten in this way each time.
    if !is_principal_host() || !is_long() {
        return;
    }
    let mut guest = boot("6.12", &["--fdt", "--watchdog", "off"]);
    pet_the_watchdog(&mut guest, "6.12");
    kill_its_keeper(&mut guest);
    let ended = guest.end();
    assert_bitten(&ended);
    assert_eq!(ended.call("SYSTEM_OFF", "hvc", "count"), 0, "it was not the guest");
}

#[test]
fn a_guest_that_stops_its_watchdog_lives() {
    if !is_principal_host() || !is_long() {
        return;
    }
    let mut guest = boot("7.2", &["--fdt", "--watchdog", "reset", "--no-reboot"]);
    pet_the_watchdog(&mut guest, "7.2");
    // Told to end, busybox's stops it.
    guest.ask(&format!("kill $(pidof watchdog); sleep {}", WATCHDOG_SECONDS + 2));
    assert_eq!(guest.ask(&format!("cat {WATCHDOG}/state")), "inactive");
    power_off(guest);
}

/// Its watchdog would bite during its sleep, if that counted; and whoever waits for that must not do so busily.
#[test]
fn a_guest_that_sleeps_is_not_bitten_and_costs_nothing() {
    if !has_turn(Half::First) {
        return;
    }
    let operator = Operator::new("sleeper");
    let mut guest =
        boot("7.2", &["--fdt", "--watchdog", "reset", "--no-reboot", "--control", operator.socket()]);
    pet_the_watchdog(&mut guest, "7.2");
    guest.send("echo mem > /sys/power/state; echo awake $((1 + 1))\n");
    while operator.must(&["status"])["state"] != "suspended" {}
    let before = guest.cpu_ticks();
    thread::sleep(Duration::from_secs(WATCHDOG_SECONDS + 3));
    let ticks = guest.cpu_ticks() - before;
    operator.must(&["wake"]);
    guest.expect("awake 2");
    guest.ask("sleep 2");
    let ended = power_off(guest);
    assert_eq!(ended.calls["watchdog_bites"], 0);
    // 100 of them are a second.
    assert!(ticks < 50, "{ticks}");
}

#[test]
fn a_guest_finds_the_same_services_in_kvm() {
    if !is_long() || !has_turn(Half::Second) {
        return;
    }
    for &version in versions() {
        let mut guest = boot(version, &[&["--fdt"], &IN_KVM[..]].concat());
        assert_services(&mut guest, LIST_AND_CLOCK);
        assert_none_in_userspace(&power_off(guest));
    }
}

#[test]
fn a_guest_that_is_given_no_service_finds_none() {
    if !is_long() || !is_principal_host() {
        return;
    }
    for &version in versions() {
        let mut guest = boot(version, &[&["--fdt"], &NONE[..]].concat());
        assert_eq!(guest.ask("cat /sys/class/misc/hw_random/rng_current"), "none");
        assert_eq!(guest.ask("ls /sys/class/ptp /sys/class/watchdog | grep -E 'ptp[0-9]|watchdog[0-9]'"), "");
        assert_eq!(guest.ask("dmesg | grep -E 'smccc: KVM|arm-pv|arm_smc_wdt'"), "");
        assert_none_in_userspace(&power_off(guest));
    }
}

#[test]
fn a_guest_with_acpi_finds_every_service_but_the_watchdog() {
    if !has_turn(Half::Second) {
        return;
    }
    for &version in versions() {
        let mut guest = boot(version, &[&["--acpi"], &IN_USERSPACE[..]].concat());
        assert_services(&mut guest, AND_IMPLEMENTATIONS);
        assert_implementations(&mut guest, version);
        assert_eq!(guest.ask("ls /sys/class/watchdog"), "");
        assert_answered_in_userspace(&power_off(guest), version, 1);
    }
}

//! The services beside PSCI, as the bare-metal guest finds them. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::{env, thread, time::Duration};

use common::{Ended, Guest, is_long, path};
use switchboard_external::{
    protocol::{ArgumentCount, Request},
    server::{Handler, Server},
};
use switchboard_firmware::Results;

fn pass(tests: &str, arguments: &[&str]) -> Ended {
    let ended = Guest::bare(tests, arguments).end();
    ended.assert_code(0);
    ended.assert_tap();
    ended
}

/// The number behind `NAME=` in what the guest says of itself.
#[track_caller]
fn figure(ended: &Ended, name: &str) -> u64 {
    let marked = format!(" {name}=");
    let line = ended.output.lines().find_map(|line| line.split_once(&marked));
    let (_, rest) = line.unwrap_or_else(|| panic!("no {name} in:\n{}", ended.output));
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn random_bits_are_in_the_right_words_and_look_random() {
    let ended = pass("test=trng conduit=both", &[]);
    assert!(ended.call("TRNG_RND", "hvc", "count") > 0 && ended.call("TRNG_RND", "smc", "count") > 0);
    assert_eq!(figure(&ended, "no_entropy"), 0);
}

#[test]
fn a_guest_gets_no_more_random_bits_than_it_may_have() {
    let ended = pass("test=trng rate=limited", &["--trng-rate", "65536"]);
    assert!(figure(&ended, "no_entropy") > 0);
}

#[test]
fn the_wall_clock_and_either_counter_are_of_one_moment() {
    for answerer in ["userspace", "kvm"] {
        let ended = pass("test=ptp", &["--kvm-services", answerer]);
        let calls = ended.call("KVM_PTP", "hvc", "count");
        assert_eq!(calls > 0, answerer == "userspace", "{calls}");
    }
}

#[test]
fn a_guest_is_told_of_every_cpu_on_which_it_may_run() {
    let list = "0x410fd0c1:0:0,0x410fd490:0x17:0x2";
    let ended = pass("test=implementations", &["--implementations", list]);
    assert!(ended.output.contains("midr=0x410fd0c1"), "{}", ended.output);
    assert!(ended.output.contains("midr=0x410fd490 revidr=0x17 aidr=0x2"), "{}", ended.output);
}

#[test]
fn kvm_counts_stolen_time_whoever_answers() {
    for answerer in ["userspace", "kvm"] {
        let ended = pass("test=pv_time", &["--cpus", "4", "--pv-time", answerer]);
        assert_eq!(ended.call("PV_TIME_ST", "hvc", "count") > 0, answerer == "userspace");
    }
}

#[test]
fn a_watchdog_that_is_petted_does_not_bite() {
    let ended = pass("test=watchdog", &["--watchdog", "reset"]);
    assert_eq!(ended.calls["watchdog_bites"], 0);
}

#[test]
fn a_watchdog_bites_a_guest_that_hangs() {
    let off = Guest::bare("test=watchdog bite=yes", &["--watchdog", "off"]).end();
    off.assert_code(69);
    assert_eq!((&off.calls["end"], &off.calls["watchdog_bites"]), (&"watchdog".into(), &1.into()));

    let reset = Guest::bare("test=watchdog bite=yes", &["--watchdog", "reset", "--no-reboot"]).end();
    reset.assert_code(69);
}

#[test]
fn a_bitten_guest_starts_anew() {
    let mut guest = Guest::bare("test=watchdog bite=yes", &["--watchdog", "reset"]);
    for _ in 0..2 {
        guest.expect("ok 1 - watchdog");
    }
    guest.signal("-TERM");
    assert!(guest.end().calls["watchdog_bites"].as_u64() >= Some(1));
}

/// How many registers one call reads and writes.
fn cost(call: &str, function: &str, conduit: &str, arguments: &[&str]) -> (u64, u64) {
    let ended = pass(&format!("test=count call={call} conduit={conduit}"), arguments);
    let figure = |figure| ended.call(function, conduit, figure);
    assert_eq!(figure("count"), 1, "{call}");
    (figure("register_reads"), figure("register_writes"))
}

/// An argument is read if it is looked at, and a result is written if it is not known to be there already: what KVM's user
/// API allows.
#[test]
fn each_call_costs_no_more_registers_than_it_has_arguments_and_results() {
    let all = [
        "--kvm-services=userspace",
        "--implementations=0x410fd0c1:1:2",
        "--pv-time=userspace",
        "--watchdog=reset",
    ];
    for (call, function, conduit, expected) in [
        ("trng_version", "TRNG_VERSION", "hvc", (0, 1)),
        ("trng_features", "TRNG_FEATURES", "hvc", (1, 1)),
        ("trng_uuid", "TRNG_GET_UUID", "hvc", (0, 4)),
        ("trng_rnd32", "TRNG_RND", "hvc", (1, 4)),
        ("trng_rnd64", "TRNG_RND", "hvc", (1, 4)),
        ("kvm_uid", "VENDOR_HYP_CALL_UID", "hvc", (0, 4)),
        ("kvm_features", "KVM_FEATURES", "hvc", (0, 4)),
        ("kvm_ptp", "KVM_PTP", "hvc", (1, 4)),
        ("kvm_impl_ver", "KVM_DISCOVER_IMPL_VER", "hvc", (0, 4)),
        ("kvm_impl_cpus", "KVM_DISCOVER_IMPL_CPUS", "hvc", (3, 4)),
        ("pv_time_features", "PV_TIME_FEATURES", "hvc", (1, 1)),
        ("pv_time_st", "PV_TIME_ST", "hvc", (0, 1)),
        ("watchdog_pet", "ARM_SMC_WATCHDOG", "smc", (1, 1)),
    ] {
        assert_eq!(cost(call, function, conduit, &all), expected, "{call}");
    }
}

/// Another process, half of whose answers come too late.
struct HalfSlow;

impl Handler for HalfSlow {
    fn arguments(&self) -> ArgumentCount {
        ArgumentCount::new(2).unwrap()
    }

    fn call(&self, request: &Request) -> Results {
        if request.function.0 & 1 == 1 {
            thread::sleep(Duration::from_millis(10));
        }
        Results::of(0)
    }
}

#[test]
fn a_hostile_guest_on_four_cpus_costs_nobody_but_itself() {
    hammer("kvm", &["--kvm-services=userspace", "--implementations=0x410fd0c1:0:0,0x410fd490:0:0"]);
}

#[test]
fn nor_does_one_that_takes_the_machine_for_hyper_v() {
    hammer("hyperv", &["--personality=hyperv"]);
}

/// Every service at once, and those of the hypervisor's vendor.
fn hammer(name: &str, vendor: &[&str]) {
    let seconds = if is_long() { 60 } else { 4 };
    let socket = env::temp_dir().join(format!("half-slow-{name}-{}.socket", std::process::id()));
    let server = Server::bind(&socket).unwrap();
    thread::spawn(move || server.serve(&HalfSlow));
    let serve = format!("--serve=0xC2000000+0x100=unix:{},timeout=5ms", path(&socket));
    let mut guest = Guest::bare(
        &format!("test=hammer seconds={seconds}"),
        &[&["--cpus=4", "--sdei", "--pv-time=userspace", "--watchdog=reset", "--cpu-time", &serve], vendor]
            .concat(),
    );
    guest.expect("# hammer begins");
    let before = guest.memory("VmRSS");
    guest.expect("# hammer ms=");
    let grown = guest.memory("VmRSS").saturating_sub(before);
    let ended = guest.end();
    ended.assert_code(0);
    ended.assert_tap();

    // What the guest itself touches for the first time is its own memory: its stacks, no more.
    assert!(grown <= 1024, "{grown} KiB");
    let interrupted = ended.calls["exits"]["interrupted"].as_u64().unwrap();
    let kicks = ended.calls["kicks"].as_u64().unwrap();
    assert!(interrupted <= kicks, "{interrupted} runs were interrupted by {kicks} kicks");
    assert_eq!(ended.calls["watchdog_bites"], 0);
    println!(
        "hammer, {name}: {} forwarded calls in {seconds} s, {grown} KiB, {interrupted} interrupted, {kicks} kicks",
        ended.calls["exits"]["hypercalls"]
    );
    for row in ended.calls["calls"].as_array().unwrap() {
        println!("{} {} {} {}", row["function"], row["count"], row["maximum_ns"], row["maximum_cpu_ns"]);
    }
}

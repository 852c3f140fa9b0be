//! The bare-metal guest: calls as no kernel makes them. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Ended, Guest, is_long, lab_path, path};

fn pass(tests: &str, cpus: &str) -> Ended {
    let ended = Guest::bare(tests, &["--cpus", cpus]).end();
    ended.assert_code(0);
    ended.assert_tap();
    ended
}

#[test]
fn psci_answers_as_its_specification_says() {
    pass("test=psci_basic,denied conduit=both", "2");
}

#[test]
fn a_cpu_starts_at_its_entry_with_its_context_and_goes_off_again() {
    pass("test=cpu_on conduit=both", "4");
}

#[test]
fn of_two_cpus_that_start_a_third_exactly_one_succeeds_every_time() {
    let rounds = if is_long() { 10_000 } else { 1500 };
    pass(&format!("test=cpu_on_race rounds={rounds} conduit=hvc"), "3");
}

#[test]
fn standby_keeps_registers_and_power_down_resumes_at_its_entry() {
    pass("test=suspend conduit=both", "1");
}

#[test]
fn every_id_of_the_standard_and_vendor_pages_has_a_defined_result() {
    pass("test=pages conduit=both seed=1", "1");
}

#[test]
fn ids_at_a_prime_stride_over_all_have_defined_results() {
    let stride = if is_long() { 4093 } else { 32_749 };
    pass(&format!("test=stride conduit=both stride={stride} seed=2"), "1");
}

#[test]
fn a_reset_starts_the_guest_anew() {
    let mut guest = Guest::bare("test=reset", &[]);
    for _ in 0..3 {
        guest.expect("reset");
    }
    guest.signal("-TERM");
    guest.end();
}

#[test]
fn the_device_tree_can_be_had_in_a_file() {
    let file = std::env::temp_dir().join("dumped.dtb");
    Guest::bare("test=off", &["--dtb-dump", path(&file)]).end().assert_code(0);
    let blob = std::fs::read(&file).unwrap();
    assert_eq!(blob[..4], [0xd0, 0x0d, 0xfe, 0xed]);
    assert!(blob.windows(8).any(|bytes| bytes == b"arm,psci"));
}

#[test]
fn a_kernel_compressed_with_gzip_boots() {
    let compressed = std::env::temp_dir().join("bare.gz");
    let gzip = std::process::Command::new("gzip").arg("-c").arg(lab_path("SWITCHBOARD_GUEST_BARE")).output();
    std::fs::write(&compressed, gzip.unwrap().stdout).unwrap();
    Guest::start(&["--kernel", path(&compressed), "--append", "test=off"]).end().assert_code(0);
}

/// Reads and writes of one call, and the register accesses its row has.
fn cost(call: &str, function: &str) -> (u64, u64, u64) {
    let ended = pass(&format!("test=count call={call} conduit=hvc"), "2");
    let figure = |figure| ended.call(function, "hvc", figure);
    // KVM_RUN is not entered for nothing: every exit but the kick that ends another CPU had work for us.
    let interrupted = ended.calls["exits"]["interrupted"].as_u64();
    assert!(interrupted.is_some_and(|count| count <= 1), "{interrupted:?}");
    (figure("count"), figure("register_reads"), figure("register_writes"))
}

#[test]
fn psci_version_costs_no_read_and_one_write() {
    let (count, reads, writes) = cost("psci_version", "PSCI_VERSION");
    assert!(count >= 1);
    assert_eq!((reads, writes), (0, count));
}

#[test]
fn a_refused_cpu_on_costs_at_most_three_reads_and_one_write() {
    let (count, reads, writes) = cost("cpu_on_refused", "CPU_ON");
    assert_eq!(count, 1);
    assert!(reads <= 3, "{reads}");
    assert_eq!(writes, 1);
}

#[test]
fn a_cpu_on_that_succeeds_costs_its_caller_four_reads_and_one_write() {
    assert_eq!(cost("cpu_on_ok", "CPU_ON"), (1, 4, 1));
}

//! A host whose CPU has SVE and pointer authentication. In the lab, with `--cpu max`.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use common::Guest;

/// The features of the CPUs, of all of them, after CPU 1 has been INITed a second time.
fn features(arguments: &[&str]) -> (Vec<String>, String) {
    let mut guest = Guest::linux(&[&["--cpus", "2"], arguments].concat());
    guest.send(
        "echo 0 > /sys/devices/system/cpu/cpu1/online; echo 1 > /sys/devices/system/cpu/cpu1/online; \
         grep Features /proc/cpuinfo; ls /sys/bus/event_source/devices; poweroff -f\n",
    );
    let ended = guest.end();
    ended.assert_code(0);
    let lines = ended.output.lines().filter(|line| line.starts_with("Features")).map(str::to_owned).collect();
    (lines, ended.output)
}

#[test]
fn the_guest_gets_sve_pointer_authentication_and_a_pmu_and_keeps_them_over_a_second_init() {
    let (features, output) = features(&[]);
    assert_eq!(features.len(), 2, "{output}");
    for line in features {
        assert!(["sve", "paca", "pacg"].iter().all(|name| line.split_whitespace().any(|word| word == *name)));
    }
    assert!(output.contains("armv8_pmuv3"), "{output}");
}

#[test]
fn each_feature_can_be_left_out() {
    let (features, output) = features(&["--cpu-features", "sve=off,pauth=off,pmu=off"]);
    assert_eq!(features.len(), 2, "{output}");
    for line in features {
        assert!(["sve", "paca", "pacg"].iter().all(|name| line.split_whitespace().all(|word| word != *name)));
    }
    assert!(!output.contains("armv8_pmuv3"), "{output}");
}

//! A host without GICv3. In the lab, with `--gic 2`.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use common::Guest;

#[test]
fn a_guest_on_a_gicv2_brings_its_cpus_online() {
    let mut guest = Guest::linux(&["--cpus", "2"]);
    guest.send("cat /sys/devices/system/cpu/online; grep -c GICv2 /proc/interrupts; poweroff -f\n");
    guest.expect("0-1");
    guest.end().assert_code(0);
}

#[test]
fn more_than_eight_cpus_are_refused() {
    let ended = Guest::linux(&["--cpus", "9"]).end();
    ended.assert_code(27);
    assert!(ended.errors.contains('8') && ended.errors.contains("\nhint: "), "{}", ended.errors);
}

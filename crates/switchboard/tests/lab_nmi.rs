//! A Debian guest that hangs with interrupts off, and is reached all the same: by SDEI, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::{env, fs, path::PathBuf, thread, time::Instant};

use common::{Guest, Half, Operator, has_turn, path};

const DETECTED: &str = "sdei: SDEIv1.1 (0x0) detected in firmware.";
const PANIC: &str = "Kernel panic - not syncing: GHES: Fatal hardware error";

fn boot(version: &str, operator: &Operator, arguments: &[&str]) -> Guest {
    let usual = ["--append", "quiet auto_online=1", "--control", operator.socket()];
    let mut guest = Guest::linux_of(version, &[&usual[..], arguments].concat());
    guest.expect("guest: ready");
    guest
}

#[track_caller]
fn assert_detected(guest: &mut Guest) {
    let log = guest.ask("dmesg | grep sdei");
    assert!(log.contains(DETECTED), "{log}");
}

/// A line that the kernel writes to the serial port at once, whatever it has been told to be quiet about.
const LINE: &str = "echo '<0>a line of forty characters, with its time' >/dev/kmsg";
/// More than the serial port keeps for a monitor whose reader is slow, by half.
const LINES: u32 = 100;

/// The serial port stays full, and the kernel waits in a printk, with interrupts off, for room that does not come.
fn hang(guest: &mut Guest) {
    let began = Instant::now();
    guest.send(&format!(
        "i=0; while [ $i -lt {LINES} ]; do {LINE}; i=$((i+1)); done; echo '<0>wri''tten' >/dev/kmsg\n"
    ));
    guest.expect("written");
    let time_to_fill = began.elapsed();

    guest.hold_output();
    guest.send(&format!("while :; do {LINE}; done\n"));
    guest.wait_until_nobody_takes_output();
    thread::sleep(2 * time_to_fill);
}

fn panics_where_it_hangs(version: &str, conduit: &str, half: Half) {
    if !has_turn(half) {
        return;
    }
    let operator = Operator::new(&format!("nmi-{version}-{conduit}"));
    let mut guest = boot(version, &operator, &["--acpi", "--sdei", "--conduit", conduit]);
    assert_detected(&mut guest);
    hang(&mut guest);

    let answer = operator.must(&["nmi"]);

    assert_eq!((&answer["kind"], &answer["cpu"]), (&"nmi".into(), &0.into()), "{answer}");
    guest.release_output();
    guest.expect(PANIC);
    guest.expect("Call trace:");
    // Where it was when it was interrupted.
    guest.expect("pl011");
    guest.expect("end Kernel panic");
    operator.must(&["stop"]);
    guest.end().assert_code(68);
}

#[test]
fn a_6_12_guest_that_hangs_with_interrupts_off_panics_and_says_where() {
    panics_where_it_hangs("6.12", "hvc", Half::First);
}

#[test]
fn so_does_a_7_2_guest_over_smc() {
    panics_where_it_hangs("7.2", "smc", Half::Second);
}

/// A static program of 32 bits (ELF32, EM_ARM, EABI 5), loaded whole at 64 KiB: one instruction of A32 that branches to itself.
#[rustfmt::skip]
const SPIN: [u8; 88] = [
    0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 0x28, 0, 1, 0, 0, 0, 0x54, 0, 1, 0, 0x34, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 5, 0x34, 0, 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 88, 0, 0, 0, 88, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
    0xfe, 0xff, 0xff, 0xea,
];

/// KVM cuts what is written to a CPU in AArch32 to 32 bits: the handler's address must not be.
#[test]
fn a_guest_that_runs_a_program_of_32_bits_is_reached_as_well() {
    if !has_turn(Half::First) {
        return;
    }
    let operator = Operator::new("nmi-32");
    let mut guest = boot("6.12", &operator, &["--acpi", "--sdei"]);
    let bytes: String = SPIN.iter().map(|byte| format!("\\{byte:03o}")).collect();
    guest.send(&format!(
        "printf '{bytes}' >/tmp/spin; chmod +x /tmp/spin; /tmp/spin & sleep 1; echo spi''nning\n"
    ));
    guest.expect("spinning");

    operator.must(&["nmi"]);

    guest.expect(PANIC);
    guest.expect("Comm: spin");
    operator.must(&["stop"]);
    guest.end().assert_code(68);
}

/// The policy in the guide.
fn policy() -> PathBuf {
    let file = env::temp_dir().join(format!("nmi-{}.toml", std::process::id()));
    let rule = "[[rule]]\ncalls = [\"@sdei\"]\naction = \"forward\"\n";
    fs::write(&file, format!("version = 1\nextends = \"linux-guest-hotplug\"\n{rule}")).unwrap();
    file
}

#[test]
fn the_cpu_that_is_named_takes_it_though_it_came_later_under_a_policy_too() {
    let policy = policy();
    for (version, half) in [("6.12", Half::First), ("7.2", Half::Second)] {
        if !has_turn(half) {
            continue;
        }
        let operator = Operator::new(&format!("nmi-cpu-{version}"));
        let given = if version == "6.12" { ["--policy", path(&policy)] } else { ["--acpi", "--sdei"] };
        let mut guest = boot(version, &operator, &[&["--cpus", "boot=1,max=3"], &given[..]].concat());
        operator.must(&["cpus", "set", "3", "--wait=60"]);
        let problem = operator.ctl(&["nmi", "--cpu", "3"]);
        assert_eq!((problem.0, &problem.1["code"]), (31, &"no-such-cpu".into()), "{problem:?}");

        let answer = operator.must(&["nmi", "--cpu", "2"]);

        assert_eq!(answer["cpu"], 2, "{answer}");
        guest.expect(PANIC);
        guest.expect("CPU: 2");
        operator.must(&["stop"]);
        guest.end().assert_code(68);
    }
}

#[test]
fn a_guest_with_a_device_tree_finds_sdei_and_has_no_handler_for_an_nmi() {
    for (version, conduit, half) in [("6.12", "smc", Half::Second), ("7.2", "hvc", Half::First)] {
        if !has_turn(half) {
            continue;
        }
        let operator = Operator::new(&format!("nmi-fdt-{version}"));
        let mut guest = boot(version, &operator, &["--fdt", "--sdei", "--cpus", "2", "--conduit", conduit]);
        assert_detected(&mut guest);

        let (status, problem, message) = operator.ctl(&["nmi"]);

        assert_eq!((status, &problem["code"]), (31, &"no-handler".into()), "{problem}");
        assert!(message.contains("no handler") && message.contains("--acpi"), "{message}");
        guest.send("poweroff -f\n");
        guest.end().assert_code(0);
    }
}

#[test]
fn a_machine_without_sdei_has_no_nmi() {
    let operator = Operator::new("nmi-none");
    let mut guest = boot("6.12", &operator, &["--acpi"]);

    let (status, problem, message) = operator.ctl(&["nmi"]);

    assert_eq!((status, &problem["code"]), (31, &"no-nmi".into()), "{problem}");
    assert!(message.contains("--sdei"), "{message}");
    assert_eq!(guest.ask("dmesg | grep -c -E 'sdei|GHES: .*SDEI'"), "0");
    guest.send("poweroff -f\n");
    guest.end().assert_code(0);
}

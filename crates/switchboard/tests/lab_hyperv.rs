//! A machine that presents itself as Hyper-V, to an unmodified Debian guest, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Guest, Half, Operator, has_turn};

/// Debian's kernel says what it is, when it says that it is there (Linux, `hv_generate_guest_id`).
const LINUX: &str = "Linux";

fn recognises_panics_and_is_heard(version: &str, conduit: &str, half: Half) {
    if !has_turn(half) {
        return;
    }
    let operator = Operator::new(&format!("hyperv-{version}-{conduit}"));
    let mut guest = Guest::linux_of(
        version,
        &[
            "--personality",
            "hyperv",
            "--acpi",
            "--conduit",
            conduit,
            "--cpus",
            "boot=2,max=3",
            "--control",
            operator.socket(),
            "--append",
            "quiet auto_online=1",
        ],
    );
    guest.expect("guest: ready");
    let log = guest.ask("dmesg | grep Hyper-V");
    assert!(log.contains("Hyper-V: privilege flags low 0x"), "{log}");
    assert!(guest.ask("dmesg | grep -c 'KVM: hypervisor services'") == "0", "KVM is not there");
    operator.must(&["cpus", "set", "3", "--wait=60"]);
    // It is on; the guest brings it online step by step, and asks for its index in one of the last. This waits for them.
    guest.ask("echo 1 >/sys/devices/system/cpu/cpu2/online");

    guest.send("echo c >/proc/sysrq-trigger\n");

    guest.expect("end Kernel panic");
    operator.must(&["stop"]);
    let ended = guest.end();
    ended.assert_code(68);
    let hyperv = &ended.calls["hyper_v"];
    assert!(hyperv["guest_os"].as_str().unwrap().starts_with(LINUX), "{hyperv}");
    assert_eq!(
        hyperv["vp_index_asked"],
        serde_json::json!([0, 1, 2]),
        "each CPU has, the last one as well: {}",
        ended.calls
    );
    assert!(ended.calls["crashes"].as_u64() >= Some(1), "{}", ended.calls);
    let crash = &ended.calls["last_crash"];
    let message = crash["message"].as_str().unwrap();
    assert!(message.contains("sysrq triggered crash"), "{message}");
    // The message's address and its length.
    let parameter = |number: usize| {
        let text = crash["parameters"][number].as_str().unwrap();
        usize::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
    };
    assert!(parameter(3) >= 0x4000_0000, "{crash}");
    assert!((message.len()..=4096).contains(&parameter(4)), "{crash}");
    assert!(ended.errors.contains("crash: the guest has crashed, says CPU"), "{}", ended.errors);
    assert!(ended.errors.contains("sysrq triggered crash"), "{}", ended.errors);
}

#[test]
fn a_6_12_guest_recognises_hyper_v_and_its_panic_is_heard() {
    recognises_panics_and_is_heard("6.12", "hvc", Half::Second);
}

#[test]
fn so_it_is_with_a_7_2_guest() {
    recognises_panics_and_is_heard("7.2", "smc", Half::First);
}

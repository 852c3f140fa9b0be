//! A guest's console on a person's terminal. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};

use common::{Half, Terminal, has_turn, lab_path, path};

/// Boots the guest on a terminal and waits until it is up.
fn boot(terminal: &mut Terminal) -> Child {
    let kernel = lab_path("SWITCHBOARD_GUEST_KERNEL");
    let initrd = lab_path("SWITCHBOARD_GUEST_INITRD");
    let arguments =
        ["run", "--kernel", path(&kernel), "--initrd", path(&initrd), "--append", "quiet", "--quiet"];
    let child = terminal.spawn(&lab_path("SWITCHBOARD_BIN"), &arguments);
    terminal.expect("guest: ready");
    child
}

/// Boots a guest, does something to it, and sees that the terminal is as it was.
fn ends(action: impl FnOnce(&mut Terminal, &Child)) -> ExitStatus {
    let mut terminal = Terminal::new();
    let before = terminal.mode();
    let mut child = boot(&mut terminal);
    assert_ne!(terminal.mode(), before, "raw while the guest runs");
    action(&mut terminal, &child);
    let status = child.wait().unwrap();
    assert_eq!(terminal.mode(), before, "restored");
    status
}

#[test]
fn control_a_x_leaves_with_65() {
    if !has_turn(Half::Second) {
        return;
    }
    let status = ends(|terminal, _| terminal.send("\x01x"));
    assert_eq!(status.code(), Some(65));
}

#[test]
fn control_c_is_the_guests_and_power_off_ends_with_0() {
    if !has_turn(Half::Second) {
        return;
    }
    let status = ends(|terminal, _| terminal.send("\x03\necho alive; poweroff -f\n"));
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_signal_restores_the_terminal_and_ends_the_process_by_it() {
    if !has_turn(Half::Second) {
        return;
    }
    let status = ends(|_, child| {
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    });
    assert_eq!(status.signal(), Some(15));
}

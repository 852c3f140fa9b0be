//! What the command says and how it ends.

#![allow(missing_docs, reason = "tests")]

use std::fs::File;
use std::process::{Command, Output, Stdio};

fn against_naive(arguments: &[&str], stdout: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard-conform"));
    command.args(["--against", "naive", "--jobs", "1"]).args(arguments).stdout(stdout).output().unwrap()
}

#[test]
fn a_full_disk_is_an_error_and_no_panic() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = against_naive(&["--programs", "10"], full.into());
    assert_eq!(output.status.code(), Some(10));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("error: writing what was found: No space left on device"), "{stderr}");
}

#[test]
fn numbers_beyond_64_bits_are_an_error_and_no_empty_success() {
    let output = against_naive(&["--programs", "10", "--first", "18446744073709551610"], Stdio::piped());
    assert_eq!(output.status.code(), Some(10));
}

#[test]
fn no_programs_are_a_wrong_command_line() {
    assert_eq!(against_naive(&["--programs", "0"], Stdio::piped()).status.code(), Some(2));
}

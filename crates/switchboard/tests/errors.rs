//! What a person is told who got something wrong: on any host, without KVM.

#![allow(missing_docs, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The header of an arm64 Image, and a little of what follows it.
    fn image(&self) -> PathBuf {
        let mut bytes = vec![0; 4096];
        bytes[16..24].copy_from_slice(&0x10_0000_u64.to_le_bytes());
        bytes[24..32].copy_from_slice(&0xa_u64.to_le_bytes());
        bytes[56..60].copy_from_slice(b"ARM\x64");
        self.write("Image", &bytes)
    }
}

fn run(kernel: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["run", "--kernel", kernel.to_str().unwrap()])
        .args(arguments)
        .output()
        .unwrap()
}

/// The exit status, what is said, and that a hint follows.
#[track_caller]
fn assert_refused(output: &Output, status: i32, says: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert!(errors.starts_with("error: ") && errors.contains(says), "{errors}");
    assert!(errors.contains("\n\nhint: "), "{errors}");
    assert!(output.stdout.is_empty(), "standard output is data");
}

#[test]
fn a_kernel_that_is_not_there() {
    assert_refused(&run(Path::new("/no/such/kernel"), &[]), 20, "/no/such/kernel");
}

#[test]
fn a_kernel_that_is_a_directory() {
    assert_refused(&run(Path::new("/"), &[]), 20, "not an ordinary file");
}

#[test]
fn a_kernel_that_is_no_image() {
    let files = Files::new();
    assert_refused(&run(&files.write("text", &[b'x'; 5000]), &[]), 21, "not an arm64 kernel");
}

#[test]
fn a_kernel_for_x86() {
    let mut bytes = vec![0; 4096];
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes[0x202..0x206].copy_from_slice(b"HdrS");
    let files = Files::new();
    assert_refused(&run(&files.write("bzImage", &bytes), &[]), 22, "x86");
}

#[test]
fn a_kernel_that_is_cut_off() {
    let files = Files::new();
    assert_refused(&run(&files.write("gzip", &[0x1f, 0x8b, 8, 0]), &[]), 23, "");
}

#[test]
fn an_initrd_that_is_not_there_or_is_empty() {
    let files = Files::new();
    let empty = files.write("empty", b"");
    for initrd in ["/no/such/initrd", empty.to_str().unwrap()] {
        assert_refused(&run(&files.image(), &["--initrd", initrd]), 24, initrd);
    }
}

#[test]
fn an_initrd_that_does_not_fit() {
    let files = Files::new();
    let initrd = files.write("initrd", b"");
    fs::File::options().write(true).open(&initrd).unwrap().set_len(64 << 20).unwrap();
    let output = run(&files.image(), &["--initrd", initrd.to_str().unwrap(), "--mem", "64M"]);
    assert_refused(&output, 25, "initial RAM disk");
}

#[test]
fn a_kernel_that_does_not_fit() {
    let files = Files::new();
    assert_refused(&run(&files.image(), &["--mem", "2M"]), 26, "memory");
}

#[test]
fn no_cpus() {
    let files = Files::new();
    assert_refused(&run(&files.image(), &["--cpus", "0"]), 27, "0 CPUs");
}

#[test]
fn a_command_line_that_linux_would_cut_off() {
    let files = Files::new();
    assert_refused(&run(&files.image(), &["--append", &"x".repeat(2048)]), 29, "2048");
}

#[test]
fn no_kvm() {
    let files = Files::new();
    assert_refused(&run(&files.image(), &["--kvm", "/no/such/kvm"]), 10, "/no/such/kvm");
}

#[test]
fn a_device_that_is_not_kvm() {
    let files = Files::new();
    assert_refused(&run(&files.image(), &["--kvm", "/dev/null"]), 11, "not KVM");
}

#[test]
#[cfg(not(target_arch = "aarch64"))]
fn kvm_of_another_architecture() {
    let files = Files::new();
    // A host without KVM is told that first.
    let (status, says) = match fs::File::open("/dev/kvm") {
        Ok(_) => (11, "arm64"),
        Err(_) => (10, "/dev/kvm"),
    };
    assert_refused(&run(&files.image(), &[]), status, says);
}

#[test]
fn wrong_usage_is_status_2() {
    let files = Files::new();
    for arguments in
        [&["--mem", "3"][..], &["--cpus", "many"], &["--cpu-features", "mte=on"], &["--conduit", "x"]]
    {
        assert_eq!(run(&files.image(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

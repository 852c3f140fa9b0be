//! Debian's own compiler for arm64, unpacked into the cache: for machines that rustup's server is out of reach of.
//!
//! `rustc-web` is the compiler that Debian keeps recent for its browsers. It must not be installed: it conflicts with
//! what a machine may have. Its arm64 standard library unpacks beside the amd64 compiler and is found there as a target.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::apt::{Sources, State};
use super::toolchain::CrossToolchain;
use super::{artifact, host_packages};
use crate::workspace::{self, output};

const NAME: &str = "toolchain";
const TARGET: &str = "aarch64-unknown-linux-gnu";
const WRAPPER: &str = "rustc";
const COMPILER: &str = "rustc-web";

/// Finds or fetches it.
pub(crate) fn get() -> Result<CrossToolchain> {
    host_packages::cross_linker()?;
    let compiler = artifact::get(NAME, WRAPPER, fetch)?;
    // Its own build folder: the objects of two compilers push each other out.
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace::root().join("target"), Into::into);
    Ok(CrossToolchain {
        target: TARGET,
        bare_target: None,
        has_clippy: false,
        env: vec![
            ("RUSTC", compiler.into_os_string()),
            ("CARGO_TARGET_DIR", std::path::absolute(target.join("debian"))?.into_os_string()),
            ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", OsString::from("aarch64-linux-gnu-gcc")),
            (
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
                OsString::from("-C target-feature=+crt-static"),
            ),
        ],
    })
}

fn fetch(folder: &Path) -> Result<Vec<String>> {
    let host_architecture = output(std::process::Command::new("dpkg").arg("--print-architecture"))?;
    let host = State::open(Sources::Host, host_architecture.trim())?;
    let arm64 = State::open(Sources::Host, "arm64")?;
    host.update()?;
    arm64.update()?;

    let version = host.candidate(COMPILER).context("Debian's compiler")?;
    let exact = |name: &str| format!("{name}={version}");
    let short: Vec<_> = version.split('.').take(2).collect();
    let library = format!("libstd-rust-web-{}", short.join("."));
    let dependencies = host.dependencies(&library)?;
    let llvm = dependencies.iter().find(|name| name.starts_with("libllvm")).context("the compiler's LLVM")?;

    let root = folder.join("root");
    let packages = [exact(COMPILER), exact("libstd-rust-web-dev"), exact(&library), llvm.clone()];
    host.unpack(&packages, &root)?;
    arm64.unpack(&[exact("libstd-rust-web-dev")], &root)?;
    write_wrapper(&folder.join(WRAPPER), host_architecture.trim())?;
    Ok(packages.into())
}

/// The compiler finds neither its libraries nor its targets by itself, away from `/usr`.
fn write_wrapper(path: &Path, architecture: &str) -> Result<()> {
    let triplet = match architecture {
        "amd64" => "x86_64-linux-gnu",
        "arm64" => "aarch64-linux-gnu",
        other => anyhow::bail!("Debian's compiler is not set up for {other}"),
    };
    let script = format!(
        "#!/bin/sh\nroot=$(dirname \"$0\")/root/usr\n\
         LD_LIBRARY_PATH=$root/lib/{triplet}:$root/lib exec \"$root/bin/rustc\" --sysroot \"$root\" \"$@\"\n"
    );
    fs::write(path, script)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

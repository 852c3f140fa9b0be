//! The toolchain for arm64: rustup's target if it can be had, Debian's compiler otherwise.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{artifact, debian_toolchain};
use crate::trouble::Trouble;
use crate::workspace::{self, check, has_program, output};

/// `debian` forces Debian's compiler, `rustup` forbids it.
pub(crate) const VARIABLE: &str = "SWITCHBOARD_TOOLCHAIN";

const MUSL: &str = "aarch64-unknown-linux-musl";
const BARE: &str = "aarch64-unknown-none";

/// How to build for arm64: every cross build of this project goes through [`CrossToolchain::cargo`].
#[derive(Debug, Clone)]
pub(crate) struct CrossToolchain {
    /// The target of programs that run on Linux; they are static.
    pub(crate) target: &'static str,
    /// The target of bare-metal images, if it has one.
    pub(crate) bare_target: Option<&'static str>,
    /// Whether `cargo clippy` works for the target.
    pub(crate) has_clippy: bool,
    /// What cargo's environment needs.
    pub(crate) env: Vec<(&'static str, OsString)>,
}

impl CrossToolchain {
    /// Finds or fetches the toolchain.
    pub(crate) fn get() -> Result<Self> {
        let wish = std::env::var(VARIABLE).unwrap_or_default();
        match wish.as_str() {
            "debian" => debian_toolchain::get(),
            "rustup" => Self::rustup(),
            "" => Self::rustup().or_else(|error| {
                eprintln!("setup: {error:#}; taking Debian's compiler instead");
                debian_toolchain::get()
            }),
            other => Err(Trouble::new(format!("{VARIABLE}={other} is neither debian nor rustup")).into()),
        }
    }

    fn rustup() -> Result<Self> {
        add_target(MUSL)?;
        Ok(Self { target: MUSL, bare_target: Some(BARE), has_clippy: true, env: Vec::new() })
    }

    /// Cargo at the workspace's root, in this toolchain's environment.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = workspace::cargo();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Makes sure of the target of bare-metal images and returns it.
pub(crate) fn bare_metal(toolchain: &CrossToolchain) -> Result<&'static str> {
    // A Linux target cannot stand in: its library leaves memcpy and its kin to a libc.
    let target = toolchain.bare_target.ok_or_else(|| {
        Trouble::new("Debian's compiler has no target for bare-metal images").hint(
            "the tests need rustup, with its target aarch64-unknown-none; lab, run and build do without",
        )
    })?;
    add_target(target)?;
    Ok(target)
}

fn add_target(target: &str) -> Result<()> {
    if installed(target)? {
        return Ok(());
    }
    let _lock = artifact::lock()?;
    if installed(target)? {
        return Ok(());
    }
    if !has_program("rustup") {
        return Err(
            Trouble::new(format!("the compiler has no target {target}, and there is no rustup")).into()
        );
    }
    eprintln!("setup: adding the target {target}");
    check(Command::new("rustup").current_dir(workspace::root()).args(["--quiet", "target", "add", target]))
}

/// Whether the compiler that cargo would use has the target's standard library.
fn installed(target: &str) -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let root = output(Command::new(rustc).current_dir(workspace::root()).args(["--print", "sysroot"]))?;
    Ok(library(Path::new(root.trim()), target).is_dir())
}

fn library(root: &Path, target: &str) -> PathBuf {
    root.join("lib/rustlib").join(target).join("lib")
}

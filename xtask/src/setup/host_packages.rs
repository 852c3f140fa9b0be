//! Packages that must be installed on this machine.

use std::fs;
use std::io::IsTerminal;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::{artifact, progress};
use crate::trouble::Trouble;
use crate::workspace::has_program;

/// The emulator.
pub(crate) const QEMU: &str = "qemu-system-aarch64";

/// Lists older than this may name packages that the archive no longer has.
const FRESH: Duration = Duration::from_secs(3 * 24 * 3600);

/// A program and the package that holds it.
struct Need {
    program: &'static str,
    package: &'static str,
}

/// The emulator, for the lab.
pub(crate) fn qemu() -> Result<()> {
    install(&[Need { program: QEMU, package: "qemu-system-arm" }])
}

/// The linker and C library of the Debian toolchain.
pub(crate) fn cross_linker() -> Result<()> {
    install(&[
        Need { program: "aarch64-linux-gnu-gcc", package: "gcc-aarch64-linux-gnu" },
        Need { program: "../aarch64-linux-gnu/lib/libc.a", package: "libc6-dev-arm64-cross" },
    ])
}

fn install(needs: &[Need]) -> Result<()> {
    let missing = || -> Vec<_> {
        let missing = needs.iter().filter(|need| !has_program(need.program));
        missing.map(|need| need.package).collect()
    };
    if missing().is_empty() {
        return Ok(());
    }
    let _lock = artifact::lock()?;
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let Some(privilege) = Privilege::find() else {
        return Err(Trouble::new(format!("this machine lacks {}", packages.join(", ")))
            .hint(format!("as its administrator, install: {} (Debian's names)", packages.join(" ")))
            .into());
    };
    if !lists_are_fresh() {
        progress::follow("reading the package lists", privilege.apt().args(["-q", "update"]))?;
    }
    let mut command = privilege.apt();
    command.args(["-q", "-y", "--no-install-recommends", "install"]).args(&packages);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    progress::follow(&format!("installing {}", packages.join(", ")), &mut command)
        .with_context(|| format!("installing {}", packages.join(", ")))
}

/// The way to become the administrator.
enum Privilege {
    Root,
    Sudo,
}

impl Privilege {
    fn find() -> Option<Self> {
        if !has_program("apt-get") {
            return None;
        }
        if rustix::process::geteuid().is_root() {
            return Some(Self::Root);
        }
        // Only at a terminal can it ask for a password.
        let quiet =
            Command::new("sudo").args(["-n", "true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let asks = has_program("sudo") && std::io::stdin().is_terminal();
        let able = quiet.is_ok_and(|status| status.success())
            || asks && Command::new("sudo").arg("-v").status().is_ok_and(|status| status.success());
        able.then_some(Self::Sudo)
    }

    /// Not a guarded child: an installation that is killed half-way leaves the machine in need of repair.
    fn apt(&self) -> Command {
        match self {
            Self::Root => Command::new("apt-get"),
            Self::Sudo => {
                let mut command = Command::new("sudo");
                command.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
                command
            }
        }
    }
}

/// Whether there are lists, and the folder that holds them was changed lately; the lists carry the archive's dates.
fn lists_are_fresh() -> bool {
    let folder = "/var/lib/apt/lists";
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let updated = fs::metadata(folder).and_then(|facts| facts.modified()).ok();
    entries.any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
        && updated.and_then(|time| time.elapsed().ok()).is_some_and(|age| age < FRESH)
}

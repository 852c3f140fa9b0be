//! The Linux guest: busybox, modules, the lab's probe and a first program, as an initramfs.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::archive::Archive;
use crate::cross;
use crate::setup::artifact;
use crate::setup::toolchain::CrossToolchain;

/// What a guest does when it is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A shell for a person.
    Shell,
    /// The commands of a test, from the console, without a prompt or an echo.
    Script,
}

const MODULES: &str = "lib/modules";
const PREPARE: &str = include_str!("guest/init");

/// `cttyhack` opens the console anew as the shell's controlling terminal: /dev/console itself cannot be one, and job
/// control needs one.
const SHELL: &str = "\
online-cpus </dev/null
cd /root
echo
echo \"Linux $(uname -r) on $(nproc) CPUs, its firmware served by Switchboard. Leave the shell to power off.\"
echo
setsid cttyhack sh -l
poweroff -f
";

/// For the shell of a person, who does not know that its init is a script and takes no request to power off.
const PROFILE: &str = "\
alias poweroff='poweroff -f' halt='halt -f' reboot='reboot -f'
";

/// A file argument makes the shell read commands without being interactive. A test says whether it brings CPUs online
/// itself.
const SCRIPT: &str = "\
stty -echo -onlcr </dev/console
case \" $(cat /proc/cmdline) \" in *' auto_online=1 '*) online-cpus </dev/null ;; esac
echo 'guest: ready'
sh /dev/console
poweroff -f
";

/// Programs of the guest. That of the power button is where busybox's acpid looks for it.
const PROGRAMS: [(&str, &str); 4] = [
    ("etc/acpi/PWRF/00000080", include_str!("guest/power-button")),
    ("bin/watch-gpio-button", include_str!("guest/watch-gpio-button")),
    ("bin/online-cpu", include_str!("guest/online-cpu")),
    ("bin/online-cpus", include_str!("guest/online-cpus")),
];

/// Writes the guest's initramfs to the file `path`, with the modules that it loads.
pub(crate) fn initramfs(
    toolchain: &CrossToolchain,
    path: &Path,
    purpose: Purpose,
    modules: &[PathBuf],
) -> Result<()> {
    let mut archive = Archive::create(path)?;
    archive.file(Path::new("bin/busybox"), &artifact::busybox()?)?;
    archive.file(Path::new("bin/probe"), &cross::lab_probe(toolchain)?)?;
    for folder in ["proc", "sys", "tmp", "root", "sbin", "usr/bin", "usr/sbin", "etc", MODULES] {
        archive.folder(folder)?;
    }
    for module in modules {
        // They are named so that the order of their names is that of loading.
        archive.file(&Path::new(MODULES).join(module.file_name().unwrap_or_default()), module)?;
    }
    for (path, content) in PROGRAMS {
        archive.bytes(path, 0o755, content.as_bytes())?;
    }
    let rest = match purpose {
        Purpose::Shell => SHELL,
        Purpose::Script => SCRIPT,
    };
    archive.bytes("etc/profile", 0o644, PROFILE.as_bytes())?;
    archive.bytes("init", 0o755, format!("{PREPARE}{rest}").as_bytes())?;
    archive.finish().map(drop)
}

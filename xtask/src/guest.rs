//! The Linux guest: busybox and a first program, as an initramfs.

use std::path::Path;

use anyhow::Result;

use crate::archive::Archive;
use crate::setup::artifact;

/// What a guest does when it is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A shell for a person.
    Shell,
    /// The commands of a test, from the console, without a prompt or an echo.
    Script,
}

const PREPARE: &str = "\
#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
/bin/busybox mount -t devtmpfs none /dev 2>/dev/null
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
/bin/busybox mount -t tmpfs none /tmp
/bin/busybox mkdir -p /dev/pts
/bin/busybox mount -t devpts none /dev/pts
/bin/busybox --install -s
hostname guest
";

/// `cttyhack` opens the console anew as the shell's controlling terminal: /dev/console itself cannot be one, and job
/// control needs one.
const SHELL: &str = "\
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

/// A file argument makes the shell read commands without being interactive.
const SCRIPT: &str = "\
stty -echo -onlcr </dev/console
echo 'guest: ready'
sh /dev/console
poweroff -f
";

/// Writes the guest's initramfs to the file `path`.
pub(crate) fn initramfs(path: &Path, purpose: Purpose) -> Result<()> {
    let mut archive = Archive::create(path)?;
    archive.file(Path::new("bin/busybox"), &artifact::busybox()?)?;
    for folder in ["proc", "sys", "tmp", "root", "sbin", "usr/bin", "usr/sbin", "etc"] {
        archive.folder(folder)?;
    }
    let rest = match purpose {
        Purpose::Shell => SHELL,
        Purpose::Script => SCRIPT,
    };
    archive.bytes("etc/profile", 0o644, PROFILE.as_bytes())?;
    archive.bytes("init", 0o755, format!("{PREPARE}{rest}").as_bytes())?;
    archive.finish().map(drop)
}

//! The machine around the command: file systems, busybox's applets, the end.

use std::ffi::CStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use rustix::fs::sync;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, finit_module, reboot};
use switchboard_lab_init::protocol::{MODULES_FOLDER, WORKING_FOLDER};

use crate::Failure;

const BUSYBOX: &str = "/bin/busybox";

/// Where the command's programs are looked for.
pub(crate) const SEARCH_PATH: &str = "/bin:/sbin:/usr/bin:/usr/sbin";

/// Mounts what a program may expect and links busybox's applets.
pub(crate) fn prepare() -> Result<(), Failure> {
    mount_one("/dev", c"devtmpfs", "")?;
    mount_one("/proc", c"proc", "")?;
    mount_one("/sys", c"sysfs", "")?;
    mount_one("/tmp", c"tmpfs", "mode=1777")?;
    mount_one("/dev/pts", c"devpts", "mode=620,ptmxmode=666")?;
    fs::create_dir_all(WORKING_FOLDER).map_err(|error| format!("{WORKING_FOLDER}: {error}"))?;
    load_modules()?;
    link_applets()
}

/// Loads what the ports need, where the kernel has it not built in.
fn load_modules() -> Result<(), Failure> {
    let entries = fs::read_dir(MODULES_FOLDER).into_iter().flatten().flatten();
    let mut modules: Vec<_> = entries.map(|entry| entry.path()).collect();
    modules.sort();
    for module in modules {
        let loaded = File::open(&module).and_then(|file| Ok(finit_module(file, c"", 0)?));
        loaded.map_err(|error| format!("loading {}: {error}", module.display()))?;
    }
    Ok(())
}

fn mount_one(target: &str, kind: &CStr, data: &str) -> Result<(), Failure> {
    fs::create_dir_all(target).map_err(|error| format!("{target}: {error}"))?;
    let data = std::ffi::CString::new(data).map_err(|error| format!("{target}: {error}"))?;
    match mount(kind, target, kind, MountFlags::empty(), Some(data.as_c_str())) {
        // The kernel mounts devtmpfs by itself if it is configured so.
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(error) => Err(format!("mounting {target}: {error}")),
    }
}

fn link_applets() -> Result<(), Failure> {
    if !Path::new(BUSYBOX).exists() {
        return Ok(());
    }
    for folder in SEARCH_PATH.split(':') {
        fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
    }
    let status = Command::new(BUSYBOX).args(["--install", "-s"]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("busybox --install: {status}")),
        Err(error) => Err(format!("busybox --install: {error}")),
    }
}

/// Powers the machine off.
pub(crate) fn power_off() -> ! {
    sync();
    if let Err(error) = reboot(RebootCommand::PowerOff) {
        eprintln!("lab-init: power off: {error}");
    }
    // Not PID 1 of a machine of its own after all, or the machine has no power switch: leaving is all that remains.
    std::process::exit(1)
}

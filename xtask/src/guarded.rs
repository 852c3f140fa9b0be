//! Children that do not outlive us.
//!
//! A child started by [`command`] gets SIGKILL when its parent ends, in whichever way. The kernel offers that as a property
//! that a process sets for itself, so the child first runs this program again, which sets it and becomes the wanted one.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The hidden first argument.
pub(crate) const ARGUMENT: &str = "@guarded";

/// Such a child. It must be spawned by a thread that lives as long as the child is to: to the kernel, that is the parent.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    // The name leads to this very program even after a build has replaced its file.
    let mut command = Command::new("/proc/self/exe");
    command.arg(ARGUMENT).arg(std::process::id().to_string()).arg(program);
    command
}

/// Becomes the wanted program; returns only if that fails.
pub(crate) fn become_program(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> std::io::Error {
    let parent = arguments.next().and_then(|number| number.to_str()?.parse().ok()).and_then(Pid::from_raw);
    let Some(program) = arguments.next() else {
        return std::io::Error::other("no program");
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // The parent may have ended before the property was set.
    if getppid() != parent {
        return std::io::Error::other("the parent has ended");
    }
    Command::new(program).args(arguments).exec()
}

//! The lab: one command on an arm64 Linux host with KVM, emulated or this very machine.
//!
//! [`Lab`] says what host, which files and which limits; [`Lab::run`] runs a command there, its streams connected to
//! [`Streams`], and returns its exit status.

mod console;
mod control;
mod diagnosis;
mod emulated;
mod events;
mod files;
mod monitor;
mod native;
mod qemu;
mod signals;
mod silence;
mod streams;
mod terminal;
mod threads;

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

pub(crate) use self::files::Mapping;
pub(crate) use self::qemu::Memory;
pub(crate) use self::streams::{Input, Output, Streams};
use crate::cli::{HostArguments, Kernel, LabArguments, Place};
use crate::elf;
use crate::trouble::Trouble;

/// A host, what to put on it and get from it.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    /// The emulated host's kernel.
    pub(crate) kernel: Kernel,
    /// QEMU's name of the CPU model.
    pub(crate) cpu: String,
    /// The number of CPUs.
    pub(crate) smp: u16,
    /// The size of memory.
    pub(crate) memory: Memory,
    /// The interrupt controller's version.
    pub(crate) gic: u8,
    /// What is added to the kernel's command line.
    pub(crate) append: Option<String>,
    /// Run on this machine, whatever it takes; or never.
    pub(crate) place: Place,
    /// When to end the command.
    pub(crate) timeout: Option<Duration>,
    /// After how long a silence an emulated host is looked after, and given up if it has [`Frozen`].
    pub(crate) silence: Option<Duration>,
    /// Show the kernel's messages.
    pub(crate) verbose: bool,
    /// Files that are put there: local, remote.
    pub(crate) put: Vec<(PathBuf, PathBuf)>,
    /// Files that are brought back: remote, local.
    pub(crate) get: Vec<(PathBuf, PathBuf)>,
}

/// An emulated host from which nothing was heard, and whose init does not answer either. That is no fault of the command.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// For how long.
    silence: Duration,
    /// What the emulator does.
    what: String,
}

#[cfg(test)]
impl Frozen {
    /// One for tests of who is told of it.
    pub(crate) fn example() -> Self {
        Self { silence: Duration::from_secs(180), what: String::from("the host's CPUs still run") }
    }
}

impl fmt::Display for Frozen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.silence.as_secs();
        write!(
            formatter,
            "the lab failed: the emulated host has frozen: nothing was heard of it for {seconds} s, nor did its init \
             answer; {}",
            self.what
        )
    }
}

impl Error for Frozen {}

impl From<HostArguments> for Lab {
    fn from(host: HostArguments) -> Self {
        Self {
            kernel: host.host_kernel,
            cpu: host.cpu,
            smp: host.smp,
            memory: host.memory,
            gic: host.gic,
            append: host.append,
            place: host.place,
            timeout: host.timeout.map(u64::from).map(Duration::from_secs),
            silence: None,
            verbose: host.verbose,
            put: Vec::new(),
            get: Vec::new(),
        }
    }
}

impl Lab {
    /// An emulated or native host with everything at its default.
    pub(crate) fn new(kernel: Kernel, place: Place) -> Self {
        Self {
            kernel,
            cpu: String::from("neoverse-n1"),
            smp: 2,
            memory: Memory::default(),
            gic: 3,
            append: None,
            place,
            timeout: None,
            silence: None,
            verbose: false,
            put: Vec::new(),
            get: Vec::new(),
        }
    }

    /// Puts a file there; a relative `remote` counts from the command's folder.
    pub(crate) fn put(&mut self, local: impl Into<PathBuf>, remote: impl Into<PathBuf>) -> &mut Self {
        self.put.push((local.into(), remote.into()));
        self
    }

    /// Runs a command and returns its exit status, see `cargo xtask lab --help`; an error is one of the lab itself.
    pub(crate) fn run(&self, command: &[OsString], streams: Streams) -> Result<u8> {
        if self.is_native()? {
            native::run(self, command, streams)
        } else {
            emulated::run(self, command, streams)
        }
    }

    /// Whether the command runs on this machine itself.
    pub(crate) fn is_native(&self) -> Result<bool> {
        match (self.place, native::usable()) {
            (Place { emulated: true, .. }, _) => Ok(false),
            (Place { native: true, .. }, Err(why)) => {
                Err(Trouble::new(format!("this machine cannot be the lab: {why}"))
                    .hint("leave out --native: an arm64 host is emulated then")
                    .into())
            }
            (_, usable) => Ok(usable.is_ok()),
        }
    }
}

/// `cargo xtask lab`.
pub(crate) fn command(arguments: LabArguments) -> Result<u8> {
    let mut lab = Lab::from(arguments.host);
    let mut command = arguments.command;
    lab.put = arguments.put.into_iter().map(Mapping::into_pair).collect();
    lab.get = arguments.get.into_iter().map(Mapping::into_pair).collect();
    if let Some((local, name)) = brought(&command[0]) {
        command[0] = Path::new(".").join(&name).into_os_string();
        lab.put(local, name);
    }
    lab.run(&command, Streams::inherit())
}

/// The command's program if it is an arm64 program of this machine, and the name it gets in the lab.
fn brought(program: &OsStr) -> Option<(PathBuf, OsString)> {
    let path = Path::new(program);
    let is_path = program.as_encoded_bytes().contains(&b'/');
    (is_path && elf::is_arm64(path)).then(|| Some((path.into(), path.file_name()?.into())))?
}

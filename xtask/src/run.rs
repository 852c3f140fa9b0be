//! `cargo xtask run`: a Linux guest under Switchboard.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::RunArguments;
use crate::cross;
use crate::guest::{self, Purpose};
use crate::lab::{Lab, Streams};
use crate::setup::toolchain::CrossToolchain;
use crate::setup::{Loader, kernels};

/// Options of `switchboard run` whose value is a file that it reads, or writes.
const READ: [&str; 2] = ["--kernel", "--initrd"];
const WRITTEN: [&str; 2] = ["--dtb-dump", "--calls"];

/// What the arguments become in the lab.
#[derive(Debug, Default, PartialEq, Eq)]
struct Translated {
    arguments: Vec<OsString>,
    put: Vec<(PathBuf, PathBuf)>,
    get: Vec<(PathBuf, PathBuf)>,
}

/// Builds everything and runs the guest; returns the exit status of `switchboard`.
pub(crate) fn command(arguments: RunArguments) -> Result<u8> {
    let translated = translate(arguments.arguments);
    let scratch =
        tempfile::Builder::new().prefix("switchboard-run-").tempdir().context("a scratch folder")?;
    let mut lab = Lab::from(arguments.host);
    let toolchain = CrossToolchain::get()?;
    lab.put(cross::switchboard(&toolchain)?, "switchboard");
    let mut command: Vec<OsString> = ["./switchboard", "run"].map(OsString::from).into();
    // The modules of a kernel are of no use to another one.
    let mut modules = Vec::new();
    if !translated.has("--kernel") {
        let image = kernels::guest_image(&arguments.guest_kernel)?;
        modules = kernels::modules(&image, Loader::Guest)?;
        lab.put(image, "guest/Image");
        command.extend(["--kernel", "guest/Image"].map(OsString::from));
    }
    if !translated.has("--initrd") {
        let initramfs = scratch.path().join("initrd");
        guest::initramfs(&toolchain, &initramfs, Purpose::Shell, &modules)
            .context("packing the guest's files")?;
        lab.put(initramfs, "guest/initrd");
        command.extend(["--initrd", "guest/initrd"].map(OsString::from));
    }
    if !translated.names("--append") {
        // The kernel's messages are for those who ask for them.
        command.extend(["--append", "quiet"].map(OsString::from));
    }
    lab.put.extend(translated.put);
    lab.get.extend(translated.get);
    command.extend(translated.arguments);
    lab.run(&command, Streams::inherit())
}

impl Translated {
    fn has(&self, option: &str) -> bool {
        self.put.iter().any(|(_, remote)| remote == &in_lab(option))
    }

    /// Is this option, which has nothing to do with files, among the arguments?
    fn names(&self, option: &str) -> bool {
        let with_value = format!("{option}=");
        self.arguments
            .iter()
            .any(|argument| argument == option || argument.as_bytes().starts_with(with_value.as_bytes()))
    }

    /// The path in the lab of the file `local`, the value of `option`.
    fn path(&mut self, option: &str, local: &OsStr) -> OsString {
        let remote = in_lab(option);
        if READ.contains(&option) {
            self.put.push((local.into(), remote.clone()));
        } else {
            self.get.push((remote.clone(), local.into()));
        }
        remote.into_os_string()
    }
}

fn in_lab(option: &str) -> PathBuf {
    PathBuf::from(format!("given-{}", option.trim_start_matches('-')))
}

/// Replaces each file of this machine by one in the lab.
fn translate(arguments: Vec<OsString>) -> Translated {
    let mut translated = Translated::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.as_bytes().iter().position(|&byte| byte == b'=') {
            Some(at) => (&argument.as_bytes()[..at], Some(OsStr::from_bytes(&argument.as_bytes()[at + 1..]))),
            None => (argument.as_bytes(), None),
        };
        let Some(option) = READ.iter().chain(&WRITTEN).find(|option| option.as_bytes() == name) else {
            translated.arguments.push(argument);
            continue;
        };
        let value = value.map(OsString::from).or_else(|| arguments.next());
        translated.arguments.push(OsString::from(option));
        if let Some(value) = value {
            let path =
                if Path::new(&value).starts_with("/dev") { value } else { translated.path(option, &value) };
            translated.arguments.push(path);
        }
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn files_are_put_and_got() {
        let translated =
            translate(words("--cpus 4 --kernel=/k=1 --dtb-dump x.dtb --calls /dev/stderr --append a=b"));
        let expected =
            "--cpus 4 --kernel given-kernel --dtb-dump given-dtb-dump --calls /dev/stderr --append a=b";
        assert_eq!(translated.arguments, words(expected));
        assert_eq!(translated.put, [("/k=1".into(), "given-kernel".into())]);
        assert_eq!(translated.get, [("given-dtb-dump".into(), "x.dtb".into())]);
        assert!(translated.has("--kernel") && !translated.has("--initrd"));
        assert!(translated.names("--append") && !translated.names("--conduit"));
    }

    #[test]
    fn an_option_without_its_value_is_left_to_switchboard() {
        assert_eq!(translate(words("--kernel")).arguments, words("--kernel"));
        assert_eq!(translate(words("")), Translated::default());
    }
}

//! Whoever sits in front of a machine.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::{
    fd::OwnedFd,
    fs::{OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::tcgetattr,
};

use super::find;

/// A terminal: the test is the person in front of it.
pub struct Terminal {
    person: fs::File,
    program: OwnedFd,
    seen: Vec<u8>,
}

/// What of a terminal's mode is compared.
pub type Mode = (u32, u32, u32, u32);

impl Terminal {
    pub fn new() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let program =
            open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, rustix::fs::Mode::empty());
        Self { person: person.into(), program: program.unwrap(), seen: Vec::new() }
    }

    pub fn mode(&self) -> Mode {
        let mode = tcgetattr(&self.program).unwrap();
        (
            mode.input_modes.bits(),
            mode.output_modes.bits(),
            mode.control_modes.bits(),
            mode.local_modes.bits(),
        )
    }

    /// Runs a program on it.
    pub fn spawn(&self, program: &Path, arguments: &[&str]) -> Child {
        let stdio = || Stdio::from(self.program.try_clone().unwrap());
        Command::new(program).args(arguments).stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap()
    }

    /// Types.
    pub fn send(&mut self, text: &str) {
        self.person.write_all(text.as_bytes()).unwrap();
    }

    /// Reads until `text` has been printed.
    pub fn expect(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        while find(&self.seen, text.as_bytes()).is_none() {
            let count = self.person.read(&mut buffer).unwrap();
            self.seen.extend(&buffer[..count]);
        }
    }
}

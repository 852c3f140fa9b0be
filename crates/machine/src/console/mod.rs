//! The console: the guest's serial port on our standard input and output.
//!
//! Two threads serve it while a machine lives, one each way. A guest that is not listening leaves its input
//! where it is (a pipe's writer waits); one that prints faster than its output is read waits as well, at its
//! serial port. The end of the machine waits for the output to be out.

mod escape;
mod input;
mod output;
mod terminal;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Mutex, OnceLock},
};

use rustix::io::Errno;

pub use terminal::{RawTerminal, Restorer};

use escape::Escape;

/// Where the console's characters come from and go to. It outlives a machine's resets: input that has not reached
/// the serial port's FIFO is there for its next life.
pub struct Console {
    input: Option<OwnedFd>,
    output: OwnedFd,
    kind: InputKind,
    pending: Mutex<Pending>,
    output_error: OnceLock<Errno>,
}

/// What the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// A terminal in raw mode: `^A` is the escape character.
    Terminal,
    /// Anything else: every byte is the guest's.
    Stream,
}

#[derive(Default)]
struct Pending {
    /// Read, and not yet taken by the guest.
    bytes: VecDeque<u8>,
    escape: Escape,
    ended: bool,
}

impl Console {
    /// A console on these descriptors. Without `input`, nothing is ever typed.
    #[must_use]
    pub fn new(input: Option<OwnedFd>, output: OwnedFd, kind: InputKind) -> Self {
        Self { input, output, kind, pending: Mutex::new(Pending::default()), output_error: OnceLock::new() }
    }

    fn input_fd(&self) -> Option<BorrowedFd<'_>> {
        self.input.as_ref().map(AsFd::as_fd)
    }
}

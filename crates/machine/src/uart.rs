//! The serial port in the machine: the PL011, its interrupt, and the two threads that it is connected to.

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rustix::event::EventfdFlags;

use crate::{
    Error,
    devices::{Level, pl011::Pl011},
    sync::lock,
};

/// Where the serial port's interrupt goes.
pub(crate) trait InterruptLine: Send + Sync {
    /// The line changes to this level.
    fn set(&self, level: Level);
}

/// The serial port. vCPU threads access its registers; the console's threads bring input and fetch output.
pub(crate) struct Uart<'line> {
    state: Mutex<State>,
    line: &'line dyn InterruptLine,
    /// There is output, or the port is closed.
    output: Condvar,
    /// There is room for input that is waiting, or the port is closed: wakes a thread that polls.
    input: rustix::fd::OwnedFd,
    closed: AtomicBool,
}

struct State {
    pl011: Pl011,
    level: Level,
    /// The console has input that found no room.
    input_waits: InputWaits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputWaits {
    No,
    Yes,
}

impl<'line> Uart<'line> {
    pub(crate) fn new(pl011: Pl011, line: &'line dyn InterruptLine) -> Result<Self, Error> {
        let input = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| Error::Host { action: "creating an eventfd", source: error.into() })?;
        let state = State { pl011, level: Level::Low, input_waits: InputWaits::No };
        Ok(Self {
            state: Mutex::new(state),
            line,
            output: Condvar::new(),
            input,
            closed: AtomicBool::new(false),
        })
    }

    /// The guest reads a register.
    pub(crate) fn read(&self, offset: u64) -> u32 {
        let mut state = self.lock();
        let value = state.pl011.read(offset);
        self.settle(&mut state);
        value
    }

    /// The guest writes a register.
    pub(crate) fn write(&self, offset: u64, value: u32) {
        let mut state = self.lock();
        state.pl011.write(offset, value);
        if state.pl011.has_transmitted() {
            self.output.notify_one();
        }
        self.settle(&mut state);
    }

    /// Brings input: says how much of it found room. For the rest, [`Self::input_event`] becomes readable once
    /// there is room again.
    pub(crate) fn receive(&self, bytes: &[u8]) -> usize {
        let mut state = self.lock();
        let taken = state.pl011.receive(bytes);
        state.input_waits = if taken < bytes.len() { InputWaits::Yes } else { InputWaits::No };
        self.update_line(&mut state);
        taken
    }

    /// Readable when input that waits has room, and once the port is closed.
    pub(crate) const fn input_event(&self) -> &rustix::fd::OwnedFd {
        &self.input
    }

    /// Makes [`Self::input_event`] unreadable again.
    pub(crate) fn clear_input_event(&self) {
        // Fails only if it is unreadable already.
        let _ = rustix::io::read(&self.input, &mut [0; 8]);
    }

    /// Waits for output and appends it to `output`. False once the port is closed and nothing is left.
    pub(crate) fn transmitted(&self, output: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        while !state.pl011.has_transmitted() {
            if self.is_closed() {
                return false;
            }
            state = self.output.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.pl011.take_transmitted(output);
        self.update_line(&mut state);
        true
    }

    /// The machine has ended: the console's threads are to end too, when all output has been fetched.
    pub(crate) fn close(&self) {
        let _state = self.lock();
        self.closed.store(true, Ordering::SeqCst);
        self.output.notify_all();
        self.raise_input_event();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// After an access of the guest: the interrupt may have changed, and there may be room for input.
    fn settle(&self, state: &mut State) {
        self.update_line(state);
        if state.input_waits == InputWaits::Yes && state.pl011.receive_capacity() > 0 {
            state.input_waits = InputWaits::No;
            self.raise_input_event();
        }
    }

    /// Under the lock, so that levels arrive in the order in which they came about.
    fn update_line(&self, state: &mut State) {
        let level = state.pl011.interrupt_level();
        if level != state.level {
            state.level = level;
            self.line.set(level);
        }
    }

    fn raise_input_event(&self) {
        // Fails only if the counter would overflow; then it is readable anyhow.
        let _ = rustix::io::write(&self.input, &1_u64.to_ne_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

//! What wakes the link's thread.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::Errno,
};

/// Rung by any thread, heard by one.
#[derive(Debug)]
pub(super) struct Bell(OwnedFd);

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    pub(super) fn ring(&self) {
        // Fails only if the counter would overflow; then it rings anyhow.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Stops its ringing. What has been done before any ring until now is seen after this.
    pub(super) fn quiet(&self) {
        // Fails if it does not ring.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }

    /// Waits until it rings, or so long.
    pub(super) fn wait(&self, time: Duration) -> Result<(), Errno> {
        wait_for(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(time))?;
        self.quiet();
        Ok(())
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits for any of these, so long at most. A signal may end it earlier.
pub(super) fn wait_for(events: &mut [PollFd<'_>], time: Option<Duration>) -> Result<(), Errno> {
    // A time that is too long to be written down is none.
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    match poll(events, time.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

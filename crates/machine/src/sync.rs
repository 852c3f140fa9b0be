//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use switchboard_firmware::Lock;

/// Takes a lock that leaves nothing half-done behind where its holder panics.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lock that the machine lends to its services.
pub(crate) struct Locked<T>(Mutex<T>);

impl<T: Send> Lock<T> for Locked<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut lock(&self.0))
    }
}

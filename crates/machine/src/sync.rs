//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock that leaves nothing half-done behind where its holder panics.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

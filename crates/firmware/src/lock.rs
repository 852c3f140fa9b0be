//! Mutual exclusion.

/// A lock around a value, as the embedder supplies it: this crate knows no threads to put to sleep.
///
/// A service holds one for a few moves over its own state: never across a call of [`Host`](crate::Host) or of a register, and
/// never while it waits. It takes no second one meanwhile.
pub trait Lock<T>: Send + Sync {
    /// A lock around `value`.
    fn new(value: T) -> Self;

    /// Does `work` while nobody else does any with the value.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

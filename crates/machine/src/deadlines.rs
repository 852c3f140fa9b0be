//! When the firmware's services are to be asked what they make of the time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The next deadline of any service, on the machine's clock. Most calls that give one give a later one than is awaited: those
/// take no lock, and wake nobody.
pub(crate) struct Deadlines {
    /// In nanoseconds; [`NEVER`] without one.
    next: AtomicU64,
}

/// Is somebody to be told?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// The deadline is before the one that is awaited.
    Yes,
    /// It is not.
    No,
}

const NEVER: u64 = u64::MAX;

impl Deadlines {
    pub(crate) const fn new() -> Self {
        Self { next: AtomicU64::new(NEVER) }
    }

    /// A deadline is to be kept.
    pub(crate) fn add(&self, deadline: Duration) -> Earlier {
        let deadline = u64::try_from(deadline.as_nanos()).unwrap_or(NEVER);
        if deadline < self.next.fetch_min(deadline, Ordering::AcqRel) { Earlier::Yes } else { Earlier::No }
    }

    /// The one that is awaited.
    pub(crate) fn next(&self) -> Option<Duration> {
        Some(self.next.load(Ordering::Acquire)).filter(|&next| next != NEVER).map(Duration::from_nanos)
    }

    /// Is it over? Then there is none any more, and the services are to be asked. Only whoever awaits it calls this.
    ///
    /// A deadline that is given meanwhile and not kept, because the one that is over was before it, is found by asking: the
    /// swap sees what its giver had written before.
    pub(crate) fn take_if_over(&self, now: Duration) -> bool {
        let is_over = self.next().is_some_and(|next| next <= now);
        if is_over {
            self.next.swap(NEVER, Ordering::AcqRel);
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn only_an_earlier_deadline_wakes_somebody() {
        let deadlines = Deadlines::new();
        assert_eq!(deadlines.next(), None);
        assert_eq!(deadlines.add(seconds(9)), Earlier::Yes);
        assert_eq!(deadlines.add(seconds(9)), Earlier::No);
        assert_eq!(deadlines.add(seconds(10)), Earlier::No);
        assert_eq!(deadlines.add(seconds(8)), Earlier::Yes);
        assert_eq!(deadlines.next(), Some(seconds(8)));
    }

    #[test]
    fn a_deadline_is_over_once() {
        let deadlines = Deadlines::new();
        deadlines.add(seconds(9));
        assert!(!deadlines.take_if_over(seconds(8)));
        assert!(deadlines.take_if_over(seconds(9)));
        assert!(!deadlines.take_if_over(seconds(10)));
        assert_eq!(deadlines.next(), None);
    }
}

//! What the guest says when it crashes.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use switchboard_firmware::CpuIndex;

use crate::sync::lock;

/// The guest says that it has crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// The CPU that says so.
    pub cpu: CpuIndex,
    /// Numbers of the guest's choice.
    pub parameters: [u64; 5],
    /// What it has to say about it, as it was written: any bytes, a page of them at most.
    pub message: Option<Vec<u8>>,
}

/// The guest's crashes: how many, and the last one that says something, else the last one.
#[derive(Default)]
pub(crate) struct Crashes {
    count: AtomicU64,
    last: Mutex<Option<Crash>>,
}

impl Crashes {
    pub(crate) fn record(&self, crash: Crash) {
        self.count.fetch_add(1, Relaxed);
        let mut last = lock(&self.last);
        let said_more = last.as_ref().is_some_and(|last| last.message.is_some()) && crash.message.is_none();
        if !said_more {
            *last = Some(crash);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    pub(crate) fn last(&self) -> Option<Crash> {
        lock(&self.last).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash(parameter: u64, message: Option<&[u8]>) -> Crash {
        Crash { cpu: CpuIndex(0), parameters: [parameter; 5], message: message.map(<[u8]>::to_vec) }
    }

    #[test]
    fn a_crash_that_says_why_is_not_forgotten_for_one_that_does_not() {
        let crashes = Crashes::default();
        crashes.record(crash(1, Some(b"why")));
        crashes.record(crash(2, None));
        assert_eq!(crashes.last(), Some(crash(1, Some(b"why"))));
        crashes.record(crash(3, Some(b"again")));
        assert_eq!(crashes.last(), Some(crash(3, Some(b"again"))));
        assert_eq!(crashes.count(), 3);
    }
}

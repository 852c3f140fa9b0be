//! What has become of calls, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often what has happened, since the machine was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests that were sent to a server.
    pub requests: u64,
    /// Calls that a server has answered in time.
    pub answered: u64,
    /// Calls that got the defined answer at once, because no server was connected.
    pub unserved: u64,
    /// Calls that got the defined answer because the server went while they waited for it.
    pub lost: u64,
    /// Calls that got the defined answer because the time was over.
    pub timeouts: u64,
    /// Responses that were dropped because they came after that.
    pub late: u64,
    /// Connections that were closed because the server did not keep to the protocol.
    pub protocol_errors: u64,
    /// Connections that were made, after the first one.
    pub reconnects: u64,
}

/// The same, while it is being counted. Each number is right, and they may be of different moments.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: Counter,
    pub(crate) answered: Counter,
    pub(crate) unserved: Counter,
    pub(crate) lost: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) late: Counter,
    pub(crate) protocol_errors: Counter,
    pub(crate) connections: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        Counts {
            requests: self.requests.get(),
            answered: self.answered.get(),
            unserved: self.unserved.get(),
            lost: self.lost.get(),
            timeouts: self.timeouts.get(),
            late: self.late.get(),
            protocol_errors: self.protocol_errors.get(),
            reconnects: self.connections.get().saturating_sub(1),
        }
    }
}

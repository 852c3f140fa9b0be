//! The machine's own time: it stands still while the machine is paused.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A clock that begins at zero, never goes back, and can be stopped. Reading it takes no lock.
pub(crate) struct Clock {
    began: Instant,
    /// While it goes: the nanoseconds for which it has stood still so far. While it stands: [`STOPPED`] and the time that it
    /// shows, in nanoseconds.
    state: AtomicU64,
}

const STOPPED: u64 = 1 << 63;

impl Clock {
    /// A clock that goes.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), state: AtomicU64::new(0) }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Duration {
        self.read().1
    }

    /// How long from now until it shows `time`; `None` while it stands still.
    pub(crate) fn until(&self, time: Duration) -> Option<Duration> {
        let (state, now) = self.read();
        (state & STOPPED == 0).then(|| time.saturating_sub(now))
    }

    /// The state, and what the clock shows by it. A reader that was held up while the clock was stopped and started again would
    /// count that time: it reads once more.
    fn read(&self) -> (u64, Duration) {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            let shown = match state & STOPPED {
                0 => self.elapsed().saturating_sub(state),
                _ => state & !STOPPED,
            };
            let after = self.state.load(Ordering::Acquire);
            if after == state {
                return (state, Duration::from_nanos(shown));
            }
            state = after;
        }
    }

    /// Stops it. Whoever stops and starts it does so under one lock.
    pub(crate) fn stop(&self) {
        let now = u64::try_from(self.now().as_nanos()).unwrap_or(u64::MAX);
        self.state.store(STOPPED | now, Ordering::Release);
    }

    /// Lets it go on.
    pub(crate) fn start(&self) {
        let state = self.state.load(Ordering::Acquire);
        if state & STOPPED != 0 {
            self.state.store(self.elapsed().saturating_sub(state & !STOPPED), Ordering::Release);
        }
    }

    /// Since it was made, in nanoseconds: 292 years fit beside the flag.
    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX) & !STOPPED
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const A_WHILE: Duration = Duration::from_millis(20);

    #[test]
    fn it_goes() {
        let clock = Clock::new();
        let before = clock.now();
        sleep(A_WHILE);
        assert!(clock.now() >= before + A_WHILE);
    }

    #[test]
    fn it_stands_still_while_it_is_stopped_and_goes_on_from_there() {
        let clock = Clock::new();
        sleep(A_WHILE);
        clock.stop();
        let stopped = clock.now();
        sleep(10 * A_WHILE);
        assert_eq!(clock.now(), stopped);
        clock.start();
        assert!(clock.now() >= stopped && clock.now() < stopped + 9 * A_WHILE);
    }

    #[test]
    fn a_time_is_only_awaited_while_it_goes() {
        let clock = Clock::new();
        assert!(clock.until(Duration::from_secs(60)).is_some_and(|left| left > Duration::from_secs(50)));
        assert_eq!(clock.until(Duration::ZERO), Some(Duration::ZERO));
        clock.stop();
        assert_eq!(clock.until(Duration::from_secs(60)), None);
    }

    #[test]
    fn stopping_and_starting_twice_is_as_good_as_once() {
        let clock = Clock::new();
        clock.start();
        clock.stop();
        let stopped = clock.now();
        clock.stop();
        assert_eq!(clock.now(), stopped);
    }
}

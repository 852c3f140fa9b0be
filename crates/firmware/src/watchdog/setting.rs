//! What the watchdog is set to, in one word.

use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The shortest timeout: the unit of the interface.
pub const MIN_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest timeout: an hour, more than any guest needs between two signs of life, dumping its memory after a crash
/// included. Linux takes it for its own timeout where nobody names one, so it is no day.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// What a watchdog is set to: plain data, to be saved with a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchdogState {
    /// How long the guest has after each sign of life.
    pub timeout: Duration,
    /// How long it has from now on. `None`: the watchdog is stopped.
    pub time_left: Option<Duration>,
}

/// Timeout and deadline, which change in one atomic step: no CPU ever sees the one of one command and the other of another.
#[derive(Debug)]
pub(super) struct Setting(AtomicU64);

/// Both at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// In seconds: [`MIN_TIMEOUT`] to [`MAX_TIMEOUT`].
    timeout: u16,
    /// In microseconds of [`Host::monotonic`](crate::Host::monotonic), which 52 bits hold for 142 years. 0: stopped.
    deadline: u64,
}

/// The timeout is in bits `[11:0]`, and the deadline above.
const TIMEOUT_BITS: u32 = 12;
const TIMEOUT_MASK: u64 = (1 << TIMEOUT_BITS) - 1;
const LAST_DEADLINE: u64 = u64::MAX >> TIMEOUT_BITS;

impl Setting {
    /// Stopped, with the longest timeout.
    pub(super) fn new() -> Self {
        let timeout = seconds(MAX_TIMEOUT);
        Self(AtomicU64::new(Moment { timeout, deadline: 0 }.word()))
    }

    pub(super) fn now(&self) -> Moment {
        Moment::of(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn replace(&self, moment: Moment) {
        self.0.store(moment.word(), Ordering::Relaxed);
    }

    /// Makes one of what there is, and returns it; or leaves it, if `change` has none. Another try is needed only if
    /// another CPU has just made its change.
    pub(super) fn change(&self, change: impl Fn(Moment) -> Option<Moment>) -> Option<Moment> {
        // No other memory goes with it: the order of this word's values is all that counts.
        let before = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                change(Moment::of(word)).map(Moment::word)
            })
            .ok()?;
        change(Moment::of(before))
    }
}

impl Moment {
    /// A state as it was saved. What no watchdog can be set to becomes the nearest that one can.
    pub(super) fn restored(state: WatchdogState, now: Duration) -> Self {
        let timeout = seconds(state.timeout);
        let deadline = state.time_left.map_or(0, |left| deadline(now, left.min(MAX_TIMEOUT)));
        Self { timeout, deadline }
    }

    pub(super) fn state(self, now: Duration) -> WatchdogState {
        WatchdogState {
            timeout: self.timeout(),
            time_left: self.deadline().map(|deadline| deadline.saturating_sub(now)),
        }
    }

    /// With this timeout; if it runs, from now on.
    pub(super) fn with_timeout(self, timeout: u16, now: Duration) -> Self {
        let moment = Self { timeout, ..self };
        moment.petted(now).unwrap_or(moment)
    }

    /// Running, from now on.
    pub(super) fn started(self, now: Duration) -> Self {
        Self { deadline: deadline(now, self.timeout()), ..self }
    }

    pub(super) fn stopped(self) -> Self {
        Self { deadline: 0, ..self }
    }

    /// The time begins anew, if it runs.
    pub(super) fn petted(self, now: Duration) -> Option<Self> {
        self.deadline().map(|_| self.started(now))
    }

    /// When it bites, if it runs.
    pub(super) fn deadline(self) -> Option<Duration> {
        (self.deadline != 0).then(|| Duration::from_micros(self.deadline))
    }

    fn timeout(self) -> Duration {
        Duration::from_secs(u64::from(self.timeout))
    }

    fn word(self) -> u64 {
        self.deadline << TIMEOUT_BITS | u64::from(self.timeout)
    }

    fn of(word: u64) -> Self {
        let [b0, b1, ..] = (word & TIMEOUT_MASK).to_le_bytes();
        Self { timeout: u16::from_le_bytes([b0, b1]), deadline: word >> TIMEOUT_BITS }
    }
}

/// Rounded up, so that nobody is bitten too early, and never 0.
fn deadline(now: Duration, left: Duration) -> u64 {
    let microseconds = now.saturating_add(left).as_nanos().div_ceil(1000);
    u64::try_from(microseconds).map_or(LAST_DEADLINE, |deadline| deadline.clamp(1, LAST_DEADLINE))
}

/// Whole seconds, in the range that there is.
fn seconds(timeout: Duration) -> u16 {
    const LONGEST: u16 = 3600;
    const { assert!(MAX_TIMEOUT.as_secs() == 3600) };
    u16::try_from(timeout.as_secs()).map_or(LONGEST, |seconds| seconds.clamp(1, LONGEST))
}

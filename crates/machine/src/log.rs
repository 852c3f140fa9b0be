//! What is to be read while the guest runs: calls that a policy wants to be logged, and crashes that the guest reports. A
//! bounded queue, so that a guest that does either without end fills no memory, and waits for nobody.

use std::{
    num::NonZeroU64,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use switchboard_firmware::{Allowance, CpuIndex, Limiter};
use switchboard_policy::Standing;
use switchboard_smccc::{Conduit, FunctionId};

use crate::{Crash, sync::lock};

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logged {
    /// A policy wants it.
    Call(LoggedCall),
    /// The guest reports it.
    Crash(Crash),
}

/// A call that a policy wants to be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedCall {
    /// Who called.
    pub cpu: CpuIndex,
    /// What.
    pub function: FunctionId,
    /// Over which conduit.
    pub conduit: Conduit,
    /// What the policy says of it.
    pub standing: Standing,
}

/// Where it goes until somebody reads it.
pub struct Log {
    queue: SyncSender<Option<Logged>>,
    /// Until somebody takes it.
    reader: Mutex<Option<Receiver<Option<Logged>>>>,
    calls: Limiter,
    /// How many calls nobody has read yet: they leave room for crashes.
    unread_calls: Arc<AtomicU64>,
    crashes: Limiter,
    began: Instant,
    suppressed: AtomicU64,
}

/// As many in a second as a person reads.
const PER_SECOND: NonZeroU64 = NonZeroU64::new(10).expect("not zero");
/// How many calls may come at once.
const BURST: NonZeroU64 = NonZeroU64::new(100).expect("not zero");
/// And crashes, which are long.
const CRASHES: NonZeroU64 = NonZeroU64::new(5).expect("not zero");

impl Default for Log {
    fn default() -> Self {
        let room = BURST.get().saturating_add(CRASHES.get());
        let (queue, reader) = sync_channel(usize::try_from(room).unwrap_or(usize::MAX));
        let limiter = |amount, burst| Limiter::new(Allowance { amount, per: Duration::from_secs(1), burst });
        Self {
            queue,
            reader: Mutex::new(Some(reader)),
            calls: limiter(PER_SECOND, BURST),
            unread_calls: Arc::default(),
            crashes: limiter(NonZeroU64::MIN, CRASHES),
            began: Instant::now(),
            suppressed: AtomicU64::new(0),
        }
    }
}

impl Log {
    /// On a vCPU's thread, which waits for nothing. What is too much is counted, and lost.
    pub(crate) fn write_call(&self, call: LoggedCall) {
        if !(self.may(&self.calls) && self.send(call)) {
            self.suppressed.fetch_add(1, Relaxed);
        }
    }

    fn send(&self, call: LoggedCall) -> bool {
        let unread = &self.unread_calls;
        let has_room =
            unread.fetch_update(Relaxed, Relaxed, |unread| (unread < BURST.get()).then_some(unread + 1));
        if has_room.is_err() {
            return false;
        }
        let is_sent = self.queue.try_send(Some(Logged::Call(call))).is_ok();
        if !is_sent {
            unread.fetch_sub(1, Relaxed);
        }
        is_sent
    }

    /// Likewise. [`CallStatistics::crashes`](crate::CallStatistics::crashes) counts those that are lost as well.
    pub(crate) fn write_crash(&self, crash: &Crash) {
        if self.may(&self.crashes) {
            // Where there is no room, other crashes are waiting to be read.
            let _ = self.queue.try_send(Some(Logged::Crash(crash.clone())));
        }
    }

    fn may(&self, limiter: &Limiter) -> bool {
        limiter.take(1, Some(self.began.elapsed()))
    }

    /// All of it, for the one who writes it somewhere. Nobody else gets it. It ends with [`Log::finish`].
    pub fn take_reader(&self) -> Option<impl Iterator<Item = Logged> + Send + use<>> {
        let unread = Arc::clone(&self.unread_calls);
        let count = move |logged: &Logged| {
            if matches!(logged, Logged::Call(_)) {
                unread.fetch_sub(1, Relaxed);
            }
        };
        Some(lock(&self.reader).take()?.into_iter().map_while(|logged| logged).inspect(count))
    }

    /// Nothing comes any more. Waits for room, if somebody reads.
    pub fn finish(&self) {
        if lock(&self.reader).is_none() {
            // Whoever has read and left needs to be told nothing.
            let _ = self.queue.send(None);
        }
    }

    /// How many calls were too much for the log.
    #[must_use]
    pub fn suppressed(&self) -> u64 {
        self.suppressed.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const CALL: LoggedCall = LoggedCall {
        cpu: CpuIndex(2),
        function: FunctionId(0xc400_0003),
        conduit: Conduit::Smc,
        standing: Standing::Denied,
    };

    #[test]
    fn a_flood_is_counted_and_neither_kept_nor_waited_for() {
        let log = Log::default();
        for _ in 0..100_000 {
            log.write_call(CALL);
        }
        let reader = log.take_reader().unwrap();
        let counted = thread::spawn(move || u64::try_from(reader.count()).unwrap());
        log.finish();
        let kept = counted.join().unwrap();
        assert!((100..200).contains(&kept), "{kept}");
        assert_eq!(kept + log.suppressed(), 100_000);
    }

    #[test]
    fn a_flood_of_calls_hides_no_crash_and_a_flood_of_crashes_fills_no_memory() {
        let log = Log::default();
        let crash = Crash { cpu: CpuIndex(1), parameters: [1, 2, 3, 4, 5], message: Some(b"why".to_vec()) };
        for _ in 0..1000 {
            log.write_call(CALL);
        }
        for _ in 0..1000 {
            log.write_crash(&crash);
        }
        let reader = log.take_reader().unwrap();
        let read = thread::spawn(move || reader.filter(|logged| matches!(logged, Logged::Crash(_))).count());
        log.finish();
        let crashes = read.join().unwrap();
        assert!((1..=6).contains(&crashes), "{crashes}");
    }

    #[test]
    fn calls_that_found_no_room_take_none_from_later_ones() {
        let log = Log::default();
        let crash = || Crash { cpu: CpuIndex(1), parameters: [0; 5], message: None };
        while log.queue.try_send(Some(Logged::Crash(crash()))).is_ok() {}
        for _ in 0..200 {
            assert!(!log.send(CALL));
        }
        let mut reader = log.take_reader().unwrap();
        assert!(reader.next().is_some());
        assert!(log.send(CALL));
    }

    #[test]
    fn one_reader_gets_the_calls() {
        let log = Log::default();
        log.write_call(CALL);
        assert_eq!(log.take_reader().unwrap().next(), Some(Logged::Call(CALL)));
        assert!(log.take_reader().is_none());
    }
}

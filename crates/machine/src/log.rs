//! The calls that a policy wants to be logged: a bounded queue, so that a guest that calls without end fills no memory, and
//! waits for nobody.

use std::{
    num::NonZeroU64,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use switchboard_firmware::{Allowance, CpuIndex, Limiter};
use switchboard_policy::Standing;
use switchboard_smccc::{Conduit, FunctionId};

use crate::sync::lock;

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

/// Where logged calls go until somebody reads them.
pub struct CallLog {
    queue: SyncSender<Option<LoggedCall>>,
    /// Until somebody takes it.
    reader: Mutex<Option<Receiver<Option<LoggedCall>>>>,
    limiter: Limiter,
    began: Instant,
    suppressed: AtomicU64,
}

/// As many in a second as a person reads.
const PER_SECOND: NonZeroU64 = NonZeroU64::new(10).expect("not zero");
/// How many may come at once.
const BURST: NonZeroU64 = NonZeroU64::new(100).expect("not zero");

impl Default for CallLog {
    fn default() -> Self {
        let (queue, reader) = sync_channel(usize::try_from(BURST.get()).unwrap_or(usize::MAX));
        let allowance = Allowance { amount: PER_SECOND, per: Duration::from_secs(1), burst: BURST };
        let limiter = Limiter::new(allowance);
        Self {
            queue,
            reader: Mutex::new(Some(reader)),
            limiter,
            began: Instant::now(),
            suppressed: AtomicU64::new(0),
        }
    }
}

impl CallLog {
    /// On a vCPU's thread, which waits for nothing. What is too much is counted, and lost.
    pub(crate) fn write(&self, call: LoggedCall) {
        if !self.limiter.take(1, Some(self.began.elapsed())) || self.queue.try_send(Some(call)).is_err() {
            self.suppressed.fetch_add(1, Relaxed);
        }
    }

    /// The calls, for the one who writes them somewhere. Nobody else gets them. They end with [`CallLog::finish`].
    pub fn take_reader(&self) -> Option<impl Iterator<Item = LoggedCall> + Send + use<>> {
        Some(lock(&self.reader).take()?.into_iter().map_while(|call| call))
    }

    /// No call comes any more. Waits for room, if somebody reads.
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
        let log = CallLog::default();
        for _ in 0..100_000 {
            log.write(CALL);
        }
        let reader = log.take_reader().unwrap();
        let counted = thread::spawn(move || u64::try_from(reader.count()).unwrap());
        log.finish();
        let kept = counted.join().unwrap();
        assert!((100..200).contains(&kept), "{kept}");
        assert_eq!(kept + log.suppressed(), 100_000);
    }

    #[test]
    fn one_reader_gets_the_calls() {
        let log = CallLog::default();
        log.write(CALL);
        assert_eq!(log.take_reader().unwrap().next(), Some(CALL));
        assert!(log.take_reader().is_none());
    }
}

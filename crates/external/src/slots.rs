//! Where calls wait: one slot for each CPU, since a CPU makes one call at a time.
//!
//! A vCPU's thread and the link's thread share nothing else. A slot's lock is held for a few moves, never over a wait or
//! I/O, and no thread holds two.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use switchboard_firmware::{CpuIndex, Reply, Results};
use switchboard_smccc::{Conduit, FunctionId};

use crate::{
    Counts,
    counts::Counters,
    protocol::{ArgumentCount, Arguments, ProtocolError, Request, Response, Sequence},
};

/// The calls of one guest that a server is to answer.
#[derive(Debug)]
pub struct Slots {
    places: Box<[Place]>,
    /// x0 of the defined answer.
    failure: u64,
    /// 0 without a server; otherwise the word of [`Connected`].
    connection: AtomicU64,
    /// How many connections there have been.
    generation: AtomicU64,
    pub(crate) counters: Counters,
}

/// A server that is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connected {
    /// Which connection it is, above a byte with the count and a bit that is always set.
    word: u64,
    arguments: ArgumentCount,
}

/// A call that is to wait for a server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// The function ID, without the SVE hint.
    pub function: FunctionId,
    /// The instruction that carries the call.
    pub conduit: Conduit,
    /// As many arguments as the server wants.
    pub arguments: Arguments,
    /// When the call is answered, whatever happens.
    pub deadline: Duration,
}

/// The server that a call was for is not connected any more: the call gets the defined answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

#[derive(Debug)]
struct Place {
    /// A request is there to be sent. Changes under the slot's lock, and spares the link that lock.
    posted: AtomicBool,
    slot: Mutex<Slot>,
}

#[derive(Debug)]
struct Slot {
    /// How many calls its CPU has made.
    calls: u64,
    /// The last of them that a server has answered, in time or late.
    heard: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The CPU waits for nothing.
    Free,
    /// The link has not taken the request yet.
    Posted(Posting),
    /// The server has it, or will.
    Sent {
        deadline: Duration,
    },
    Answered(Results),
    /// The server has gone.
    Lost,
}

impl Connected {
    /// Lets a count of 0 be told from no connection.
    const PRESENT: u64 = 1 << 7;

    /// How many arguments the server wants.
    #[must_use]
    pub const fn arguments(self) -> ArgumentCount {
        self.arguments
    }

    fn new(generation: u64, arguments: ArgumentCount) -> Self {
        Self { word: generation << 8 | Self::PRESENT | u64::from(arguments.get()), arguments }
    }

    fn of_word(word: u64) -> Option<Self> {
        let [low, ..] = word.to_le_bytes();
        let arguments = ArgumentCount::new(low & 0x7f)?;
        (word != 0).then_some(Self { word, arguments })
    }
}

impl Slots {
    /// A slot for each of that many CPUs; `failure` is x0 of a call that no server answers in time.
    #[must_use]
    pub fn new(cpus: usize, failure: u64) -> Self {
        Self {
            places: (0..cpus).map(|_| Place::new()).collect(),
            failure,
            connection: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            counters: Counters::default(),
        }
    }

    /// For how many CPUs there are slots.
    #[must_use]
    pub fn cpus(&self) -> usize {
        self.places.len()
    }

    /// What has become of their calls.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// The answer of a call that no server answers.
    #[must_use]
    pub const fn failure(&self) -> Results {
        Results::of(self.failure)
    }

    /// The server that is connected now.
    #[must_use]
    pub fn connected(&self) -> Option<Connected> {
        Connected::of_word(self.connection.load(Ordering::Acquire))
    }

    /// Puts a call into its CPU's slot, for the server that its arguments were read for. The link is to be told.
    ///
    /// # Errors
    ///
    /// [`Gone`] if that server is not connected any more, or if there is no such CPU.
    pub fn post(&self, caller: CpuIndex, server: Connected, posting: Posting) -> Result<(), Gone> {
        let place = self.places.get(caller.0).ok_or(Gone)?;
        let mut slot = place.lock();
        // Whoever closes the connection does so before it looks at the slots: either it finds the call there, or this
        // finds the connection closed.
        if self.connection.load(Ordering::Acquire) != server.word {
            return Err(Gone);
        }
        slot.calls += 1;
        slot.state = State::Posted(posting);
        place.posted.store(true, Ordering::Release);
        Ok(())
    }

    /// What has become of a CPU's call.
    pub fn reply(&self, caller: CpuIndex, now: Duration) -> Reply {
        let Some(place) = self.places.get(caller.0) else { return Reply::Return(self.failure()) };
        let mut slot = place.lock();
        let deadline = match &slot.state {
            State::Posted(Posting { deadline, .. }) | State::Sent { deadline } => Some(*deadline),
            State::Free | State::Answered(_) | State::Lost => None,
        };
        match deadline {
            Some(deadline) if now < deadline => return Reply::Wait(deadline),
            Some(_) => self.counters.timeouts.count(),
            None => {}
        }
        match place.empty(&mut slot) {
            State::Answered(results) => Reply::Return(results),
            State::Free | State::Posted(_) | State::Sent { .. } | State::Lost => {
                Reply::Return(self.failure())
            }
        }
    }

    /// The guest of these calls has been reset: nobody waits for an answer any more.
    pub fn abandon(&self) {
        for place in &self.places {
            place.empty(&mut place.lock());
        }
    }

    /// A server is there.
    pub(crate) fn open(&self, arguments: ArgumentCount) {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        self.counters.connections.count();
        self.connection.store(Connected::new(generation, arguments).word, Ordering::Release);
    }

    /// No server is there any more: calls that wait get the defined answer, and their CPUs are woken.
    pub(crate) fn close(&self, wake: &dyn Fn(CpuIndex)) {
        self.connection.store(0, Ordering::Release);
        for (index, place) in self.places.iter().enumerate() {
            if place.lose() {
                self.counters.lost.count();
                wake(CpuIndex(index));
            }
        }
    }

    /// Takes a request that is to be sent: that of `from`, or of the next CPU after it that has one.
    pub(crate) fn take_posted(&self, from: usize) -> Option<Request> {
        let (before, after) = self.places.split_at_checked(from)?;
        let cpus = (from..).zip(after).chain(before.iter().enumerate());
        for (index, place) in cpus {
            if place.posted.load(Ordering::Acquire)
                && let Some((calls, posting)) = place.take_posted()
            {
                self.counters.requests.count();
                return self.request(CpuIndex(index), calls, posting);
            }
        }
        None
    }

    fn request(&self, caller: CpuIndex, calls: u64, posting: Posting) -> Option<Request> {
        let Posting { function, conduit, arguments, .. } = posting;
        let sequence = self.sequence(caller, calls)?;
        Some(Request { sequence, function, conduit, caller: u32::try_from(caller.0).ok()?, arguments })
    }

    /// The n-th call of a CPU has the number n x CPUs + CPU: no two have the same, and each finds its slot.
    fn sequence(&self, caller: CpuIndex, calls: u64) -> Option<Sequence> {
        let cpus = u64::try_from(self.cpus()).ok()?;
        let caller = u64::try_from(caller.0).ok()?;
        Some(Sequence(calls.wrapping_mul(cpus).wrapping_add(caller)))
    }

    /// Gives a server's answer to whoever waits for it; `None` if nobody does any more.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Unasked`] if there was no such call, or if it has been answered.
    pub(crate) fn answer(&self, response: Response) -> Result<Option<CpuIndex>, ProtocolError> {
        let unasked = ProtocolError::Unasked(response.sequence.0);
        let (caller, call) = self.call_of(response.sequence).ok_or(unasked)?;
        let place = self.places.get(caller.0).ok_or(unasked)?;
        let mut slot = place.lock();
        if call == 0 || call > slot.calls || call == slot.heard {
            return Err(unasked);
        }
        match slot.state {
            State::Posted(_) if call == slot.calls => return Err(unasked),
            State::Sent { .. } if call == slot.calls => {
                slot.heard = call;
                slot.state = State::Answered(response.results);
                self.counters.answered.count();
                return Ok(Some(caller));
            }
            _ => {}
        }
        slot.heard = slot.heard.max(call);
        self.counters.late.count();
        Ok(None)
    }

    fn call_of(&self, sequence: Sequence) -> Option<(CpuIndex, u64)> {
        let cpus = u64::try_from(self.cpus()).ok()?;
        let caller = usize::try_from(sequence.0.checked_rem(cpus)?).ok()?;
        Some((CpuIndex(caller), sequence.0.checked_div(cpus)?))
    }
}

impl Place {
    fn new() -> Self {
        let slot = Slot { calls: 0, heard: 0, state: State::Free };
        Self { posted: AtomicBool::new(false), slot: Mutex::new(slot) }
    }

    /// No thread panics with the lock held, and if one did, every state is one to go on from.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn empty(&self, slot: &mut Slot) -> State {
        self.posted.store(false, Ordering::Release);
        std::mem::replace(&mut slot.state, State::Free)
    }

    fn take_posted(&self) -> Option<(u64, Posting)> {
        let mut slot = self.lock();
        let State::Posted(posting) = slot.state else { return None };
        self.posted.store(false, Ordering::Release);
        slot.state = State::Sent { deadline: posting.deadline };
        Some((slot.calls, posting))
    }

    /// Did its CPU wait for an answer?
    fn lose(&self) -> bool {
        let mut slot = self.lock();
        let waits = matches!(slot.state, State::Posted(_) | State::Sent { .. });
        if waits {
            self.empty(&mut slot);
            slot.state = State::Lost;
        }
        waits
    }
}

//! What the machine lends its firmware.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::rand::{GetRandomFlags, getrandom};
use switchboard_firmware::{CpuIndex, Host, NoEntropy, NotMemory, Report, WallClock};
use switchboard_kvm::{CounterOffsets, host_counter};
use switchboard_smccc::{Conduit, FunctionId, InterruptId, Ipa};

use crate::{
    CallStatistics, Crash, Memory, bus::Lines, clock::Clock, gate::Gate, session::Session,
    stolen_time::StolenTime,
};

/// What the machine lends its firmware. Nothing of it blocks.
pub(crate) struct Lent<'vm> {
    /// What the guest may call.
    pub(crate) gate: Arc<Gate>,
    pub(crate) memory: &'vm Memory,
    pub(crate) stolen_time: Option<&'vm StolenTime>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) session: Arc<Session>,
    pub(crate) lines: &'vm Lines<'vm>,
    pub(crate) statistics: &'vm CallStatistics,
    /// Where it is known.
    pub(crate) counters: Option<CounterOffsets>,
}

impl Host for Lent<'_> {
    fn allows(&self, function: FunctionId, conduit: Conduit) -> bool {
        self.gate.allows(function, conduit)
    }

    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        self.memory.contains(address, length)
    }

    fn write_memory(&self, address: Ipa, bytes: &[u8]) -> Result<(), NotMemory> {
        let length = u64::try_from(bytes.len()).map_err(|_| NotMemory)?;
        let records = self.stolen_time.map(StolenTime::memory);
        let there = [Some(self.memory), records].into_iter().flatten();
        let memory = there.into_iter().find(|memory| memory.contains(address, length)).ok_or(NotMemory)?;
        memory.write(address, bytes).map_err(|_| NotMemory)
    }

    fn read_memory(&self, address: Ipa, bytes: &mut [u8]) -> Result<(), NotMemory> {
        let length = u64::try_from(bytes.len()).map_err(|_| NotMemory)?;
        if !self.memory.contains(address, length) {
            return Err(NotMemory);
        }
        self.memory.read(address, bytes).map_err(|_| NotMemory)
    }

    fn kick(&self, cpu: CpuIndex) {
        self.session.kick(cpu, self.statistics);
    }

    fn rerouted(&self, interrupt: InterruptId) {
        self.lines.reroute(interrupt);
    }

    fn report(&self, report: Report<'_>) {
        // Of what comes to be reported later, this machine makes nothing.
        if let Report::Crash { cpu, parameters, message } = report {
            self.statistics.record_crash(Crash { cpu, parameters, message: message.map(<[u8]>::to_vec) });
        }
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(self.clock.now())
    }

    fn wall_clock(&self) -> Option<WallClock> {
        let offsets = self.counters?;
        let moment = Moment::now()?;
        Some(WallClock {
            since_epoch: moment.since_epoch,
            virtual_counter: moment.counter.wrapping_sub(offsets.virtual_counter),
            physical_counter: moment.counter.wrapping_sub(offsets.physical_counter),
        })
    }

    fn entropy(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        // Up to 256 bytes come whole or not at all; a service asks for 24 at most.
        match getrandom(&mut *bytes, GetRandomFlags::NONBLOCK) {
            Ok(count) if count == bytes.len() => Ok(()),
            _ => Err(NoEntropy),
        }
    }
}

/// The wall clock between two looks at the counter.
struct Moment {
    since_epoch: Duration,
    /// In the middle of the two.
    counter: u64,
    /// Between the two, in ticks: the error is at most half of it.
    window: u64,
}

/// How often it is tried to look at the clock without being interrupted meanwhile.
const TRIES: u32 = 4;

impl Moment {
    /// The best of a few. `None` if the wall clock is before 1970.
    fn now() -> Option<Self> {
        let moments = (0..TRIES).filter_map(|_| {
            let before = host_counter();
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            let window = host_counter().wrapping_sub(before);
            Some(Self { since_epoch, counter: before.wrapping_add(window / 2), window })
        });
        moments.min_by_key(|moment| moment.window)
    }
}

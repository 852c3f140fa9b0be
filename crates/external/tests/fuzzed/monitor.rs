//! A monitor whose server sends anything: bytes at random, or frames that are nearly right.
//!
//! It must not panic, and each call must end, in one way: answered, lost with the server, or out of time.

use std::{cell::RefCell, time::Duration};

use switchboard_external::{
    Exchange, MAX_OUTPUT, Posting, Slots,
    protocol::{
        ArgumentCount, Arguments, FromMonitor, Inbox, MonitorHello, ProtocolError, Response, Sequence,
        ServerHello, Version,
    },
};
use switchboard_filter::Range;
use switchboard_firmware::{CpuIndex, Reply, Results};
use switchboard_smccc::{Conduit, FunctionId, Register};

use crate::input::Input;

const RANGE: Range = Range::literal(FunctionId(0xc200_0000), 0x100);
const FAILURE: u64 = 0x77;
/// How long a call waits; time goes on in steps of a second.
const TIMEOUT: Duration = Duration::from_secs(3);

struct Monitor {
    slots: Slots,
    exchange: Exchange,
    /// What the server has got, and which requests were in it.
    inbox: Inbox,
    asked: Vec<Sequence>,
    now: Duration,
    /// Which CPUs wait for an answer.
    waiting: Vec<bool>,
    posted: u64,
}

/// Does what the input says.
pub(crate) fn exercise(input: &[u8]) {
    let mut input = Input(input);
    let mut monitor = Monitor::new(1 + input.number() % 4);
    while let Some(step) = input.byte() {
        monitor.step(step, &mut input);
        assert!(monitor.exchange.output().len() <= MAX_OUTPUT);
    }
    monitor.finish();
}

fn new_exchange(cpus: usize) -> Exchange {
    let cpus = u32::try_from(cpus).unwrap();
    Exchange::new(MonitorHello { version: Version::HIGHEST, range: RANGE, cpus })
}

impl Monitor {
    fn new(cpus: usize) -> Self {
        Self {
            slots: Slots::new(cpus, FAILURE),
            exchange: new_exchange(cpus),
            inbox: Inbox::new(),
            asked: Vec::new(),
            now: Duration::ZERO,
            waiting: vec![false; cpus],
            posted: 0,
        }
    }

    fn step(&mut self, step: u8, input: &mut Input<'_>) {
        match step % 8 {
            0 => {
                let count = input.number() % 64;
                self.receive(input.bytes(count));
            }
            1 => self.hello(input),
            2 | 3 => self.post(input),
            4 | 5 => self.respond(input),
            6 => self.send(input.number()),
            _ => self.wait(),
        }
    }

    /// The server sends this.
    fn receive(&mut self, bytes: &[u8]) {
        let woken = RefCell::new(Vec::new());
        let result = self.exchange.receive(bytes, &self.slots, &|cpu| woken.borrow_mut().push(cpu));
        for cpu in woken.into_inner() {
            assert!(self.waiting[cpu.0], "{cpu} waited for an answer");
            self.returned(cpu, &self.slots.reply(cpu, self.now));
        }
        self.check(result);
    }

    fn hello(&mut self, input: &mut Input<'_>) {
        let version = Version(u16::try_from(input.number() % 4).unwrap());
        let arguments = ArgumentCount::new(u8::try_from(input.number() % 18).unwrap()).unwrap();
        self.receive(ServerHello { version, arguments }.encode().bytes());
    }

    /// A CPU that does not wait makes a call.
    fn post(&mut self, input: &mut Input<'_>) {
        let cpu = input.number() % self.waiting.len();
        let Some(server) = self.slots.connected().filter(|_| !self.waiting[cpu]) else { return };
        let arguments = Arguments::read(server.arguments(), |register| u64::from(register.number()));
        let (function, deadline) = (RANGE.first(), self.now + TIMEOUT);
        let posting = Posting { function, conduit: Conduit::Hvc, arguments, deadline };
        self.slots.post(CpuIndex(cpu), server, posting).unwrap();
        self.waiting[cpu] = true;
        self.posted += 1;
    }

    /// The server answers a request that it has got, or one beside it.
    fn respond(&mut self, input: &mut Input<'_>) {
        let near = u64::try_from(input.number() / 64).unwrap();
        let which = input.number();
        let asked = self.asked.get(which % self.asked.len().max(1));
        let sequence = Sequence(asked.map_or(0, |sequence| sequence.0).wrapping_add(near));
        let set = input.u32();
        let results = Register::all()
            .skip(1)
            .filter(|register| set & (1 << register.number()) != 0)
            .fold(Results::of(input.u64()), |results, register| results.with(register, 1));
        self.receive(Response { sequence, results }.encode().bytes());
    }

    /// The socket has room for so many bytes.
    fn send(&mut self, room: usize) {
        let result = self.exchange.collect(&self.slots);
        let count = room.min(self.exchange.output().len());
        let asked = &mut self.asked;
        self.inbox
            .feed(&self.exchange.output()[..count], |body| {
                if let FromMonitor::Request(request) = FromMonitor::decode(body)? {
                    asked.push(request.sequence);
                }
                Ok::<_, ProtocolError>(())
            })
            .expect("a monitor keeps to the protocol");
        self.exchange.sent(count);
        self.check(result);
    }

    fn wait(&mut self) {
        self.now += Duration::from_secs(1);
        for cpu in (0..self.waiting.len()).map(CpuIndex) {
            match self.slots.reply(cpu, self.now) {
                Reply::Wait(deadline) => assert!(self.waiting[cpu.0] && self.now < deadline),
                reply @ Reply::Return(_) => self.returned(cpu, &reply),
            }
        }
    }

    /// The connection ends at the first error, and the next begins.
    fn check(&mut self, result: Result<(), ProtocolError>) {
        if result.is_ok() {
            return;
        }
        self.end();
        assert_eq!(
            self.waiting.iter().filter(|&&waiting| waiting).count(),
            0,
            "nobody waits for a server that has gone"
        );
    }

    fn end(&mut self) {
        let woken = RefCell::new(Vec::new());
        let exchange = std::mem::replace(&mut self.exchange, new_exchange(self.waiting.len()));
        exchange.end(&self.slots, &|cpu| woken.borrow_mut().push(cpu));
        self.inbox = Inbox::new();
        self.asked.clear();
        for cpu in woken.into_inner() {
            let reply = self.slots.reply(cpu, self.now);
            assert_eq!(reply, Reply::Return(Results::of(FAILURE)));
            self.returned(cpu, &reply);
        }
    }

    fn returned(&mut self, cpu: CpuIndex, reply: &Reply) {
        assert!(matches!(reply, Reply::Return(_)));
        self.waiting[cpu.0] = false;
    }

    /// Every call has ended, and once.
    fn finish(&mut self) {
        self.now += TIMEOUT;
        self.wait();
        assert!(!self.waiting.contains(&true));
        let counts = self.slots.counts();
        assert_eq!(counts.answered + counts.lost + counts.timeouts, self.posted);
        assert!(counts.answered + counts.late <= counts.requests);
        self.end();
    }
}

//! What a CPU does in the storm.

use core::sync::atomic::Ordering;

use super::{
    ledger::{ANY, Item, LEDGER, Page, argument},
    watch,
};
use crate::{
    cpu, gic, psci,
    random::Random,
    resume::{self, PowerDown},
    sdei::{
        Client, DENIED, Event, Priority, Routing, SUCCESS,
        faults::{self, Subject},
        handler,
        lines::{self, Line},
        remote,
        window::{self, Interrupts, Work},
    },
    secondary::{self, Job},
    services,
    smccc::{Conduit, Registers},
    tests::suspend::{POWER_DOWN, STANDBY},
};

/// A sleeping CPU's timer wakes it if no event does.
const NAP_MS: u64 = 4;
/// Likewise, where only an event should.
const LONG_NAP_MS: u64 = 2_000;
/// After the last event, windows in which there must not be another one.
const QUIET: u64 = 40;

struct Worker {
    index: usize,
    client: Client,
    page: &'static Page,
    random: Random,
}

/// On the first CPU: until everything was taken and the others are off. False if they do not go.
pub fn lead(conduit: Conduit) -> bool {
    for (_, page) in LEDGER.pages().skip(1) {
        page.is_off.store(true, Ordering::Release);
    }
    let mut worker = Worker::arrive(0);
    while !LEDGER.is_paid_off() {
        worker.step();
        worker.start_others(conduit);
    }
    for _ in 0..QUIET {
        worker.window();
    }
    LEDGER.finish();
    worker.leave();
    let mut others = LEDGER.pages().skip(1);
    others.all(|(_, page)| remote::wait(|| psci::affinity_info(conduit, page.affinity()) == psci::OFF))
}

/// On another one: until all is over, or it is to be off for a while.
pub fn storm_as_other(index: usize) {
    let mut worker = Worker::arrive(index);
    while !LEDGER.is_over() {
        worker.step();
        if worker.page.is_off.load(Ordering::Acquire) {
            break;
        }
    }
    worker.leave();
}

impl Worker {
    /// Nothing private is registered, and the PE is masked: a CPU that starts has just been off.
    fn arrive(index: usize) -> Self {
        let (client, page) = (Client::current(), LEDGER.page(index));
        let worker = Self { index, client, page, random: page.random() };
        handler::prepare_cpu(index);
        worker.expect(0, client.mask());
        worker.expect(0, client.status(Event::SIGNALLED));
        let argument = worker.place();
        worker.done(client.register(Event::SIGNALLED, Priority::Normal, argument, Routing::Any));
        worker.done(client.enable(Event::SIGNALLED));
        worker.done(client.unmask());
        page.is_off.store(false, Ordering::Release);
        LEDGER.give_back(Item::Signalled(index));
        worker
    }

    fn leave(self) {
        cpu::mask_interrupts();
        self.page.keep(self.random);
    }

    fn place(&self) -> u64 {
        u64::try_from(self.index).unwrap_or(u64::MAX)
    }

    fn expect(&self, wanted: u64, got: u64) {
        faults::expect(Subject::Status, self.place(), wanted, got);
    }

    fn done(&self, got: u64) {
        self.expect(SUCCESS, got);
    }

    fn below(&mut self, count: u64) -> u64 {
        (self.random.next() >> 20) % count
    }

    fn index_below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(1).max(1);
        usize::try_from(self.below(count)).unwrap_or(0)
    }

    fn window(&mut self) {
        let seed = self.random.next();
        let work = match self.below(8) {
            0 => Work::Call(Conduit::Hvc),
            1 => Work::Call(Conduit::Smc),
            _ => Work::Count,
        };
        let interrupts = if self.below(2) == 0 { Interrupts::Masked } else { Interrupts::Unmasked };
        window::open(self.index, seed, work, interrupts);
        self.page.windows.add();
        watch::look(self.index);
        // A window leaves them masked. Unmasked, a handler may use COMPLETE_AND_RESUME, here too.
        cpu::unmask_interrupts();
    }

    fn step(&mut self) {
        self.window();
        self.wake_sleepers();
        match self.below(200) {
            0..=79 => self.signal(),
            80..=109 => self.raise(Line::Uart),
            110..=139 => self.raise(Line::Gpio),
            140..=153 => self.masked(),
            154..=163 => self.route(),
            164..=171 => self.nap(),
            172..=174 => self.wait(),
            175..=177 => self.power_down_by_timer(),
            178..=181 => self.power_down_until_event(),
            182..=183 => self.go_off(),
            184..=191 => self.read_devices(),
            _ => self.call_others(),
        }
    }

    /// Event 0, to any CPU.
    fn signal(&mut self) {
        let target = self.index_below(LEDGER.cpus());
        let item = Item::Signalled(target);
        if !LEDGER.acquire(item) {
            return;
        }
        if !LEDGER.pay() {
            return LEDGER.give_back(item);
        }
        LEDGER.count(item);
        self.done(self.client.signal(LEDGER.page(target).affinity()));
    }

    fn raise(&self, line: Line) {
        let item = Item::Bound(line);
        if !LEDGER.acquire(item) {
            return;
        }
        if !LEDGER.pay() {
            return LEDGER.give_back(item);
        }
        LEDGER.count(item);
        line.raise();
    }

    /// While the PE is masked, nothing comes.
    fn masked(&mut self) {
        self.expect(1, self.client.mask());
        let before = self.page.taken();
        self.window();
        let taken = self.page.taken() - before;
        faults::expect(Subject::Masked, self.place(), 0, taken);
        self.done(self.client.unmask());
        self.page.masked.add();
    }

    /// A bound event goes to another CPU from now on, or to any.
    fn route(&mut self) {
        let line = if self.below(2) == 0 { Line::Uart } else { Line::Gpio };
        if !LEDGER.acquire(Item::Bound(line)) {
            return;
        }
        let target = self.index_below(LEDGER.cpus() + 1);
        // Whoever goes off says so first, and then waits until it has the event.
        let is_there = target < LEDGER.cpus() && !LEDGER.page(target).is_off.load(Ordering::Acquire);
        self.set_route(line, if is_there { target } else { ANY });
        LEDGER.give_back(Item::Bound(line));
        self.page.routed.add();
    }

    fn set_route(&mut self, line: Line, target: usize) {
        let event = LEDGER.event(line);
        let routing = if target == ANY { Routing::Any } else { Routing::Pe(LEDGER.page(target).affinity()) };
        self.done(self.client.disable(event));
        // The handler has given the event back, and may not have completed yet.
        let mut status = self.client.set_routing(event, routing);
        while status == DENIED {
            self.window();
            status = self.client.set_routing(event, routing);
        }
        self.done(status);
        LEDGER.set_route(line, target);
        self.done(self.client.enable(event));
    }

    /// Standby, until an event or the timer ends it.
    fn nap(&mut self) {
        self.start_timer(NAP_MS);
        let call = Registers::new(psci::CPU_SUSPEND_64.into(), [STANDBY, 0, 0]);
        let after = self.client.conduit().call(call).registers.0[0];
        self.stop_timer();
        self.done(after);
        self.page.suspends.add();
    }

    /// WFI, likewise.
    fn wait(&self) {
        self.start_timer(NAP_MS);
        remote::wait_for_interrupt();
        self.stop_timer();
        self.page.waits.add();
    }

    /// As Linux does it: masked, since a handler would not do where the MMU is off.
    fn power_down_by_timer(&mut self) {
        self.expect(1, self.client.mask());
        self.start_timer(NAP_MS);
        let _ = self.power_down();
        self.stop_timer();
        handler::prepare_cpu(self.index);
        // Masked or not: what a PE is after this is its firmware's choice.
        let _ = self.client.mask();
        self.done(self.client.unmask());
        self.page.power_downs.add();
    }

    /// Event 0 ends it, so that nothing is lost. The timer is for the case that the event came too early.
    fn power_down_until_event(&mut self) {
        // There must be somebody to wake it.
        if LEDGER.cpus() < 2 || !LEDGER.acquire(Item::Signalled(self.index)) {
            return;
        }
        if !LEDGER.pay() {
            return LEDGER.give_back(Item::Signalled(self.index));
        }
        self.start_timer(LONG_NAP_MS);
        self.page.wants_event.store(true, Ordering::Release);
        let end = self.power_down();
        let by_timer = cpu::timer_has_fired();
        self.stop_timer();
        handler::prepare_cpu(self.index);
        if let PowerDown::Returned(Registers([x0, ..])) = end {
            faults::expect(Subject::Suspend, self.place(), psci::SUCCESS, x0);
        } else if !by_timer {
            // It has lost its context, and the timer is not why.
            faults::add(Subject::Suspend, self.place(), 0, remote::RESUMED);
        }
        self.page.suspends.add();
    }

    fn power_down(&self) -> PowerDown {
        let context = secondary::context(0, self.index);
        let arguments = [POWER_DOWN, secondary::resume(), context];
        let call = Registers::new(psci::CPU_SUSPEND_64.into(), arguments);
        resume::suspend(self.client.conduit(), self.index, call)
    }

    /// Signals to the CPUs that sleep until somebody does.
    fn wake_sleepers(&self) {
        for (index, page) in LEDGER.pages() {
            if index != self.index && page.wants_event.swap(false, Ordering::AcqRel) {
                LEDGER.count(Item::Signalled(index));
                self.done(self.client.signal(page.affinity()));
            }
        }
    }

    /// Leaves nothing that only this CPU could take; the caller does the rest.
    fn go_off(&mut self) {
        if self.index == 0 || !LEDGER.acquire(Item::Signalled(self.index)) {
            return;
        }
        self.page.is_off.store(true, Ordering::Release);
        for line in [Line::Uart, Line::Gpio] {
            while !LEDGER.acquire(Item::Bound(line)) {
                self.window();
            }
            if LEDGER.route(line) == self.index {
                self.set_route(line, ANY);
            }
            LEDGER.give_back(Item::Bound(line));
        }
        self.page.offs.add();
    }

    /// Those that have gone off start again.
    fn start_others(&self, conduit: Conduit) {
        for (index, page) in LEDGER.pages().skip(1) {
            let affinity = page.affinity();
            if page.is_off.load(Ordering::Acquire) && psci::affinity_info(conduit, affinity) == psci::OFF {
                secondary::set_job(index, Job::SdeiStorm);
                let context = secondary::context(0, index);
                self.done(psci::cpu_on(conduit, affinity, secondary::entry(), context));
                watch::moved();
            }
        }
    }

    /// An access that a machine emulates is over before an event comes.
    fn read_devices(&self) {
        for _ in 0..16 {
            let read = lines::identification();
            faults::expect(Subject::Device, self.place(), lines::IDENTIFICATION, read);
        }
    }

    /// Other services, as they are called under events.
    fn call_others(&mut self) {
        let conduit = if self.below(2) == 0 { Conduit::Hvc } else { Conduit::Smc };
        for (function, arguments) in [
            (psci::AFFINITY_INFO_64, [self.page.affinity(), 0, 0]),
            (services::TRNG_RND_64, [192, 0, 0]),
            (services::KVM_UID, [0; 3]),
        ] {
            let before = Registers::new(function.into(), arguments);
            let after = conduit.call(before);
            faults::expect(Subject::Status, self.place(), crate::smccc::EACH_ONCE, after.executed);
            let kept = before.0[4..] == after.registers.0[4..];
            faults::expect(Subject::Kept, self.place(), 1, u64::from(kept));
            self.page.others.add();
        }
    }

    /// Its interrupt wakes this CPU, and is not taken.
    fn start_timer(&self, ms: u64) {
        cpu::mask_interrupts();
        if gic::enable_virtual_timer_of(LEDGER.gic()).is_err() {
            faults::add(Subject::Suspend, self.place(), 0, 1);
        }
        cpu::start_timer(ms);
    }

    fn stop_timer(&self) {
        cpu::stop_timer();
        gic::silence();
        cpu::unmask_interrupts();
    }
}

const _: () = assert!(argument(Line::Uart) != argument(Line::Gpio));

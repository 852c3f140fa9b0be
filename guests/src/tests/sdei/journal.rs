//! What the handlers of `sdei` have seen, CPU by CPU; and what one of them is to do once.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::{
    cpu,
    sdei::{
        Client, Event, MAX_CPUS, Priority, RUNNING,
        faults::{self, Subject},
        handler::{Delivery, End},
        lines::Line,
    },
    secondary,
};

/// An event that a handler takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Signalled,
    Bound(Line),
}

const KINDS: usize = 3;

impl Kind {
    const fn index(self) -> usize {
        match self {
            Self::Signalled => 0,
            Self::Bound(Line::Uart) => 1,
            Self::Bound(Line::Gpio) => 2,
        }
    }

    pub const fn priority(self) -> Priority {
        match self {
            Self::Signalled => Priority::Normal,
            Self::Bound(line) => line.priority(),
        }
    }

    fn of(event: u64) -> Option<Self> {
        let is = |line: Line| BOUND[Self::Bound(line).index()].load(Ordering::Acquire) == event;
        match event {
            0 => Some(Self::Signalled),
            _ if is(Line::Uart) => Some(Self::Bound(Line::Uart)),
            _ if is(Line::Gpio) => Some(Self::Bound(Line::Gpio)),
            _ => None,
        }
    }
}

/// What the next handler of a CPU does before it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Nothing,
    /// Reads x0 to x17.
    ReadContext,
    /// Unregisters its event: the result is what that returns.
    Unregister,
    /// Raises this line, and waits until its event was taken: the result is 1 if it was.
    Raise(Line),
    /// Signals event 0 to its own CPU, likewise.
    Signal,
}

const ORDERS: [Order; 6] = [
    Order::Nothing,
    Order::ReadContext,
    Order::Unregister,
    Order::Raise(Line::Uart),
    Order::Raise(Line::Gpio),
    Order::Signal,
];

/// So long a handler waits for what should come, and for what should not.
const WAIT_MS: u64 = 10_000;
const NOT_MS: u64 = 30;

/// The last event of a kind, of one CPU.
pub struct Entry {
    taken: AtomicU64,
    argument: AtomicU64,
    pc: AtomicU64,
    pstate: AtomicU64,
    sp: AtomicU64,
}

pub struct Page {
    entries: [Entry; KINDS],
    order: AtomicU8,
    result: AtomicU64,
    context: [AtomicU64; 18],
    resume: AtomicBool,
}

static PAGES: [Page; MAX_CPUS] = [const {
    Page {
        entries: [const {
            Entry {
                taken: AtomicU64::new(0),
                argument: AtomicU64::new(0),
                pc: AtomicU64::new(0),
                pstate: AtomicU64::new(0),
                sp: AtomicU64::new(0),
            }
        }; KINDS],
        order: AtomicU8::new(0),
        result: AtomicU64::new(0),
        context: [const { AtomicU64::new(0) }; 18],
        resume: AtomicBool::new(false),
    }
}; MAX_CPUS];

/// The events of the lines; 0 where there is none.
static BOUND: [AtomicU64; KINDS] = [const { AtomicU64::new(0) }; KINDS];

pub fn bound(line: Line, event: Event) {
    BOUND[Kind::Bound(line).index()].store(event.0, Ordering::Release);
}

/// Nothing was taken, and nothing is ordered.
pub fn clear() {
    for page in &PAGES {
        page.entries.iter().for_each(|entry| entry.taken.store(0, Ordering::Relaxed));
        page.order.store(0, Ordering::Relaxed);
        page.resume.store(false, Ordering::Relaxed);
    }
}

pub fn taken(cpu: usize, kind: Kind) -> u64 {
    PAGES[cpu].entries[kind.index()].taken.load(Ordering::Acquire)
}

/// Over all CPUs.
pub fn taken_anywhere(kind: Kind) -> u64 {
    (0..MAX_CPUS).map(|cpu| taken(cpu, kind)).sum()
}

/// The last event of a kind: its argument, PC, PSTATE and SP.
pub fn last(cpu: usize, kind: Kind) -> [u64; 4] {
    let entry = &PAGES[cpu].entries[kind.index()];
    [&entry.argument, &entry.pc, &entry.pstate, &entry.sp].map(|word| word.load(Ordering::Acquire))
}

/// The next handler on this CPU does this, once.
pub fn order(cpu: usize, order: Order) {
    let number = ORDERS.iter().position(|&listed| listed == order).and_then(|at| u8::try_from(at).ok());
    PAGES[cpu].order.store(number.expect("every order is listed"), Ordering::Release);
}

/// What came of the order.
pub fn result(cpu: usize) -> u64 {
    PAGES[cpu].result.load(Ordering::Acquire)
}

/// xN, as [`Order::ReadContext`] has found it.
pub fn context(cpu: usize, n: usize) -> u64 {
    PAGES[cpu].context[n].load(Ordering::Acquire)
}

/// The next handler on this CPU that may uses COMPLETE_AND_RESUME.
pub fn resume(cpu: usize) {
    PAGES[cpu].resume.store(true, Ordering::Release);
}

/// An event comes.
pub fn handle(delivery: &Delivery) -> End {
    let cpu = delivery.cpu_index();
    let page = &PAGES[cpu];
    faults::expect(Subject::EntryState, delivery.cpu, secondary::PSTATE_AT_ENTRY, delivery.entry);
    let Some(kind) = Kind::of(delivery.event) else {
        faults::add(Subject::Unknown, delivery.cpu, 0, delivery.event);
        return End::complete();
    };
    if delivery.priority() != kind.priority() {
        faults::add(Subject::Priority, delivery.cpu, 0, delivery.event);
    }
    let running = Client::current().status(Event(delivery.event)) & RUNNING;
    faults::expect(Subject::Status, delivery.event, RUNNING, running);
    let entry = &page.entries[kind.index()];
    entry.argument.store(delivery.argument, Ordering::Relaxed);
    entry.pc.store(delivery.pc, Ordering::Relaxed);
    entry.pstate.store(delivery.pstate, Ordering::Relaxed);
    entry.sp.store(delivery.sp, Ordering::Relaxed);
    let order = ORDERS[usize::from(page.order.swap(0, Ordering::AcqRel))];
    carry_out(page, cpu, Event(delivery.event), order);
    if let Kind::Bound(line) = kind {
        line.lower();
    }
    entry.taken.fetch_add(1, Ordering::AcqRel);
    if delivery.is_resumable() && page.resume.swap(false, Ordering::AcqRel) {
        return End::resume(delivery);
    }
    End::complete()
}

fn carry_out(page: &Page, cpu: usize, event: Event, order: Order) {
    let client = Client::current();
    let result = match order {
        Order::Nothing => return,
        Order::ReadContext => {
            for (n, slot) in (0..).zip(&page.context) {
                slot.store(client.context(n), Ordering::Release);
            }
            client.context(18)
        }
        Order::Unregister => client.unregister(event),
        Order::Raise(line) => {
            let kind = Kind::Bound(line);
            let before = taken(cpu, kind);
            line.raise();
            let ms = if line.priority() == Priority::Critical { WAIT_MS } else { NOT_MS };
            u64::from(cpu::poll(ms, || (taken(cpu, kind) != before).then_some(())).is_some())
        }
        Order::Signal => {
            let before = taken(cpu, Kind::Signalled);
            let signalled = client.signal(cpu::affinity());
            faults::expect(Subject::Status, event.0, 0, signalled);
            let came = || (taken(cpu, Kind::Signalled) != before).then_some(());
            u64::from(cpu::poll(NOT_MS, came).is_some())
        }
    };
    page.result.store(result, Ordering::Release);
}

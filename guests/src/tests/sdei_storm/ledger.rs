//! Who may raise which event, how many are left, and what came of each.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::{
    console::println,
    machine::Gic,
    random::Random,
    sdei::{Event, MAX_CPUS, handler, lines::Line},
};

pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }
}

/// Of one CPU.
pub struct Page {
    /// Event 0: raised for this CPU, and taken by it.
    pub signalled_to: Counter,
    pub private: Counter,
    pub normal: Counter,
    pub critical: Counter,
    /// Critical ones that were taken within a handler.
    pub nested: Counter,
    /// Of all: those that came in a window.
    pub inside: Counter,
    pub completed: Counter,
    pub resumed: Counter,
    pub windows: Counter,
    pub masked: Counter,
    pub routed: Counter,
    pub suspends: Counter,
    pub power_downs: Counter,
    pub waits: Counter,
    pub offs: Counter,
    pub others: Counter,
    /// Handlers that run.
    pub depth: Counter,
    /// Of the random numbers: it goes on where it was when the CPU went off.
    seed: Counter,
    /// Is it off, or about to be?
    pub is_off: AtomicBool,
    /// It sleeps in a state from which it would lose its context: only event 0 is to wake it, and is paid for.
    pub wants_event: AtomicBool,
    affinity: AtomicU64,
}

impl Page {
    const fn new() -> Self {
        Self {
            signalled_to: Counter::new(),
            private: Counter::new(),
            normal: Counter::new(),
            critical: Counter::new(),
            nested: Counter::new(),
            inside: Counter::new(),
            completed: Counter::new(),
            resumed: Counter::new(),
            windows: Counter::new(),
            masked: Counter::new(),
            routed: Counter::new(),
            suspends: Counter::new(),
            power_downs: Counter::new(),
            waits: Counter::new(),
            offs: Counter::new(),
            others: Counter::new(),
            depth: Counter::new(),
            seed: Counter::new(),
            is_off: AtomicBool::new(false),
            wants_event: AtomicBool::new(false),
            affinity: AtomicU64::new(0),
        }
    }

    fn clear(&self) {
        for counter in [
            &self.signalled_to,
            &self.private,
            &self.normal,
            &self.critical,
            &self.nested,
            &self.inside,
            &self.completed,
            &self.resumed,
            &self.windows,
            &self.masked,
            &self.routed,
            &self.suspends,
            &self.power_downs,
            &self.waits,
            &self.offs,
            &self.others,
            &self.depth,
        ] {
            counter.set(0);
        }
        self.is_off.store(false, Ordering::Release);
        self.wants_event.store(false, Ordering::Release);
    }

    /// Events of all kinds.
    pub fn taken(&self) -> u64 {
        self.private.get() + self.normal.get() + self.critical.get()
    }

    /// Events of this line's interrupt that it has taken.
    pub const fn of(&self, line: Line) -> &Counter {
        match line {
            Line::Uart => &self.normal,
            Line::Gpio => &self.critical,
        }
    }

    pub fn affinity(&self) -> u64 {
        self.affinity.load(Ordering::Acquire)
    }

    /// This CPU's random numbers; [`Page::keep`] puts them back.
    pub fn random(&self) -> Random {
        Random::new(self.seed.get())
    }

    pub fn keep(&self, mut random: Random) {
        self.seed.set(random.next());
    }

    pub fn print(&self, index: usize) {
        println!(
            "# sdei_storm cpu={index} signalled={} private={} normal={} critical={} nested={} inside={} completed={} resumed={}",
            self.signalled_to.get(),
            self.private.get(),
            self.normal.get(),
            self.critical.get(),
            self.nested.get(),
            self.inside.get(),
            self.completed.get(),
            self.resumed.get(),
        );
        println!(
            "# sdei_storm cpu={index} windows={} masked={} routed={} suspends={} power_downs={} waits={} offs={} calls={}",
            self.windows.get(),
            self.masked.get(),
            self.routed.get(),
            self.suspends.get(),
            self.power_downs.get(),
            self.waits.get(),
            self.offs.get(),
            self.others.get(),
        );
    }
}

/// Of the event of one line.
struct Bound {
    event: AtomicU64,
    raised: Counter,
    /// The index of the CPU it is routed to; [`ANY`].
    route: AtomicUsize,
}

/// No CPU has this index.
pub const ANY: usize = usize::MAX;

impl Bound {
    const fn new() -> Self {
        Self { event: AtomicU64::new(0), raised: Counter::new(), route: AtomicUsize::new(ANY) }
    }
}

/// An event that one CPU at a time may have, to raise it or to change it. Its handler gives it back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Event 0 of this CPU.
    Signalled(usize),
    /// The event of this line.
    Bound(Line),
}

const ITEMS: usize = MAX_CPUS + 2;

impl Item {
    const fn index(self) -> usize {
        match self {
            Self::Signalled(cpu) => cpu,
            Self::Bound(line) => MAX_CPUS + line_index(line),
        }
    }
}

const fn line_index(line: Line) -> usize {
    match line {
        Line::Uart => 0,
        Line::Gpio => 1,
    }
}

/// x1 of the handler of a line's event; of event 0 it is the CPU's index.
pub const fn argument(line: Line) -> u64 {
    match line {
        Line::Uart => 0x6e6f_726d_616c,
        Line::Gpio => 0x6372_6974_6963,
    }
}

pub struct Ledger {
    pages: [Page; MAX_CPUS],
    cpus: AtomicUsize,
    bound: [Bound; 2],
    taken_by_someone: [AtomicBool; ITEMS],
    /// Events that may still be raised.
    left: AtomicU64,
    total: Counter,
    /// Taken by all CPUs.
    taken: Counter,
    is_over: AtomicBool,
    gic: [AtomicUsize; 3],
}

pub static LEDGER: Ledger = Ledger {
    pages: [const { Page::new() }; MAX_CPUS],
    cpus: AtomicUsize::new(0),
    bound: [const { Bound::new() }; 2],
    taken_by_someone: [const { AtomicBool::new(false) }; ITEMS],
    left: AtomicU64::new(0),
    total: Counter::new(),
    taken: Counter::new(),
    is_over: AtomicBool::new(false),
    gic: [const { AtomicUsize::new(0) }; 3],
};

impl Ledger {
    pub fn begin(&self, events: u64, affinities: &[u64], seed: u64, gic: Gic) {
        for (index, (page, &affinity)) in self.pages.iter().zip(affinities).enumerate() {
            page.clear();
            page.affinity.store(affinity, Ordering::Release);
            let number = u64::try_from(index).unwrap_or(0);
            page.seed.set(seed.wrapping_add(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            // Its event 0 is nobody's until it has registered it.
            self.taken_by_someone[Item::Signalled(index).index()].store(true, Ordering::Release);
            let resumed = handler::resumed(index);
            resumed.count.store(0, Ordering::Release);
            resumed.wrong.store(0, Ordering::Release);
        }
        for line in [Line::Uart, Line::Gpio] {
            self.give_back(Item::Bound(line));
        }
        for bound in &self.bound {
            bound.raised.set(0);
            bound.route.store(ANY, Ordering::Release);
        }
        for (slot, word) in
            self.gic.iter().zip([gic.distributor, gic.redistributors, gic.redistributors_size])
        {
            slot.store(word, Ordering::Relaxed);
        }
        self.cpus.store(affinities.len(), Ordering::Release);
        self.total.set(events);
        self.taken.set(0);
        self.is_over.store(false, Ordering::Release);
        self.left.store(events, Ordering::Release);
    }

    pub fn gic(&self) -> Gic {
        let [distributor, redistributors, redistributors_size] =
            [0, 1, 2].map(|at: usize| self.gic[at].load(Ordering::Relaxed));
        Gic { distributor, redistributors, redistributors_size }
    }

    pub fn page(&self, cpu: usize) -> &Page {
        &self.pages[cpu]
    }

    /// Of every CPU, with its index.
    pub fn pages(&self) -> impl Iterator<Item = (usize, &Page)> {
        self.pages.iter().take(self.cpus()).enumerate()
    }

    pub fn cpus(&self) -> usize {
        self.cpus.load(Ordering::Acquire)
    }

    pub fn bind(&self, line: Line, event: Event) {
        self.bound[line_index(line)].event.store(event.0, Ordering::Release);
    }

    pub fn event(&self, line: Line) -> Event {
        Event(self.bound[line_index(line)].event.load(Ordering::Acquire))
    }

    pub fn line_of(&self, event: u64) -> Option<Line> {
        [Line::Uart, Line::Gpio].into_iter().find(|&line| self.event(line).0 == event)
    }

    pub fn route(&self, line: Line) -> usize {
        self.bound[line_index(line)].route.load(Ordering::Acquire)
    }

    pub fn set_route(&self, line: Line, cpu: usize) {
        self.bound[line_index(line)].route.store(cpu, Ordering::Release);
    }

    pub fn raised(&self, line: Line) -> u64 {
        self.bound[line_index(line)].raised.get()
    }

    /// Takes possession, if nobody has it.
    pub fn acquire(&self, item: Item) -> bool {
        let taken = &self.taken_by_someone[item.index()];
        taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    pub fn give_back(&self, item: Item) {
        self.taken_by_someone[item.index()].store(false, Ordering::Release);
    }

    /// Is nothing in flight?
    pub fn is_free(&self, item: Item) -> bool {
        !self.taken_by_someone[item.index()].load(Ordering::Acquire)
    }

    /// Pays for one event, if there is one left. Whoever has paid raises it.
    pub fn pay(&self) -> bool {
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok()
    }

    /// Counts an event that has been paid for, before it is raised.
    pub fn count(&self, item: Item) {
        match item {
            Item::Signalled(cpu) => self.pages[cpu].signalled_to.add(),
            Item::Bound(line) => self.bound[line_index(line)].raised.add(),
        };
    }

    pub fn count_taken(&self) {
        self.taken.add();
    }

    pub fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// All that there were to be have been taken.
    pub fn is_paid_off(&self) -> bool {
        self.taken.get() >= self.total.get()
    }

    /// The other CPUs are to go off.
    pub fn finish(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

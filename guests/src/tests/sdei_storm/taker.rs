//! The handler of every event of the storm.

use super::ledger::{ANY, Item, LEDGER, Page, argument};
use crate::{
    cpu,
    sdei::{
        Priority,
        faults::{self, Subject},
        handler::{Delivery, End},
        lines::Line,
        window,
    },
    secondary,
};

/// A critical event that a handler waits for comes within so long.
const LIMIT_MS: u64 = 20_000;

/// An event comes.
pub fn handle(delivery: &Delivery) -> End {
    let cpu = delivery.cpu_index();
    let page = LEDGER.page(cpu);
    let depth = page.depth.get();
    page.depth.set(depth + 1);
    let item = match delivery.event {
        0 => Item::Signalled(cpu),
        event => match LEDGER.line_of(event) {
            Some(line) => Item::Bound(line),
            None => {
                faults::add(Subject::Unknown, delivery.cpu, 0, event);
                return end(delivery, page, depth);
            }
        },
    };
    check(delivery, item, depth);
    if LEDGER.is_free(item) {
        // It was taken already, or never raised.
        faults::add(Subject::Unknown, delivery.cpu, delivery.event, delivery.event);
    }
    if window::is_inside_any(delivery.pc) {
        page.inside.add();
    }
    let count = match item {
        Item::Signalled(_) => page.private.add(),
        Item::Bound(line) => page.of(line).add(),
    };
    if item == Item::Bound(Line::Gpio) {
        if depth > 0 {
            page.nested.add();
        }
    } else if count.is_multiple_of(3) {
        raise_within(cpu, page);
    }
    if let Item::Bound(line) = item {
        line.lower();
    }
    // From here on it may be raised again.
    LEDGER.give_back(item);
    LEDGER.count_taken();
    end(delivery, page, depth)
}

fn check(delivery: &Delivery, item: Item, depth: u64) {
    let (cpu, place) = (delivery.cpu_index(), delivery.cpu);
    faults::expect(Subject::EntryState, place, secondary::PSTATE_AT_ENTRY, delivery.entry);
    let (wanted, priority) = match item {
        Item::Signalled(_) => (place, Priority::Normal),
        Item::Bound(line) => (argument(line), line.priority()),
    };
    faults::expect(Subject::Argument, place, wanted, delivery.argument);
    if delivery.priority() != priority {
        faults::add(Subject::Priority, place, delivery.event, delivery.event);
    }
    if let Item::Bound(line) = item {
        let route = LEDGER.route(line);
        if route != ANY && route != cpu {
            faults::add(Subject::Place, place, u64::try_from(route).unwrap_or(u64::MAX), place);
        }
    }
    let deepest = if priority == Priority::Critical { 1 } else { 0 };
    if depth > deepest {
        faults::add(Subject::Depth, place, deepest, depth);
    }
}

/// In the handler of a normal event: raises the critical one, if it comes to this CPU, and waits for it.
fn raise_within(cpu: usize, page: &Page) {
    let item = Item::Bound(Line::Gpio);
    if !LEDGER.acquire(item) {
        return;
    }
    if LEDGER.route(Line::Gpio) != cpu || !LEDGER.pay() {
        return LEDGER.give_back(item);
    }
    LEDGER.count(item);
    let before = page.critical.get();
    Line::Gpio.raise();
    let came = cpu::poll(LIMIT_MS, || (page.critical.get() != before).then_some(()));
    if came.is_none() {
        faults::add(Subject::Nesting, u64::try_from(cpu).unwrap_or(u64::MAX), 1, 0);
    }
}

fn end(delivery: &Delivery, page: &Page, depth: u64) -> End {
    page.depth.set(depth);
    let ended = page.completed.get() + page.resumed.get();
    if delivery.is_resumable() && ended.is_multiple_of(2) {
        page.resumed.add();
        return End::resume(delivery);
    }
    page.completed.add();
    End::complete()
}

//! Which events there are.

use switchboard_firmware::sdei::{Bindable, EventDescription, EventKind, EventNumber, FIRST_BOUND, Priority};
use switchboard_smccc::InterruptId;

/// A few CPUs, and two or three events that the guest uses.
#[derive(Debug)]
pub struct Configuration {
    /// What people call it.
    pub name: &'static str,
    /// How many CPUs there are.
    pub cpus: usize,
    /// Does the guest use event 0? It is always there.
    pub event_0: bool,
    /// The machine's.
    pub events: &'static [EventDescription],
    /// The interrupts that can be bound.
    pub interrupts: &'static [Bindable],
}

const fn event(number: u32, kind: EventKind, priority: Priority) -> EventDescription {
    EventDescription { number: EventNumber(number), kind, priority }
}

const fn bindable(interrupt: u32, priority: Priority) -> Bindable {
    Bindable { interrupt: InterruptId(interrupt), priority }
}

const SHARED: EventDescription = event(0x4000_0001, EventKind::Shared, Priority::Normal);
const OTHER_SHARED: EventDescription = event(0x4000_0002, EventKind::Shared, Priority::Normal);
const SHARED_CRITICAL: EventDescription = event(0x4000_0003, EventKind::Shared, Priority::Critical);
const PRIVATE_CRITICAL: EventDescription = event(0x4000_0004, EventKind::Private, Priority::Critical);
const LINE: Bindable = bindable(40, Priority::Normal);
const CRITICAL_LINE: Bindable = bindable(41, Priority::Critical);

const fn two_cpus(
    name: &'static str,
    event_0: bool,
    events: &'static [EventDescription],
    interrupts: &'static [Bindable],
) -> Configuration {
    Configuration { name, cpus: 2, event_0, events, interrupts }
}

/// With [`LARGE`] all of them, each with every two kinds of event that could concern each other.
pub const CONFIGURATIONS: &[Configuration] = &[
    two_cpus("event 0 and a shared event", true, &[SHARED], &[]),
    two_cpus("event 0 and a shared critical event", true, &[SHARED_CRITICAL], &[]),
    two_cpus("event 0 and an interrupt", true, &[], &[LINE]),
    two_cpus("two shared events", false, &[SHARED, OTHER_SHARED], &[]),
    two_cpus("a shared event and a shared critical one", false, &[SHARED, SHARED_CRITICAL], &[]),
    two_cpus(
        "a private critical event and a critical interrupt",
        false,
        &[PRIVATE_CRITICAL],
        &[CRITICAL_LINE],
    ),
    two_cpus("an interrupt and a critical one", false, &[], &[LINE, CRITICAL_LINE]),
    Configuration {
        name: "a shared event and three CPUs",
        cpus: 3,
        event_0: false,
        events: &[SHARED],
        interrupts: &[],
    },
    Configuration {
        name: "an interrupt and three CPUs",
        cpus: 3,
        event_0: false,
        events: &[],
        interrupts: &[LINE],
    },
];

/// Those with the most states: half of all moves.
pub const LARGE: &[Configuration] = &[
    two_cpus("event 0 and a private critical event", true, &[PRIVATE_CRITICAL], &[]),
    two_cpus("event 0 and a critical interrupt", true, &[], &[CRITICAL_LINE]),
];

/// More than can be explored.
pub const CROWD: Configuration = Configuration {
    name: "every kind of event and three CPUs",
    cpus: 3,
    event_0: true,
    events: &[SHARED, OTHER_SHARED, SHARED_CRITICAL, PRIVATE_CRITICAL],
    interrupts: &[LINE, CRITICAL_LINE],
};

impl Configuration {
    /// The events that the guest uses.
    pub fn numbers(&self) -> impl Iterator<Item = EventNumber> + '_ {
        let software = self.event_0.then_some(EventNumber::SOFTWARE_SIGNALLED);
        let bound = (FIRST_BOUND.0..).map(EventNumber).take(self.interrupts.len());
        software.into_iter().chain(self.events.iter().map(|event| event.number)).chain(bound)
    }
}

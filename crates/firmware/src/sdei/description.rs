//! Which events there are, and what the machine says and hears of them.

use core::fmt;

use switchboard_smccc::{InterruptId, sdei::EventNumber};

use crate::CpuIndex;

/// An event that the machine can raise ([`Sdei::signal`](super::Sdei::signal)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventDescription {
    /// Its number: neither 0, nor with bit 31 set, nor one of [`FIRST_BOUND`] and those after it that interrupts have.
    pub number: EventNumber,
    /// Whether each CPU has its own, or all have one.
    pub kind: EventKind,
    /// Which handlers it interrupts.
    pub priority: Priority,
}

/// Whose an event is (DEN0054, `EV_TYPE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Each CPU registers and enables it, and takes it, for itself.
    Private,
    /// Any CPU registers and enables it, and one takes it.
    Shared,
}

/// Which handlers an event interrupts (DEN0054, `EV_PRIORITY`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Priority {
    /// None.
    Normal,
    /// Those of normal events.
    Critical,
}

/// A shared interrupt that a guest may bind: it comes as an event from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bindable {
    /// 32 to 1019. KVM's interrupt controller never shows the private ones.
    pub interrupt: InterruptId,
    /// The priority of its event.
    pub priority: Priority,
}

/// The number of the event of the first bindable interrupt; the others follow in order. It has bit 30 set, as all numbers
/// have that the specification leaves to the vendor.
pub const FIRST_BOUND: EventNumber = EventNumber(0x6000_0000);

/// The level of an interrupt's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// It asks for nothing.
    Low,
    /// It asks to be handled.
    High,
}

/// Where an interrupt goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destination {
    /// To the guest's interrupt controller.
    InterruptController,
    /// To its event: the interrupt controller sees it low.
    Event,
}

/// What becomes of an event that has been raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signalled {
    /// It will be taken by this CPU, which is to be kicked.
    Kick(CpuIndex),
    /// It waits: the CPU that is to take it is masked, off, or handles another event.
    Waits,
}

/// Why an event cannot be raised. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSignalled {
    /// There is no such event, or it is an interrupt's.
    NoSuchEvent,
    /// The guest has registered no handler for it, on that CPU if it is private.
    NotRegistered,
    /// The guest has registered a handler, and not enabled it.
    NotEnabled,
    /// The machine has no such CPU.
    NoSuchCpu,
}

/// Why there can be no such SDEI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationError {
    /// The machine cannot raise an event with this number.
    Reserved(EventNumber),
    /// Two events have this number.
    Twice(EventNumber),
    /// No shared interrupt has this number.
    NotShared(InterruptId),
    /// This interrupt is bindable twice.
    InterruptTwice(InterruptId),
    /// More interrupts are bindable than `SDEI_FEATURES` can say: 65535.
    TooManyInterrupts,
}

impl fmt::Display for NotSignalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchEvent => "the machine can raise no such event",
            Self::NotRegistered => "the guest has registered no handler for this event",
            Self::NotEnabled => "the guest has not enabled this event",
            Self::NoSuchCpu => "the machine has no such CPU",
        })
    }
}

impl core::error::Error for NotSignalled {}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved(number) => write!(
                f,
                "{number} cannot be the machine's: a number is 1 to 0x7fffffff, and those from {:#x} on are the interrupts'",
                FIRST_BOUND.0
            ),
            Self::Twice(number) => write!(f, "{number} is there twice"),
            Self::NotShared(interrupt) => {
                write!(f, "{interrupt} cannot be bound: shared interrupts are 32 to 1019")
            }
            Self::InterruptTwice(interrupt) => write!(f, "{interrupt} is bindable twice"),
            Self::TooManyInterrupts => f.write_str("at most 65535 interrupts can be bindable"),
        }
    }
}

impl core::error::Error for ConfigurationError {}

//! SDEI 1.1 (Arm DEN0054): events that interrupt a guest whatever it has masked.
//!
//! * [`Sdei`]: the service. The machine raises events with [`Sdei::signal`] and [`Sdei::set_level`], from any thread.
//! * [`EventDescription`], [`Bindable`]: the events there are beside event 0, which software signals.
//! * [`State`]: everything that is kept, to be looked at, saved and restored.
//! * [`support`]: what is implemented, function by function, and where others differ.
//!
//! A CPU takes an event on its own thread, in [`Service::before_entry`](crate::Service::before_entry): whoever makes one
//! pending for it kicks it. [`State`] is a state machine without threads, registers or host, which decides under one lock;
//! `switchboard-sdei-check` explores all that it can do.

mod check;
mod delivery;
mod description;
mod function;
mod handlers;
mod interrupts;
mod pstate;
mod service;
mod state;
mod support;
#[cfg(test)]
mod tests;

pub use check::NotThisState;
pub use description::{
    Bindable, ConfigurationError, Destination, EventDescription, EventKind, FIRST_BOUND, Level, NotSignalled,
    Priority, Signalled,
};
pub use service::Sdei;
pub use state::{
    Active, Binding, Enablement, Event, Handler, Kick, Mask, Origin, Pe, Pending, Registration, Routing,
    State,
};
pub use support::{GENERAL_NOTE, support};
pub use switchboard_smccc::sdei::EventNumber;

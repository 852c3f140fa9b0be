//! A firmware service whose answers come from another process.
//!
//! The other process, the *server*, listens on a Unix stream socket; the monitor connects to it, and asks it about each
//! call of a range of function IDs. Nothing that a server does, or leaves undone, holds up the guest for longer than the
//! timeout of a call, or anything else at all.
//!
//! * [`ServeSpec`]: which function IDs, which socket: the text that people write.
//! * [`External`]: the [`Service`](switchboard_firmware::Service). [`External::link`] has the function that a thread of the
//!   embedder's is to run.
//! * [`server`]: what a server is made of.
//! * [`protocol`]: what the two say, byte by byte. Servers in other languages need no more.
//! * [`Slots`] and [`Exchange`]: the monitor's side without threads and sockets, for other transports and for tests.
//!
//! Deliberately missing: guest memory, and everything else that a [`Host`](switchboard_firmware::Host) lends: a server gets
//! arguments and gives results. More than one server for a range, and starting or restarting servers: that is an init
//! system's work.

#![forbid(unsafe_code)]

mod counts;
mod exchange;
mod link;
pub mod protocol;
pub mod server;
mod service;
mod slots;
mod spec;

pub use counts::Counts;
pub use exchange::{Exchange, MAX_OUTPUT, MAX_UNANSWERED};
pub use link::{ConnectError, FIRST_PAUSE, HANDSHAKE_TIMEOUT, LONGEST_PAUSE, Link, LinkProblem};
pub use service::External;
pub use slots::{Connected, Gone, Posting, Slots};
pub use spec::{ServeSpec, SpecError};

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

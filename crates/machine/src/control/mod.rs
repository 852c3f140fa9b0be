//! The control socket: how a machine is told what to do, from outside and while it runs.
//!
//! * [`protocol`]: what is said, as types.
//! * [`Server`]: the socket, and a thread for each client. What the commands do is its [`Handler`]'s.
//! * [`Client`]: the other end.
//!
//! Whoever may write to the socket may do all of this: its owner, and nobody else.

mod bind;
mod client;
pub mod protocol;
mod request;
mod server;
mod stream;

pub use bind::BindError;
pub use client::Client;
pub use server::{Caller, Handler, MAX_CLIENTS, Server};

//! What the two ends of the lab say to each other.
//!
//! The binary of this package is the `/init` of the emulated host; this library is the part that the other end,
//! `cargo xtask`, shares with it. See [`protocol`].

pub mod protocol;

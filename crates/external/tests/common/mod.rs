//! A machine around the model of KVM, its guest's CPUs, and servers that do what a test says.

#![allow(dead_code, unused_imports, reason = "each file of tests uses its share")]

pub(crate) mod board;
pub(crate) mod peer;

pub(crate) use board::{Board, Guest, Returned};
pub(crate) use peer::{Peer, Place};

/// Adds x1 and x2, where the server does.
pub(crate) const SUM: u64 = 0xc200_0000;
/// Gives x1 to x4 back, where the server does.
pub(crate) const ECHO: u64 = 0xc200_0001;
/// -1 in 64 bits.
pub(crate) const NOT_SUPPORTED: u64 = u64::MAX;

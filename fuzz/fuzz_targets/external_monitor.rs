//! The monitor's side of `switchboard-external`: what a server sends, and when.

#![no_main]

// The same functions that the crate's own tests run over the corpus.
#[path = "../../crates/external/tests/fuzzed/input.rs"]
mod input;
#[path = "../../crates/external/tests/fuzzed/monitor.rs"]
mod monitor;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| monitor::exercise(bytes));

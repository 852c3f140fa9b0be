//! The server's side of `switchboard-external`: what a monitor sends.

#![no_main]

// The same functions that the crate's own tests run over the corpus.
#[path = "../../crates/external/tests/fuzzed/input.rs"]
mod input;
#[path = "../../crates/external/tests/fuzzed/server.rs"]
mod server;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| server::exercise(bytes));

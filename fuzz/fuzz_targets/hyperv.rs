//! Hyper-V's hypercalls: a result for each, and nothing written beside it.

#![no_main]

// The same function that the crate's own tests run over the corpus.
#[path = "../../crates/firmware/tests/fuzzed/hyperv.rs"]
mod hyperv;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hyperv::exercise(bytes);
});

//! SDEI: what a guest calls, what its machine raises, and when, in any order.

#![no_main]

// The same function that the crate's own tests run over random bytes.
#[path = "../../crates/firmware/tests/fuzzed/sdei.rs"]
mod sdei;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    sdei::exercise(bytes);
});

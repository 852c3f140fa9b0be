//! What the fuzzer of SDEI runs, on random bytes: `fuzz/` has the same function.

mod sdei;

/// A byte string of a seed, of up to 1 KiB: SplitMix64, so that a failure can be had again.
fn random(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let length = usize::try_from(next() % 1024).unwrap();
    (0..length).map(|_| next().to_le_bytes()[0]).collect()
}

#[test]
fn sdei_keeps_its_promises_whatever_guest_and_machine_do() {
    let mut taken = 0;
    for seed in 0..1_000 {
        taken += sdei::exercise(&random(seed));
    }
    assert!(taken > 2_000, "events are taken: {taken}");
}

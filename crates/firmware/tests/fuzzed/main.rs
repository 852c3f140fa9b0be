//! What the fuzzers of services run, on their corpus and on random bytes: `fuzz/` has the same functions.

mod hyperv;

use std::{fs, path::Path};

const RANDOM: u64 = 5_000;

/// All that the fuzzer of this name has found interesting.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files = fs::read_dir(folder).unwrap();
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

/// A byte string of a seed, of up to 1 KiB: SplitMix64, so that a failure can be had again.
fn random(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let words = next() % 128;
    (0..words).flat_map(|_| next().to_le_bytes()).collect()
}

#[test]
fn every_hypercall_is_answered_and_nothing_is_written_beside_its_results() {
    let inputs = corpus("hyperv").into_iter().chain((0..RANDOM).map(random));
    let seen = inputs.map(|input| hyperv::exercise(&input)).fold(0, |seen, more| seen | more);
    // The bits of SUCCESS, and of the errors that a guest can make: else the bytes are badly chosen.
    for status in [0, 2, 3, 4, 5, 6, 0xd, 0xe, 0x50] {
        assert_ne!(seen & 1 << status, 0, "no call ended with status {status:#x}");
    }
}

#[test]
fn the_corpus_is_there_and_small() {
    let corpus = corpus("hyperv");
    assert!((10..200).contains(&corpus.len()), "there are {} files", corpus.len());
    assert!(corpus.iter().all(|input| input.len() <= 4096));
}

//! What the fuzzers run, on their corpus and on random bytes: `fuzz/` has the same functions.

mod input;
mod monitor;
mod server;

use std::{fs, path::Path};

/// As many for each of the two.
const RANDOM: u64 = 2_000;

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
fn every_call_is_answered_whatever_a_server_sends() {
    corpus("external_monitor").iter().for_each(|input| monitor::exercise(input));
    (0..RANDOM).for_each(|seed| monitor::exercise(&random(seed)));
}

#[test]
fn a_server_answers_each_request_once_whatever_a_monitor_sends() {
    corpus("external_server").iter().for_each(|input| server::exercise(input));
    (0..RANDOM).for_each(|seed| server::exercise(&random(seed)));
}

#[test]
fn the_corpus_is_there_and_small() {
    for name in ["external_monitor", "external_server"] {
        let corpus = corpus(name);
        assert!((10..200).contains(&corpus.len()), "{name} has {} files", corpus.len());
        assert!(corpus.iter().all(|input| input.len() <= 4096));
    }
}

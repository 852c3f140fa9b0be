//! Each mistake is noticed.

#![allow(missing_docs, reason = "tests")]

use switchboard_sdei_check::{CONFIGURATIONS, MUTANTS, explore, mutant};

fn assert_noticed(which: impl Fn(usize) -> bool) {
    let mut survivors = Vec::new();
    for (place, row) in MUTANTS.iter().enumerate().filter(|(place, _)| which(*place)) {
        // Most mistakes show soon: a few moves in every configuration, before many in any.
        let efforts = [5, 9, 12, usize::MAX];
        let mut tries = efforts.iter().flat_map(|most| CONFIGURATIONS.iter().map(move |it| (most, it)));
        let noticed = tries.find_map(|(most, configuration)| {
            explore(mutant(place), configuration, *most).err().map(|broken| (configuration.name, broken))
        });
        match noticed {
            Some((name, broken)) => {
                println!("{}\n    {name}, {} moves: {}", row.mistake, broken.moves.len(), broken.message);
            }
            None => survivors.push(row.mistake),
        }
    }
    assert!(survivors.is_empty(), "not noticed: {survivors:#?}");
}

#[test]
fn half_of_the_mistakes_are_noticed() {
    assert_noticed(|place| place % 2 == 0);
}

#[test]
fn the_other_half_is_noticed() {
    assert_noticed(|place| place % 2 == 1);
}

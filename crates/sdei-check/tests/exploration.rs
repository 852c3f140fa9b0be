//! Every state of every configuration is as it must be.

#![allow(missing_docs, reason = "tests")]

use std::time::Instant;

use switchboard_sdei_check::{CONFIGURATIONS, CROWD, Explored, explore, original, wander};

/// Those of them, shared among tests so that they run side by side.
fn holds(which: impl Fn(usize) -> bool) {
    for (_, configuration) in CONFIGURATIONS.iter().enumerate().filter(|(place, _)| which(*place)) {
        let start = Instant::now();
        let explored = explore(original(), configuration, usize::MAX);
        let Explored { states, moves, depth } = explored.unwrap_or_else(|broken| {
            panic!("{}: {}\n{:#?}", configuration.name, broken.message, broken.moves)
        });
        println!(
            "{states:8} states, {moves:9} moves, {depth:3} deep, {:.1?}: {}",
            start.elapsed(),
            configuration.name
        );
        assert!(states > 1000, "{}: there is more to it", configuration.name);
    }
}

#[test]
fn every_state_of_half_of_the_configurations_is_as_it_must_be() {
    holds(|place| place % 2 == 0);
}

#[test]
fn every_state_of_the_other_half_is_as_it_must_be() {
    holds(|place| place % 2 == 1);
}

#[test]
fn random_moves_among_all_kinds_of_events_and_three_cpus_lead_nowhere_else() {
    for seed in 0..200 {
        wander(original(), &CROWD, seed, 1000).unwrap_or_else(|broken| {
            panic!("{}, seed {seed}: {}\n{:#?}", CROWD.name, broken.message, broken.moves)
        });
    }
}

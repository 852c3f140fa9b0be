//! Every state of every configuration is as it must be.

#![allow(missing_docs, reason = "tests")]

use std::time::Instant;

use switchboard_sdei_check::{
    CONFIGURATIONS, CROWD, Configuration, Explored, LARGE, explore, original, wander,
};

/// Those of them, shared among tests so that they run side by side.
fn holds<'all>(configurations: impl Iterator<Item = &'all Configuration>) {
    for configuration in configurations {
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
    holds(CONFIGURATIONS.iter().step_by(2));
}

#[test]
fn every_state_of_the_other_half_is_as_it_must_be() {
    holds(CONFIGURATIONS.iter().skip(1).step_by(2));
}

/// As many moves as all others together: `cargo xtask test --long` makes them.
#[test]
fn every_state_of_the_largest_configurations_is_as_it_must_be() {
    if std::env::var_os("SWITCHBOARD_LONG").is_some() {
        holds(LARGE.iter());
    }
}

#[test]
fn random_moves_among_all_kinds_of_events_and_three_cpus_lead_nowhere_else() {
    for seed in 0..200 {
        wander(original(), &CROWD, seed, 1000).unwrap_or_else(|broken| {
            panic!("{}, seed {seed}: {}\n{:#?}", CROWD.name, broken.message, broken.moves)
        });
    }
}

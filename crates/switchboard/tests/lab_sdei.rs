//! SDEI's events, as the bare-metal guest finds them. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::{
    thread,
    time::{Duration, Instant},
};

use common::{Ended, Guest, Half, has_turn, is_long};

const MACHINE: [&str; 4] = ["--cpus", "4", "--sdei", "--fdt"];

/// The number behind `NAME=` in the last line of the guest's that has it.
#[track_caller]
fn figure(ended: &Ended, name: &str) -> u64 {
    let marked = format!(" {name}=");
    let line = ended.output.lines().rev().find_map(|line| line.split_once(&marked));
    let (_, rest) = line.unwrap_or_else(|| panic!("no {name} in:\n{}", ended.output));
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// Every event ends by one of two calls.
fn ends(ended: &Ended, conduit: &str) -> [u64; 2] {
    ["SDEI_EVENT_COMPLETE", "SDEI_EVENT_COMPLETE_AND_RESUME"].map(|name| ended.call(name, conduit, "count"))
}

#[test]
fn events_come_and_go_as_their_specification_says() {
    let ended = Guest::bare("test=sdei conduit=both", &MACHINE).end();
    ended.assert_code(0);
    ended.assert_tap();
    for conduit in ["hvc", "smc"] {
        let [completed, resumed] = ends(&ended, conduit);
        assert!(completed >= 100 && resumed >= 20, "{conduit}: {completed}, {resumed}");
    }
}

/// A storm over one conduit. The guest itself ends one that does not move; so long one may take that does.
fn storm(conduit: &str, events: u64, seed: u64) {
    let line = format!("test=sdei_storm conduit={conduit} events={events} seed={seed}");
    let guest = Guest::bare(&line, &MACHINE);
    let deadline = Instant::now() + Duration::from_millis(50) * u32::try_from(events).unwrap();
    while !guest.has_printed("ok 1 - ") && !guest.has_printed("Bail out!") && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
    }
    let ended = guest.end();
    ended.assert_code(0);
    ended.assert_tap();

    let named = ["events", "completed", "resumed"].map(|name| figure(&ended, name));
    let [all, completed, resumed] = named;
    assert_eq!(all, events);
    assert_eq!(ends(&ended, conduit), [completed, resumed]);
    assert_eq!(completed + resumed, events);
    println!("{events} events over {conduit} in {} ms", figure(&ended, "ms"));
    let figures = ended.output.lines().filter(|line| line.starts_with("# sdei_storm"));
    figures.for_each(|line| println!("{line}"));
}

#[test]
fn of_a_storm_of_events_none_is_lost_and_no_register_changes() {
    let events = if is_long() { 100_000 } else { 2_000 };
    for (conduit, seed, half) in [("hvc", 1234, Half::First), ("smc", 4321, Half::Second)] {
        if has_turn(half) {
            storm(conduit, events, seed);
        }
    }
}

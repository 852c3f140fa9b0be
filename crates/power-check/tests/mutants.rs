//! Each mistake is noticed, by the models of the invariant that it breaks.

#![allow(missing_docs, reason = "tests")]

use switchboard_power_check::{
    Broken, Effort, FLAWS, Invariant, MUTANTS, Subject, explore, models, mutant, original,
};

/// The first model of an invariant that something breaks, and how.
fn noticed(subject: Subject, invariant: Invariant) -> Option<(&'static str, Broken)> {
    models(invariant).find_map(|model| Some((model.name, explore(model, subject, Effort::Usual).err()?)))
}

fn assert_noticed(invariant: Invariant) {
    let mutants = MUTANTS.iter().enumerate().filter(|(_, mutant)| mutant.breaks == invariant);
    let mutants = mutants.map(|(place, row)| (row.mistake.to_owned(), mutant(place)));
    let flaws = FLAWS.iter().filter(|(_, breaks)| *breaks == invariant);
    let flaws = flaws.map(|&(flaw, _)| (format!("{flaw:?}"), original().in_a_monitor_that(flaw)));
    let mut tried = 0;
    let mut survivors = Vec::new();
    for (mistake, subject) in mutants.chain(flaws) {
        tried += 1;
        match noticed(subject, invariant) {
            Some((model, Broken { execution, message })) => {
                let message = message.lines().next().unwrap_or_default();
                println!("{mistake}\n    {model}, execution {execution}: {message}");
            }
            None => survivors.push(mistake),
        }
    }
    assert!(tried > 0, "no mistake says that the models of {invariant:?} notice anything");
    assert!(survivors.is_empty(), "not noticed: {survivors:#?}");
}

#[test]
fn two_winners_are_noticed() {
    assert_noticed(Invariant::OneWinner);
}

#[test]
fn a_mixed_start_is_noticed() {
    assert_noticed(Invariant::WholeStart);
}

#[test]
fn a_lost_wake_up_is_noticed() {
    assert_noticed(Invariant::NoLostWakeUp);
}

#[test]
fn an_off_that_is_none_is_noticed() {
    assert_noticed(Invariant::OffIsOff);
}

#[test]
fn a_suspend_with_others_on_is_noticed() {
    assert_noticed(Invariant::Alone);
}

#[test]
fn a_trace_of_a_claim_is_noticed() {
    assert_noticed(Invariant::DroppedClaim);
}

#[test]
fn a_cpu_that_runs_though_it_was_taken_away_is_noticed() {
    assert_noticed(Invariant::Policy);
}

#[test]
fn a_stop_that_is_none_is_noticed() {
    assert_noticed(Invariant::Stop);
}

#[test]
fn a_hold_on_a_later_life_is_noticed() {
    assert_noticed(Invariant::Generations);
}

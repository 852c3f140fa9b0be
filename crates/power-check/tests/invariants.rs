//! Each invariant holds, in every execution of its models.

#![allow(missing_docs, reason = "tests")]

use switchboard_power_check::{Effort, Invariant, explore, models, original};

fn assert_holds(invariant: Invariant) {
    assert!(models(invariant).count() > 0, "nothing tries to break {invariant:?}");
    for model in models(invariant) {
        let explored = explore(model, original(), Effort::wanted()).unwrap_or_else(|broken| {
            panic!("{}, execution {}: {}", model.name, broken.execution, broken.message)
        });
        let bound = explored.preemptions.map_or("all".to_owned(), |most| format!("up to {most} preemptions"));
        println!("{:8} executions ({bound}), {:.1?}: {}", explored.executions, explored.time, model.name);
    }
}

#[test]
fn of_racing_calls_of_cpu_on_exactly_one_succeeds() {
    assert_holds(Invariant::OneWinner);
}

#[test]
fn the_start_that_is_taken_is_the_winners_and_whole() {
    assert_holds(Invariant::WholeStart);
}

#[test]
fn after_a_cpu_on_that_succeeded_the_target_runs() {
    assert_holds(Invariant::NoLostWakeUp);
}

#[test]
fn affinity_info_never_says_off_of_what_can_still_execute() {
    assert_holds(Invariant::OffIsOff);
}

#[test]
fn system_suspend_succeeds_if_and_only_if_all_others_are_off() {
    assert_holds(Invariant::Alone);
}

#[test]
fn a_claim_that_is_dropped_leaves_no_trace() {
    assert_holds(Invariant::DroppedClaim);
}

#[test]
fn a_cpu_that_is_taken_away_is_off_and_cannot_be_started() {
    assert_holds(Invariant::Policy);
}

#[test]
fn nobody_runs_after_a_stop_and_a_new_life_begins_as_the_first_did() {
    assert_holds(Invariant::Stop);
}

#[test]
fn a_start_that_was_handed_over_has_no_hold_on_later_lives() {
    assert_holds(Invariant::Generations);
}

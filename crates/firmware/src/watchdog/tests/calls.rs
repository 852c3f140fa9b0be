//! The five commands, and what is declared.

use std::{boxed::Box, vec};

use switchboard_filter::Action;
use switchboard_smccc::{Conduit, FunctionId};

use super::*;
use crate::{Call, CpuIndex, Firmware, testing::ScriptedRegisters};

#[test]
fn init_is_the_shortest_and_the_longest_timeout_and_takes_one_register_and_three_writes() {
    let answer = Machine::new().call(INIT, 0);
    let expected = Results::of(SUCCESS).with(Register::X1, 1).with(Register::X2, 3600);
    assert_eq!(answer.outcome, Outcome::Return(expected));
    assert_eq!(answer.reads, [Register::X1]);
    assert_eq!(answer.writes, [(Register::X0, SUCCESS), (Register::X1, 1), (Register::X2, 3600)]);
}

#[test]
fn init_leaves_a_watchdog_that_runs_alone() {
    let machine = Machine::running(10);
    machine.set_clock(105);
    machine.call(INIT, 0);
    assert_eq!(machine.expired(105), Expiry::At(Duration::from_secs(110)));
}

#[test]
fn set_timeout_takes_two_registers_and_one_write_and_starts_nothing() {
    let machine = Machine::new();
    let answer = machine.call(SET_TIMEOUT, 30);
    assert_eq!(answer.outcome, returns(SUCCESS));
    assert_eq!(answer.reads, [Register::X1, Register::X2]);
    assert_eq!(answer.writes, [(Register::X0, SUCCESS)]);
    assert_eq!(machine.expired(1_000_000), Expiry::Never);
    assert_eq!(machine.call(ENABLE, 1).outcome, success_until(130));
}

#[test]
fn set_timeout_of_a_watchdog_that_runs_counts_from_now_on() {
    let machine = Machine::running(30);
    machine.set_clock(110);
    assert_eq!(machine.call(SET_TIMEOUT, 5).outcome, success_until(115));
    assert_eq!(machine.call(SET_TIMEOUT, 3600).outcome, success_until(3710));
}

#[test]
fn set_timeout_outside_1_to_3600_is_invalid_parameters_and_changes_nothing() {
    let machine = Machine::running(30);
    machine.set_clock(110);
    for seconds in [0, 3601, 0x1_0001, 0x8000_0000, 0xffff_ffff] {
        assert_eq!(machine.call(SET_TIMEOUT, seconds).outcome, returns(INVALID_PARAMETERS), "{seconds:#x}");
    }
    assert_eq!(machine.expired(110), Expiry::At(Duration::from_secs(130)));
    assert_eq!(machine.call(SET_TIMEOUT, 1).outcome, success_until(111));
    assert_eq!(machine.call(SET_TIMEOUT, 3600).outcome, success_until(3710));
}

#[test]
fn enable_1_starts_it_with_the_longest_timeout_if_none_was_set_and_takes_two_registers() {
    let answer = Machine::new().call(ENABLE, 1);
    assert_eq!(answer.outcome, success_until(3700));
    assert_eq!(answer.reads, [Register::X1, Register::X2]);
    assert_eq!(answer.writes, [(Register::X0, SUCCESS)]);
}

#[test]
fn enable_1_of_a_watchdog_that_runs_pets_it() {
    let machine = Machine::running(10);
    machine.set_clock(105);
    assert_eq!(machine.call(ENABLE, 1).outcome, success_until(115));
}

#[test]
fn enable_0_stops_it_and_once_more_is_success() {
    let machine = Machine::running(10);
    for _ in 0..2 {
        assert_eq!(machine.call(ENABLE, 0).outcome, returns(SUCCESS));
        assert_eq!(machine.expired(1_000_000), Expiry::Never);
    }
    assert_eq!(machine.call(ENABLE, 1).outcome, success_until(110), "the timeout is kept");
}

#[test]
fn enable_of_any_other_number_is_invalid_parameters_and_changes_nothing() {
    for machine in [Machine::new(), Machine::running(10)] {
        let before = machine.expired(100);
        for number in [2, 3, 0x8000_0001, 0xffff_ffff] {
            assert_eq!(machine.call(ENABLE, number).outcome, returns(INVALID_PARAMETERS), "{number:#x}");
        }
        assert_eq!(machine.expired(100), before);
    }
}

#[test]
fn pet_begins_the_time_anew_and_takes_one_register_and_one_write() {
    let machine = Machine::running(10);
    machine.set_clock(109);
    let answer = machine.call(PET, 0);
    assert_eq!(answer.outcome, success_until(119));
    assert_eq!(answer.reads, [Register::X1]);
    assert_eq!(answer.writes, [(Register::X0, SUCCESS)]);
}

#[test]
fn pet_of_a_watchdog_that_does_not_run_is_disabled_and_starts_nothing() {
    let machine = Machine::new();
    assert_eq!(machine.call(PET, 0).outcome, returns(DISABLED));
    assert_eq!(machine.expired(1_000_000), Expiry::Never);
}

#[test]
fn get_timeleft_is_the_time_left_rounded_up_and_takes_one_register_and_two_writes() {
    let machine = Machine::running(10);
    let answer = machine.call(GET_TIMELEFT, 0);
    assert_eq!(answer.outcome, Outcome::Return(Results::of(SUCCESS).with(Register::X1, 10)));
    assert_eq!(answer.reads, [Register::X1]);
    assert_eq!(answer.writes, [(Register::X0, SUCCESS), (Register::X1, 10)]);
    let left = |milliseconds| {
        machine.clock.0.set(Some(Duration::from_millis(milliseconds)));
        machine.call(GET_TIMELEFT, 0).outcome.results().unwrap()
    };
    for (milliseconds, seconds) in
        [(100_001, 10), (101_000, 9), (109_000, 1), (109_999, 1), (110_000, 1), (200_000, 1)]
    {
        assert_eq!(left(milliseconds), Results::of(SUCCESS).with(Register::X1, seconds), "{milliseconds}");
    }
}

#[test]
fn get_timeleft_of_a_watchdog_that_does_not_run_is_disabled() {
    assert_eq!(Machine::new().call(GET_TIMELEFT, 0).outcome, returns(DISABLED));
}

#[test]
fn any_other_command_is_not_supported() {
    for command in [5, 6, 0x8000_0000, 0xffff_ffff] {
        assert_eq!(Machine::running(10).call(command, 0).outcome, returns(NOT_SUPPORTED), "{command:#x}");
    }
}

#[test]
fn command_and_argument_are_w_registers() {
    let machine = Machine::new();
    assert_eq!(machine.call(DIRTY | SET_TIMEOUT, DIRTY | 30).outcome, returns(SUCCESS));
    assert_eq!(machine.call(DIRTY | ENABLE, DIRTY | 1).outcome, success_until(130));
    assert_eq!(machine.call(DIRTY | ENABLE, DIRTY).outcome, returns(SUCCESS));
    assert_eq!(machine.expired(1_000_000), Expiry::Never);
}

#[test]
fn without_a_clock_every_command_is_not_supported_and_reads_nothing() {
    let machine = Machine::new();
    machine.clock.0.set(None);
    for command in 0..=5 {
        let answer = machine.call(command, 1);
        assert_eq!(answer.outcome, returns(NOT_SUPPORTED), "{command}");
        assert!(answer.reads.is_empty());
    }
}

#[test]
fn the_one_function_is_forwarded_and_answered_over_smc_alone() {
    for (watchdog, function) in [
        (Watchdog::new(Bite::Off), 0x8200_3d06),
        (Watchdog::with_function(FunctionId(0xb200_5a5a), Bite::Off), 0xb200_5a5a),
    ] {
        let firmware = Firmware::new(vec![Box::new(watchdog)]).unwrap();
        let init = |id, conduit| {
            let mut registers = ScriptedRegisters::default();
            let mut call = Call::new(FunctionId(id), conduit, CpuIndex(0), &mut registers);
            firmware.answer(&mut call, &Machine::new().clock).results().unwrap().x0()
        };
        assert_eq!(init(function, Conduit::Smc), SUCCESS);
        assert_eq!(init(function | 0x1_0000, Conduit::Smc), SUCCESS, "with the SVE hint");
        assert_eq!(init(function, Conduit::Hvc), NOT_SUPPORTED);
        assert_eq!(init(function ^ 0x4000_0000, Conduit::Smc), NOT_SUPPORTED, "the other width");
        assert_eq!(firmware.filter().action(FunctionId(function)), Action::Forward);
        for other in [function - 1, function + 1, function ^ 0x4000_0000] {
            assert_eq!(firmware.filter().action(FunctionId(other)), Action::Handle, "{other:#x}");
        }
    }
}

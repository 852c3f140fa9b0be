//! `external`: calls that another process answers, `calls` times: a sum and an echo in turn.
//!
//! With `expect=failure` nobody answers any more: -1, and all other registers as they were.

use crate::{
    console::println,
    cpu,
    machine::Machine,
    random::Random,
    services,
    smccc::{Conduit, EACH_ONCE, NOT_SUPPORTED, Registers},
    tap::Report,
};

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let calls = machine.args.number("calls", 10_000);
    let fails = match machine.args.value("expect") {
        None | Some("success") => false,
        Some("failure") => true,
        Some(name) => {
            report.check(false, format_args!("there is no expect={name}"));
            return;
        }
    };
    let mut random = Random::new(machine.args.number("seed", 1234));
    let (mut worst, mut total) = (0, 0);
    for number in 0..calls {
        let function = if number % 2 == 0 { services::EXTERNAL_SUM } else { services::EXTERNAL_ECHO };
        let before = Registers::random(random.dirty(function), &mut random);
        let start = cpu::ticks();
        let after = conduit.call(before);
        let ticks = cpu::ticks() - start;
        worst = worst.max(ticks);
        total += ticks;
        let is_right = !after.undefined
            && after.executed == EACH_ONCE
            && match function {
                _ if fails => is_refused(before, after.registers),
                services::EXTERNAL_SUM => is_sum(before, after.registers),
                _ => is_echo(before, after.registers),
            };
        if !report.check(is_right, format_args!("call {number}, of {function:#x}: {after}")) && !fails {
            let missing = after.undefined || after.registers.0[0] == NOT_SUPPORTED;
            report.check(!missing, format_args!("{function:#x} is NOT_SUPPORTED over {}", conduit.name()));
            break;
        }
    }
    println!("# external worst_ticks={worst} total_ticks={total}");
}

fn is_refused(before: Registers, after: Registers) -> bool {
    after.0[0] == NOT_SUPPORTED && after.0[1..] == before.0[1..]
}

fn is_sum(before: Registers, after: Registers) -> bool {
    let (sent, got) = (before.0, after.0);
    got[0] == sent[1].wrapping_add(sent[2]) && got[4..] == sent[4..]
}

/// The arguments are where they were, and x0 says so; or they are the results, from x0 on.
fn is_echo(before: Registers, after: Registers) -> bool {
    let (sent, got) = (before.0, after.0);
    let in_place = got[0] == services::SUCCESS && got[1..=4] == sent[1..=4];
    let from_x0 = got[0..4] == sent[1..=4];
    (in_place || from_x0) && got[5..] == sent[5..]
}

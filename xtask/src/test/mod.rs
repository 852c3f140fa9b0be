//! `cargo xtask test`: the checks, the tests on this machine, the tests on arm64 hosts.

mod again;
mod checks;
mod libtest;
mod on_hosts;
mod summary;

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::cli::{State, TestArguments};
use crate::conform::{self, Programs, Speed};
use crate::lab::Lab;
use crate::setup::toolchain::CrossToolchain;
use crate::trouble;

use self::again::Attempt;
use self::on_hosts::{Length, Prepared, Selection};
use self::summary::Summary;

/// Runs everything, whatever fails on the way; returns 1 if anything did.
pub(crate) fn command(arguments: &TestArguments) -> Result<u8> {
    let toolchain = CrossToolchain::get()?;
    let length = if arguments.long { Length::Long } else { Length::Usual };
    let selection = Selection { filter: arguments.filter.as_deref(), length };
    let mut summary = Summary::default();
    let prepared = on_this_machine(&toolchain, arguments, selection, &mut summary)?;
    if let Some(prepared) = prepared {
        on_hosts::run(prepared, &arguments.host_kernel, arguments.place, selection, &mut summary)?;
        if selection.filter.is_none_or(|filter| "conform".contains(filter)) {
            conform(&toolchain, arguments, &mut summary)?;
        }
    }
    println!("{summary}");
    Ok(u8::from(summary.failed() > 0))
}

/// What arm64 hosts need, or why it cannot be had; nothing, if no test is to run on one.
type ForHosts = Option<Result<Option<Prepared>>>;

/// The checks and the tests on this machine. What arm64 hosts need is built meanwhile: neither build keeps two CPUs busy
/// from its beginning to its end. No test runs while anything is built, because some are about time.
fn on_this_machine(
    toolchain: &CrossToolchain,
    arguments: &TestArguments,
    selection: Selection<'_>,
    summary: &mut Summary,
) -> Result<ForHosts> {
    let (built, prepared) = thread::scope(|scope| {
        let prepared = (!arguments.host_only).then(|| scope.spawn(|| on_hosts::prepare(toolchain)));
        let checks = if selection.filter.is_none() { checks::run(toolchain, summary) } else { Ok(()) };
        let built = checks.and_then(|()| checks::build(summary));
        (built, prepared.map(|prepared| prepared.join().expect("a build does not panic")))
    });
    if built? {
        checks::tests(selection, summary)?;
    }
    Ok(prepared)
}

/// The seeds of CI, and how many programs of each kind.
const CONFORM: [(&str, Programs); 2] = [
    ("conform, AArch64", Programs { count: 2000, first: 0, seed: 1, state: State::Aarch64, jobs: 8 }),
    ("conform, AArch32", Programs { count: 300, first: 0, seed: 2, state: State::Aarch32, jobs: 8 }),
];

/// A campaign that hangs must not hang its caller.
const CONFORM_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// The model against KVM, in short: `cargo xtask conform` does it at length.
fn conform(toolchain: &CrossToolchain, arguments: &TestArguments, summary: &mut Summary) -> Result<()> {
    for (name, lab) in conform::hosts(&arguments.host_kernel, arguments.place) {
        let native = lab.is_native()?;
        for (what, programs) in CONFORM {
            if native && programs.state == State::Aarch32 {
                eprintln!(
                    "test: not every arm64 host has AArch32 at EL1: `cargo xtask conform --state aarch32`"
                );
                continue;
            }
            eprintln!("test: {what} on the {name}");
            let lab = Lab { timeout: Some(CONFORM_TIMEOUT), silence: Some(again::SILENCE), ..lab.clone() };
            let attempt = again::unless_frozen_twice(&name, summary, || {
                let end = conform::on_host(toolchain, lab.clone(), programs, Speed::Usual);
                // A difference ends the campaign.
                Ok(Attempt { result: (), end, has_failure: false })
            })?;
            if let Err(error) = &attempt.end {
                eprintln!("{}", trouble::describe(error));
            }
            summary.add_check(&name, what, matches!(attempt.end, Ok(0)));
        }
        if native {
            break;
        }
    }
    Ok(())
}

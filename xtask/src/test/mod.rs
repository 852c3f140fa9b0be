//! `cargo xtask test`: the checks, the tests on this machine, the tests on arm64 hosts.

mod checks;
mod libtest;
mod on_hosts;
mod summary;

use anyhow::Result;

use crate::cli::TestArguments;
use crate::setup::toolchain::CrossToolchain;

use self::summary::Summary;

/// Runs everything, whatever fails on the way; returns 1 if anything did.
pub(crate) fn command(arguments: &TestArguments) -> Result<u8> {
    let toolchain = CrossToolchain::get()?;
    let filter = arguments.filter.as_deref();
    let mut summary = Summary::default();
    if filter.is_none() {
        checks::run(&toolchain, &mut summary)?;
    }
    checks::tests(filter, &mut summary)?;
    if !arguments.host_only {
        on_hosts::run(&toolchain, &arguments.host_kernel, arguments.place, filter, &mut summary)?;
    }
    println!("{summary}");
    Ok(u8::from(summary.failed() > 0))
}

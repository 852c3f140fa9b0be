//! What runs on this machine: format, lints, tests.

use std::io::{BufRead, BufReader, stdout};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::libtest::Counts;
use super::on_hosts::{Length, Selection};
use super::summary::Summary;
use crate::setup::toolchain::{self, CrossToolchain};
use crate::workspace;

/// The name of this machine in the summary.
pub(crate) const HERE: &str = "this machine";

/// The libraries that need no operating system.
const BARE_METAL: [&str; 5] = [
    "switchboard-smccc",
    "switchboard-cases",
    "switchboard-filter",
    "switchboard-hyp",
    "switchboard-firmware",
];

/// Format and lints.
pub(crate) fn run(toolchain: &CrossToolchain, summary: &mut Summary) -> Result<()> {
    let mut check = |what: &str, command: &mut Command| -> Result<()> {
        eprintln!("test: {what}");
        let status = command.stdin(Stdio::null()).status().context("running cargo")?;
        summary.add_check(HERE, what, status.success());
        Ok(())
    };
    check("format", workspace::cargo().args(["fmt", "--all", "--check"]))?;
    let guests = workspace::root().join("guests");
    check(
        "format of the bare-metal guest",
        workspace::cargo().current_dir(&guests).args(["fmt", "--check"]),
    )?;
    let lints = ["clippy", "--quiet", "--workspace", "--all-targets"];
    let strict = ["--", "-D", "warnings"];
    check("lints", workspace::cargo().args(lints).args(strict))?;
    if toolchain.has_clippy {
        check(
            "lints for arm64",
            toolchain.cargo().args(lints).args(["--target", toolchain.target]).args(strict),
        )?;
        let target = toolchain::bare_metal(toolchain)?;
        check(
            "lints of the libraries for bare metal",
            toolchain
                .cargo()
                .args(["clippy", "--quiet", "--target", target])
                .args(BARE_METAL.iter().flat_map(|package| ["--package", package]))
                .args(strict),
        )?;
        check(
            "lints of the bare-metal guest",
            toolchain
                .cargo()
                .current_dir(&guests)
                .args(["clippy", "--quiet", "--release", "--target", target])
                .args(strict),
        )?;
    } else {
        eprintln!("test: no lints for arm64: Debian's compiler comes without them");
    }
    Ok(())
}

/// Builds the tests of the workspace, and says whether that succeeded.
pub(crate) fn build(summary: &mut Summary) -> Result<bool> {
    eprintln!("test: building for this machine");
    let mut command = workspace::cargo();
    command.args(["test", "--workspace", "--no-run", "--quiet"]);
    let built = command.stdin(Stdio::null()).status().context("running cargo")?.success();
    if !built {
        summary.add_check(HERE, "tests", false);
    }
    Ok(built)
}

/// The tests of the workspace.
pub(crate) fn tests(selection: Selection<'_>, summary: &mut Summary) -> Result<()> {
    eprintln!("test: tests on this machine");
    let mut command = workspace::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]).args(selection.filter);
    if selection.length == Length::Long {
        command.env("SWITCHBOARD_LONG", "1");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("running cargo")?;
    let mut counts = Counts::default();
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).split(b'\n')) {
        let mut line = line?;
        counts.add(Counts::parse(&String::from_utf8_lossy(&line)).unwrap_or_default());
        line.push(b'\n');
        std::io::Write::write_all(&mut stdout(), &line)?;
    }
    // Without a failed test there is something else: it did not build, or a program crashed.
    if !child.wait()?.success() && counts.failed == 0 {
        counts.add(Counts::FAILED);
    }
    summary.add(HERE, "tests", counts);
    Ok(())
}

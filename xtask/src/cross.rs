//! Builds for arm64.

use std::io::{BufRead, BufReader, IsTerminal};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::guests;
use crate::setup::toolchain::CrossToolchain;
use crate::trouble::Trouble;

/// One line of `cargo build --message-format=json`, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// A program that cargo has built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The name of its target.
    pub(crate) name: String,
    /// The target's kind: `bin`, `test`, ...
    pub(crate) kind: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// `cargo xtask build`.
pub(crate) fn command() -> Result<()> {
    let toolchain = CrossToolchain::get()?;
    println!("{}", switchboard(&toolchain)?.display());
    println!("{}", lab_init(&toolchain)?.display());
    println!("{}", lab_probe(&toolchain)?.display());
    if let Some(image) = guests::build_in_place(&toolchain)? {
        println!("{}", image.display());
    }
    Ok(())
}

/// Builds the command line for arm64.
pub(crate) fn switchboard(toolchain: &CrossToolchain) -> Result<PathBuf> {
    binary(toolchain, "switchboard", &[])
}

/// Builds the tester of the model for arm64.
pub(crate) fn conform(toolchain: &CrossToolchain) -> Result<PathBuf> {
    binary(toolchain, "switchboard-conform", &[])
}

/// Builds the lab's init.
pub(crate) fn lab_init(toolchain: &CrossToolchain) -> Result<PathBuf> {
    // Quietly: it is small, nearly always fresh, and no business of a person who runs something else in the lab.
    binary(toolchain, "switchboard-lab-init", &["--quiet"])
}

/// Builds what a Linux guest of the lab looks at its services with.
pub(crate) fn lab_probe(toolchain: &CrossToolchain) -> Result<PathBuf> {
    // As quietly, and for the same reason.
    binary(toolchain, "switchboard-lab-probe", &["--quiet"])
}

fn binary(toolchain: &CrossToolchain, package: &str, options: &[&str]) -> Result<PathBuf> {
    let mut command = toolchain.cargo();
    command.args([
        "build",
        "--release",
        "--target",
        toolchain.target,
        "--package",
        package,
        "--bin",
        package,
    ]);
    command.args(options);
    let programs = programs(&mut command).with_context(|| format!("building {package} for arm64"))?;
    let program = programs.into_iter().find(|program| program.kind == "bin");
    program.map(|program| program.path).with_context(|| format!("{package} has no program"))
}

/// Runs a cargo command and returns the programs it built, or found to be fresh.
pub(crate) fn programs(command: &mut Command) -> Result<Vec<Program>> {
    command.arg("--message-format=json-render-diagnostics").stdin(Stdio::null()).stdout(Stdio::piped());
    // Cargo's own progress is worth showing to a person who waits; its list of crates is worth nothing in a log.
    let quiet = command.get_args().any(|argument| argument == "--quiet");
    if !quiet && !std::io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    let mut child = command.spawn().map_err(|error| Trouble::new(format!("cargo cannot be run: {error}")))?;
    let mut programs = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        programs.extend(parse(&line?));
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), Trouble::new(format!("cargo failed: {status}")));
    Ok(programs)
}

fn parse(line: &str) -> Option<Program> {
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target?;
    Some(Program { name: target.name, kind: target.kind.into_iter().next()?, path: message.executable? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_with_an_executable_are_programs() {
        let built = r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"lab_kvm"},"executable":"/t/lab_kvm-1"}"#;
        let expected = Program { name: "lab_kvm".into(), kind: "test".into(), path: "/t/lab_kvm-1".into() };
        assert_eq!(parse(built), Some(expected));
        let library =
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"x"},"executable":null}"#;
        assert_eq!(parse(library), None);
        assert_eq!(parse(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(parse("Compiling"), None);
    }
}

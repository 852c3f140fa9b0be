//! Where things are: the workspace, its cache, its build folder.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::trouble::Trouble;

/// Moves the cache.
pub(crate) const CACHE_VARIABLE: &str = "SWITCHBOARD_CACHE";

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable for what it runs; the fallback serves a program that was started by hand.
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or_else(|| package.clone(), PathBuf::from)
}

/// The folder for everything that is fetched.
pub(crate) fn cache() -> Result<PathBuf> {
    match std::env::var_os(CACHE_VARIABLE).filter(|value| !value.is_empty()) {
        Some(folder) => {
            std::path::absolute(&folder).with_context(|| format!("{CACHE_VARIABLE}={}", folder.display()))
        }
        None => Ok(root().join(".cache")),
    }
}

/// Cargo, at the workspace's root.
pub(crate) fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(root());
    command
}

/// Whether a program of this name is on the search path.
pub(crate) fn has_program(name: &str) -> bool {
    find_program(name).is_some()
}

/// Where a program of this name is on the search path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Runs a program to its end; anything but success is an error that names it.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command.get_program(), &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Trouble::new(format!("`{}` failed: {status}", line(command))).into())
}

/// Runs a program to its end and returns its standard output; its complaints become part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|error| not_started(command.get_program(), &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "\n    ");
    Err(Trouble::new(format!("`{}` failed: {}\n    {complaint}", line(command), output.status)).into())
}

fn not_started(program: &OsStr, error: &std::io::Error) -> Trouble {
    Trouble::new(format!("`{}` cannot be run: {error}", program.display()))
}

/// The command as one line, with the noise left out that options for a private state are.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> =
        words.map(|word| word.to_string_lossy()).filter(|word| !word.starts_with("-oDir::")).collect();
    words.join(" ")
}

//! `switchboard completions` and `switchboard man`: made of the arguments.

use std::{io, path::Path};

use clap::CommandFactory;

use crate::{cli::Cli, exit::Status, failure::Failure, policy};

/// Prints the completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Status, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "switchboard", &mut text);
    policy::print_text(&String::from_utf8_lossy(&text))
}

/// Writes a page for each command.
pub(crate) fn man(folder: &Path) -> Result<Status, Failure> {
    let write = || -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(Cli::command(), folder)
    };
    write()
        .map_err(|error| Failure::host(&format!("writing manual pages to {}", folder.display()), &error))?;
    Ok(Status::Success)
}

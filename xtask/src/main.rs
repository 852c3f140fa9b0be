//! The project's own commands, as `cargo xtask COMMAND`: the lab, a guest in it, the tests, the comparison with KVM.
//!
//! Standard output carries data - that of the command in the lab, of the guest, of the tests - and nothing else; whatever
//! these commands have to say goes to standard error.

mod archive;
mod cli;
mod conform;
mod cross;
mod elf;
mod guarded;
mod guest;
mod guests;
mod lab;
mod run;
mod setup;
mod test;
mod trouble;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == guarded::ARGUMENT) {
        eprintln!("error: starting a child: {}", guarded::become_program(arguments));
        return ExitCode::from(trouble::FAILED);
    }
    match dispatch(Cli::parse().command) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("{}", trouble::describe(&error));
            ExitCode::from(trouble::FAILED)
        }
    }
}

fn dispatch(command: Command) -> Result<u8> {
    match command {
        Command::Lab(arguments) => lab::command(arguments),
        Command::Run(arguments) => run::command(arguments),
        Command::Conform(arguments) => conform::command(&arguments),
        Command::Test(arguments) => test::command(&arguments),
        Command::Setup => setup::everything().map(|()| 0),
        Command::Build => cross::command().map(|()| 0),
    }
}

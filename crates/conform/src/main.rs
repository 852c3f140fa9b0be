//! `switchboard-conform`: runs a campaign.
//!
//! Standard output: differences, and at the end the counts. Exit status: 0 if there is no difference, 1 if there is
//! one, 2 for a wrong command line, 10 if KVM cannot be used or the tester failed.

use std::process::ExitCode;

use clap::Parser;

mod command;

/// Every program makes a VM of the model, whose tables are large.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    match command::run(&command::Arguments::parse()) {
        Ok(command::Outcome::Equal) => ExitCode::SUCCESS,
        Ok(command::Outcome::Different) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(10)
        }
    }
}

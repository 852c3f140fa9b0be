//! The command line of Switchboard.
//!
//! `run` boots a guest whose firmware calls are answered in userspace; `ctl` tells a machine that runs what to do; `host`
//! says what this host's KVM offers; `policy`, `explain` and `names` are about what a guest may call.
//! Standard output is data (the guest's console, the report that was asked for), standard error is talk.
//!
//! Deliberately thin: what the commands do is in the libraries.

mod cli;
mod ctl;
mod exit;
mod explain;
mod failure;
mod generated;
mod host;
mod listing;
mod log;
mod names;
mod policy;
mod report;
mod run;
mod signals;
mod table;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

fn main() -> exit::Status {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Ctl(arguments) => ctl::ctl(&arguments),
        Command::Host(arguments) => host::host(&arguments),
        Command::Policy(command) => policy::policy(&command),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Names(arguments) => names::names(&arguments),
        Command::Completions { shell } => generated::completions(shell),
        Command::Man { folder } => generated::man(&folder),
    };
    result.unwrap_or_else(Failure::report)
}

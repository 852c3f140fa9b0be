//! `switchboard ctl`.

mod changes;
mod ost;
mod text;

use std::{io, path::Path};

use serde::Serialize;
use switchboard_machine::control::{
    Client,
    protocol::{ChangeReport, Command, Problem, Reply},
};

use crate::{
    cli::{CpusCommand, CtlArguments, CtlCommand, Wait},
    exit::Status,
    failure::Failure,
    report,
};

/// Asks a machine, and says what it answers.
pub(crate) fn ctl(arguments: &CtlArguments) -> Result<Status, Failure> {
    let mut client =
        Client::connect(&arguments.socket).map_err(|error| cannot_connect(&arguments.socket, &error))?;
    let answer = client
        .request(command(arguments.command))
        .map_err(|error| Failure::host("asking the machine", &error))?;
    match &answer {
        Ok(reply) if arguments.json => print_json(reply)?,
        Err(problem) if arguments.json => print_json(problem)?,
        Ok(reply) => print(&text::describe(reply))?,
        Err(_) => {}
    }
    match answer {
        Ok(Reply::Changes { changes }) => Ok(report_changes(&changes)),
        Ok(Reply::Nmi { cpu: None }) => Err(Failure::new(
            Status::NotInTime,
            "no CPU has taken the NMI yet: each that may has its events masked, is off or handles another one"
                .to_owned(),
            Some("it is taken as soon as one can; `--cpu ID` names another one".to_owned()),
        )),
        Ok(_) => Ok(Status::Success),
        Err(Problem { message, hint, .. }) => Err(Failure::new(Status::CannotBeDone, message, hint)),
    }
}

fn command(command: CtlCommand) -> Command {
    match command {
        CtlCommand::Status => Command::Status,
        CtlCommand::Cpus(CpusCommand::List) => Command::Cpus,
        CtlCommand::Cpus(CpusCommand::Set { count, wait }) => {
            Command::SetCpus { count, wait: milliseconds(wait) }
        }
        CtlCommand::Cpus(CpusCommand::Add { id, wait }) => {
            Command::AddCpu { cpu: id, wait: milliseconds(wait) }
        }
        CtlCommand::Cpus(CpusCommand::Remove { id, wait }) => {
            Command::RemoveCpu { cpu: id, wait: milliseconds(wait) }
        }
        CtlCommand::PowerButton => Command::PowerButton,
        CtlCommand::Nmi { cpu } => Command::Nmi { cpu },
        CtlCommand::Reset => Command::Reset,
        CtlCommand::Stop => Command::Stop,
        CtlCommand::Pause => Command::Pause,
        CtlCommand::Resume => Command::Resume,
        CtlCommand::Wake => Command::Wake,
    }
}

fn milliseconds(wait: Wait) -> Option<u64> {
    wait.seconds.map(|seconds| u64::from(seconds) * 1000)
}

fn cannot_connect(socket: &Path, error: &io::Error) -> Failure {
    let socket = socket.display();
    let (message, hint) = match error.kind() {
        io::ErrorKind::NotFound => (
            format!("nobody listens on {socket}: there is no such file"),
            "start the machine with `switchboard run --control FILE`, and name the same file here",
        ),
        io::ErrorKind::ConnectionRefused => (
            format!("nobody listens on {socket}"),
            "the machine that did has ended, or it is no control socket",
        ),
        io::ErrorKind::PermissionDenied => (
            format!("{socket} cannot be connected to: {error}"),
            "a machine listens to the user who runs it, and to root",
        ),
        _ => (
            format!("{socket} cannot be connected to: {error}"),
            "name the file that `switchboard run` was given with `--control`",
        ),
    };
    Failure::new(Status::NobodyListens, message, Some(hint.to_owned()))
}

/// Says of each CPU what has gone wrong with it. The worst decides the status.
fn report_changes(changes: &[ChangeReport]) -> Status {
    let statuses = changes.iter().filter_map(changes::failure).map(Failure::report);
    statuses.min_by_key(|status| status.code()).unwrap_or(Status::Success)
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&report::json(value))
}

fn print(text: &str) -> Result<(), Failure> {
    report::print(io::stdout().lock(), text).map_err(|error| Failure::host("printing the answer", &error))
}

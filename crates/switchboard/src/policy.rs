//! `switchboard policy`, and what other commands need of policies.

mod probe;

use std::{
    fmt::Display,
    fs,
    io::{self, IsTerminal, Read},
};

use serde::Serialize;
use switchboard_machine::{Denials, Error, PsciVersion, offered};
use switchboard_policy::{
    Code, Colour, Level, MAX_SIZE, Policy, Services, Source, diff, groups, schema, shipped,
};

use crate::{
    cli::{CheckArguments, Offered, OnePolicy, PolicyCommand, TwoPolicies},
    exit::Status,
    failure::Failure,
    report,
};

/// Does what is asked about policies.
pub(crate) fn policy(command: &PolicyCommand) -> Result<Status, Failure> {
    match command {
        PolicyCommand::Check(arguments) => check(arguments),
        PolicyCommand::Show(arguments) => {
            let policy = read_one(arguments)?;
            print(&policy.table(), arguments.offered.output.json)
        }
        PolicyCommand::Diff(arguments) => compare(arguments),
        PolicyCommand::List(output) => list(output.json),
        PolicyCommand::Groups(arguments) => {
            let groups = groups(&services(arguments)?);
            if arguments.output.json {
                return print_text(&report::json(&groups));
            }
            let line = |group: &switchboard_policy::GroupView| format!("{:<18}{}\n", group.name, group.about);
            print_text(&groups.iter().map(line).collect::<String>())
        }
        PolicyCommand::Codes(output) => codes(output.json),
        PolicyCommand::Schema => print_text(&schema()),
    }
}

/// Who answers every call; that the plan does what the rules say has been proven then.
fn check(arguments: &CheckArguments) -> Result<Status, Failure> {
    let policy = read_one(&arguments.policy)?;
    if policy.findings().count(Level::Warning) == 0 {
        say_findings(&policy);
    }
    let proof =
        policy.proof().map_err(|disproof| Failure::new(Status::Failure, disproof.to_string(), None))?;
    if arguments.probe {
        probe::probe(&policy, &proof, &arguments.kvm)?;
    }
    print(&proof, arguments.policy.offered.output.json)
}

fn compare(arguments: &TwoPolicies) -> Result<Status, Failure> {
    let services = services(&arguments.offered)?;
    let before = read(&arguments.before, &services, Denials::InKernel)?;
    let after = read(&arguments.after, &services, Denials::InKernel)?;
    let difference = diff(&before, &after);
    print(&difference, arguments.offered.output.json)?;
    Ok(if difference.is_empty() { Status::Success } else { Status::Failure })
}

fn list(json: bool) -> Result<Status, Failure> {
    let names: Vec<_> = shipped::names().collect();
    if json {
        return print_text(&report::json(&names));
    }
    print_text(&names.iter().map(|name| format!("{name}\n")).collect::<String>())
}

#[derive(Serialize)]
struct CodeRow {
    code: &'static str,
    level: Level,
    meaning: &'static str,
}

fn codes(json: bool) -> Result<Status, Failure> {
    let row = |code: &Code| CodeRow { code: code.as_str(), level: code.level(), meaning: code.explanation() };
    let rows: Vec<_> = Code::ALL.iter().map(row).collect();
    if json {
        return print_text(&report::json(&rows));
    }
    print_text(&rows.iter().map(|row| format!("{} {}\n", row.code, row.meaning)).collect::<String>())
}

/// Prints what serialises, or its text.
pub(crate) fn print(value: &(impl Serialize + Display), json: bool) -> Result<Status, Failure> {
    print_text(&if json { report::json(value) } else { value.to_string() })
}

pub(crate) fn print_text(text: &str) -> Result<Status, Failure> {
    report::print(io::stdout().lock(), text).map_err(|error| Failure::host("printing the report", &error))?;
    Ok(Status::Success)
}

fn read_one(arguments: &OnePolicy) -> Result<Policy, Failure> {
    let services = services(&arguments.offered)?;
    read(&arguments.policy, &services, denials(arguments.deny_in_userspace))
}

/// Where calls are denied.
pub(crate) fn denials(in_userspace: bool) -> Denials {
    if in_userspace { Denials::InUserspace } else { Denials::InKernel }
}

/// What a machine with these arguments offers.
pub(crate) fn services(arguments: &Offered) -> Result<Services, Failure> {
    Ok(offered(&arguments.services.services(), PsciVersion::default()).map_err(Error::from)?)
}

/// Reads a policy by its name or from a file, and says what is worth knowing of it.
pub(crate) fn read(name: &str, services: &Services, denials: Denials) -> Result<Policy, Failure> {
    let policy = Policy::read(source(name)?, services, denials)
        .map_err(|refused| Failure::findings(Status::Policy, refused.0.render(colour())))?;
    // With a warning, notes are shown as well; without one, by `check` alone.
    if policy.findings().count(Level::Warning) > 0 {
        say_findings(&policy);
    }
    Ok(policy)
}

fn say_findings(policy: &Policy) {
    if !policy.findings().is_empty() {
        // There is nobody to tell if standard error is closed.
        let _ = report::print(io::stderr().lock(), &format!("{}\n\n", policy.findings().render(colour())));
    }
}

fn source(name: &str) -> Result<Source, Failure> {
    if let Some(source) = shipped::policy(name) {
        return Ok(source);
    }
    match read_text(name) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let names: Vec<_> = shipped::names().collect();
            let hint = match shipped::closest(name) {
                Some(near) => format!("there is a policy `{near}`"),
                None => format!("give the path of a file, or one of {}", names.join(", ")),
            };
            let message = format!("the policy {name} cannot be read: {error}");
            Err(Failure::new(Status::Policy, message, Some(hint)))
        }
    }
}

/// The text of a file: no more of it than says that it is too large.
fn read_text(path: &str) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?
        .take(u64::try_from(MAX_SIZE).unwrap_or(u64::MAX).saturating_add(1))
        .read_to_string(&mut text)?;
    Ok(text)
}

fn colour() -> Colour {
    let is_wanted = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if is_wanted { Colour::Always } else { Colour::Never }
}

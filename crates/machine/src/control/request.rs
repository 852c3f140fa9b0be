//! Reading a request. A flat struct that knows every field of every command is what refuses unknown ones: serde's
//! `deny_unknown_fields` does nothing beside its `flatten`.

use serde::Deserialize;

use super::protocol::{Command, Problem, ProblemCode, Request, VERSION};

/// The longest part of a line, in characters, that is said back to who has sent it.
const MOST_SAID_BACK: usize = 300;

/// A request as it is written. A field that is null is one that is not there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    protocol: u32,
    command: Name,
    count: Option<u32>,
    cpu: Option<u32>,
    wait: Option<u64>,
}

/// The protocol alone: in another version, everything else may be written in another way.
#[derive(Deserialize)]
struct Protocol {
    protocol: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    Status,
    Cpus,
    SetCpus,
    AddCpu,
    RemoveCpu,
    PowerButton,
    Nmi,
    Reset,
    Stop,
    Pause,
    Resume,
    Wake,
}

impl TryFrom<Fields> for Request {
    type Error = String;

    fn try_from(mut fields: Fields) -> Result<Self, String> {
        let command = match fields.command {
            Name::Status => Command::Status,
            Name::Cpus => Command::Cpus,
            Name::SetCpus => {
                Command::SetCpus { count: need("count", fields.count.take())?, wait: fields.wait.take() }
            }
            Name::AddCpu => {
                Command::AddCpu { cpu: need("cpu", fields.cpu.take())?, wait: fields.wait.take() }
            }
            Name::RemoveCpu => {
                Command::RemoveCpu { cpu: need("cpu", fields.cpu.take())?, wait: fields.wait.take() }
            }
            Name::PowerButton => Command::PowerButton,
            Name::Nmi => Command::Nmi { cpu: fields.cpu.take() },
            Name::Reset => Command::Reset,
            Name::Stop => Command::Stop,
            Name::Pause => Command::Pause,
            Name::Resume => Command::Resume,
            Name::Wake => Command::Wake,
        };
        match fields.left_over() {
            None => Ok(Self { protocol: fields.protocol, command }),
            Some(field) => Err(format!("this command has no field `{field}`")),
        }
    }
}

impl Fields {
    /// A field that the command has not taken.
    const fn left_over(&self) -> Option<&'static str> {
        if self.count.is_some() {
            Some("count")
        } else if self.cpu.is_some() {
            Some("cpu")
        } else if self.wait.is_some() {
            Some("wait")
        } else {
            None
        }
    }
}

fn need<T>(field: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("missing field `{field}`"))
}

/// Reads one line.
pub(super) fn read(line: &[u8]) -> Result<Command, Problem> {
    let Protocol { protocol } = from_json(line)?;
    if protocol != VERSION {
        let message = format!("this machine speaks protocol {VERSION}, and not {protocol}");
        return Err(Problem::new(ProblemCode::Protocol, message)
            .with_hint("use the `switchboard ctl` of the version that runs the machine"));
    }
    let request: Request = from_json(line)?;
    Ok(request.command)
}

fn from_json<'line, T: Deserialize<'line>>(line: &'line [u8]) -> Result<T, Problem> {
    serde_json::from_slice(line)
        .map_err(|error| Problem::new(ProblemCode::Malformed, format!("this is no request: {}", say(&error))))
}

/// What is wrong and at which byte. What `serde_json` calls a line is no line of ours.
fn say(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&position).unwrap_or(&text);
    let shown: String = what.chars().take(MOST_SAID_BACK).collect();
    let dots = if shown.len() < what.len() { "..." } else { "" };
    match error.column() {
        0 => format!("{shown}{dots}"),
        column => format!("{shown}{dots}, at byte {column}"),
    }
}

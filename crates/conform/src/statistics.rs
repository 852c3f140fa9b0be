//! How many of each kind were run.

use std::collections::BTreeMap;
use std::fmt;

use switchboard_smccc::FunctionId;
use switchboard_smccc::catalogue;

use crate::observation::{Exit, Observation, Reached};
use crate::program::{Program, Step};

/// Counts, by what was done and what it came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// How many programs.
    pub programs: u64,
    counts: BTreeMap<Key, u64>,
}

/// Many millions of these are counted: no text is made for it.
type Key = (Kind, Came);

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Step(&'static str),
    /// Conduit and function.
    Call(&'static str, &'static str),
}

/// What it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    To(&'static str),
    Errno(i32),
    NotRun(i32),
    SystemEvent(u32),
    Exit(u32),
}

impl Statistics {
    /// Counts a program.
    pub fn add(&mut self, program: &Program, observations: &[Observation]) {
        self.programs += 1;
        for (step, observation) in program.steps.iter().zip(observations) {
            *self.counts.entry((kind(step), came(observation))).or_default() += 1;
        }
    }

    /// A line each, of what and how often.
    pub fn lines(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        self.counts.iter().map(|((kind, came), count)| (format!("{kind}: {came}"), *count))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => f.write_str(step),
            Self::Call(conduit, function) => write!(f, "{CALL}{conduit} {function}"),
        }
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(what) => f.write_str(what),
            Self::Errno(errno) => write!(f, "errno {errno}"),
            Self::NotRun(errno) => write!(f, "not run: errno {errno}"),
            Self::SystemEvent(kind) => write!(f, "system event {kind}"),
            Self::Exit(reason) => write!(f, "exit {reason}"),
        }
    }
}

/// What several processes have counted, line by line.
#[derive(Debug, Default)]
pub struct Totals {
    /// How many programs.
    pub programs: u64,
    counts: BTreeMap<String, u64>,
}

impl Totals {
    /// Adds a line of [`Statistics::lines`].
    pub fn add(&mut self, line: &str, count: u64) {
        *self.counts.entry(line.to_owned()).or_default() += count;
    }

    /// How many calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.counts.iter().filter(|(line, _)| line.starts_with(CALL)).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, count) in &self.counts {
            writeln!(f, "{count:>10}  {line}")?;
        }
        write!(f, "{:>10}  programs, {} calls", self.programs, self.calls())
    }
}

const CALL: &str = "call ";

fn kind(step: &Step) -> Kind {
    Kind::Step(match step {
        Step::HasAttribute { .. } => "has attribute",
        Step::GetAttribute { .. } => "get attribute",
        Step::SetAttribute { .. } => "set attribute",
        Step::EnableSystemSuspend => "enable SYSTEM_SUSPEND",
        Step::Init { .. } => "init",
        Step::GetFirmware { .. } => "get firmware register",
        Step::SetFirmware { .. } => "set firmware register",
        Step::SetStolenTime { .. } => "set stolen time",
        Step::GetMpState { .. } => "get MP state",
        Step::SetMpState { .. } => "set MP state",
        Step::SetLine { .. } => "set interrupt line",
        Step::RunImmediately { .. } => "run with immediate exit",
        Step::Inspect { .. } => "inspect registers",
        Step::BecomeBigEndian { .. } => "set SCTLR_EL1.EE",
        Step::Call(call) => {
            let id = FunctionId::from_x0(call.x[0]);
            // By its exact number: to KVM, one with a hint is another function.
            let known = catalogue::find(id).filter(|_| !id.has_sve_hint());
            let name = known.map_or("other function", |function| function.name);
            return Kind::Call(if call.instruction.is_smc() { "SMC" } else { "HVC" }, name);
        }
    })
}

fn came(observation: &Observation) -> Came {
    match observation {
        Observation::Done(Err(errno))
        | Observation::Value(Err(errno))
        | Observation::Registers(Err(errno)) => Came::Errno(*errno),
        Observation::Done(Ok(())) | Observation::Value(Ok(_)) | Observation::Registers(Ok(_)) => {
            Came::To("ok")
        }
        Observation::Call(call) => match (&call.reached, &call.stop) {
            (Reached::Guest, None) if call.x[0] & 0xffff_ffff == 0xffff_ffff => Came::To("NOT_SUPPORTED"),
            (Reached::Guest, None) => Came::To("answered"),
            (Reached::Guest, Some(stop)) => exit(&stop.exit),
            (Reached::Error(errno), _) => Came::NotRun(*errno),
            (Reached::Asleep, _) => Came::To("not run: asleep"),
            (Reached::Exit(_), _) => Came::To("not run: exit"),
        },
    }
}

fn exit(exit: &Exit) -> Came {
    match exit {
        Exit::Hypercall(_) => Came::To("forwarded"),
        Exit::SystemEvent { kind, .. } => Came::SystemEvent(*kind),
        Exit::Asleep => Came::To("asleep until a signal"),
        Exit::Other(reason) => Came::Exit(*reason),
    }
}

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
    counts: BTreeMap<(String, String), u64>,
}

impl Statistics {
    /// Counts a program.
    pub fn add(&mut self, program: &Program, observations: &[Observation]) {
        self.programs += 1;
        for (step, observation) in program.steps.iter().zip(observations) {
            *self.counts.entry((kind(step), result(observation))).or_default() += 1;
        }
    }

    /// Adds what others counted.
    pub fn merge(&mut self, other: &Self) {
        self.programs += other.programs;
        for (key, count) in &other.counts {
            *self.counts.entry(key.clone()).or_default() += count;
        }
    }

    /// How many calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.counts.iter().filter(|((kind, _), _)| kind.starts_with(CALL)).map(|(_, count)| count).sum()
    }

    /// A line each: `count TAB kind TAB result`.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.counts.iter().map(|((kind, result), count)| format!("{count}\t{kind}\t{result}"))
    }

    /// Reads a line of [`Statistics::lines`]; anything else is left alone.
    pub fn read_line(&mut self, line: &str) {
        let mut fields = line.split('\t');
        let (Some(count), Some(kind), Some(result)) = (fields.next(), fields.next(), fields.next()) else {
            return;
        };
        if let Ok(count) = count.parse::<u64>() {
            *self.counts.entry((kind.to_owned(), result.to_owned())).or_default() += count;
        }
    }
}

const CALL: &str = "call ";

fn kind(step: &Step) -> String {
    match step {
        Step::HasAttribute { .. } => "has attribute".to_owned(),
        Step::GetAttribute { .. } => "get attribute".to_owned(),
        Step::SetAttribute { .. } => "set attribute".to_owned(),
        Step::EnableSystemSuspend => "enable SYSTEM_SUSPEND".to_owned(),
        Step::Init { .. } => "init".to_owned(),
        Step::GetFirmware { .. } => "get firmware register".to_owned(),
        Step::SetFirmware { .. } => "set firmware register".to_owned(),
        Step::SetStolenTime { .. } => "set stolen time".to_owned(),
        Step::GetMpState { .. } => "get MP state".to_owned(),
        Step::SetMpState { .. } => "set MP state".to_owned(),
        Step::SetLine { .. } => "set interrupt line".to_owned(),
        Step::RunImmediately { .. } => "run with immediate exit".to_owned(),
        Step::Inspect { .. } => "inspect registers".to_owned(),
        Step::BecomeBigEndian { .. } => "set SCTLR_EL1.EE".to_owned(),
        Step::Call(call) => {
            let id = FunctionId::from_x0(call.x[0]);
            let name = catalogue::find(id).map_or("other function", |function| function.name);
            let conduit = if call.instruction.is_smc() { "SMC" } else { "HVC" };
            format!("{CALL}{conduit} {name}")
        }
    }
}

fn result(observation: &Observation) -> String {
    match observation {
        Observation::Done(Err(errno))
        | Observation::Value(Err(errno))
        | Observation::Registers(Err(errno)) => format!("errno {errno}"),
        Observation::Done(Ok(())) | Observation::Value(Ok(_)) | Observation::Registers(Ok(_)) => {
            "ok".to_owned()
        }
        Observation::Call(call) => match (&call.reached, &call.stop) {
            (Reached::Guest, None) if call.x[0] == u64::MAX => "NOT_SUPPORTED".to_owned(),
            (Reached::Guest, None) => "answered".to_owned(),
            (Reached::Guest, Some(stop)) => exit(&stop.exit),
            (Reached::Error(errno), _) => format!("not run: errno {errno}"),
            (Reached::Asleep, _) => "not run: asleep".to_owned(),
            (Reached::Exit(_), _) => "not run: exit".to_owned(),
        },
    }
}

fn exit(exit: &Exit) -> String {
    match exit {
        Exit::Hypercall(_) => "forwarded".to_owned(),
        Exit::SystemEvent { kind, .. } => format!("system event {kind}"),
        Exit::Asleep => "asleep until a signal".to_owned(),
        Exit::Other(reason) => format!("exit {reason}"),
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((kind, result), count) in &self.counts {
            writeln!(f, "{count:>10}  {kind}: {result}")?;
        }
        write!(f, "{:>10}  programs, {} calls", self.programs, self.calls())
    }
}

//! Everything about one call.

use core::fmt;

use serde::Serialize;
use switchboard_smccc::{
    Conduit, FunctionId, Width,
    catalogue::{Argument, Function},
};

use crate::{
    names,
    policy::Policy,
    proof::Fate,
    range::CONDUITS,
    registers::FirmwareRegisters,
    source::{Place, Span},
    view,
};

/// What becomes of a call over one conduit, and which line says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Over which conduit.
    #[serde(serialize_with = "view::conduit")]
    pub conduit: Conduit,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// The line that names it; none where it is denied because no rule does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Place>,
    /// What that line says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// Everything about one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The function ID.
    #[serde(serialize_with = "view::id")]
    pub id: FunctionId,
    /// Its name, if it is known.
    pub name: Option<&'static str>,
    /// Who specifies it.
    pub specification: Option<String>,
    /// The section of that document, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<&'static str>,
    /// What is in its registers, as `x1 target_cpu`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The owning entity.
    pub owner: String,
    /// 32 or 64 bits.
    pub width: u8,
    /// The same function in the other width, where there is one.
    pub alias: Option<String>,
    /// Whether KVM would answer it, over HVC and over SMC, were it left to KVM with everything that it has.
    pub kvm: Kvm,
    /// What this policy makes of it.
    pub policy: Vec<Answer>,
}

/// What KVM makes of a call by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kvm {
    /// It answers, and nobody can filter it.
    Reserved,
    /// It answers.
    Answers,
    /// It does not have it.
    HasNone,
}

impl Policy {
    /// Explains the call of this ID.
    #[must_use]
    pub fn explain(&self, id: FunctionId) -> Explanation {
        let function = names::find(id);
        let alias = id.other_width();
        let has_alias = function.is_none_or(|function| function.has(alias));
        let answer = |conduit| {
            let rule = self.rule_of(id, conduit).map(|rule| rule.entry(id));
            Answer {
                conduit,
                fate: self.fate_of(id, conduit),
                rule: rule.map(|span| self.findings().place(span)),
                line: rule.and_then(|span| self.line(span)),
            }
        };
        Explanation {
            id,
            name: function.map(|function| function.name),
            specification: function.map(|function| function.document.to_string()),
            section: function.map(|function| function.section).filter(|section| !section.is_empty()),
            arguments: function.map(arguments).unwrap_or_default(),
            owner: id.owner().to_string(),
            width: if id.width() == Width::Smc32 { 32 } else { 64 },
            alias: has_alias.then(|| alias.to_string()),
            kvm: kvm(id),
            policy: CONDUITS.map(answer).to_vec(),
        }
    }

    /// Explains a function by its name, in each width that it has. `None`: there is none of this name.
    #[must_use]
    pub fn explain_name(&self, name: &str) -> Option<Vec<Explanation>> {
        Some(names::find_by_name(name)?.ids().map(|id| self.explain(id)).collect())
    }

    fn line(&self, span: Span) -> Option<String> {
        let source = self.findings().source(span.source)?;
        let line = self.findings().place(span).line;
        source.text.lines().nth(line.checked_sub(1)?).map(|line| line.trim().to_owned())
    }
}

fn kvm(id: FunctionId) -> Kvm {
    let everything = FirmwareRegisters::everything(None);
    if crate::kvm::reserved().contains(id) {
        return Kvm::Reserved;
    }
    let answers = CONDUITS.into_iter().any(|it| crate::kvm::answers(&everything, it).contains(id));
    if answers { Kvm::Answers } else { Kvm::HasNone }
}

fn arguments(function: &Function) -> Vec<String> {
    let argument = |argument: &Argument| match argument.last {
        last if last == argument.register => format!("{} {}", argument.register, argument.name),
        last => format!("{} to {last} {}", argument.register, argument.name),
    };
    function.arguments.iter().map(argument).collect()
}

/// The name that was probably meant by one that there is not.
#[must_use]
pub fn closest_name(name: &str) -> Option<&'static str> {
    names::closest_function(name)
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.id, self.name.unwrap_or("(no name)"))?;
        if let Some(specification) = &self.specification {
            write!(f, "  specification  {specification}")?;
            match self.section {
                Some(section) => writeln!(f, ", section {section}")?,
                None => writeln!(f)?,
            }
        }
        if !self.arguments.is_empty() {
            writeln!(f, "  arguments      {}", self.arguments.join(", "))?;
        }
        writeln!(f, "  owner          {}", self.owner)?;
        writeln!(f, "  width          SMC{}", self.width)?;
        match &self.alias {
            Some(alias) => writeln!(f, "  other width    {alias}")?,
            None => writeln!(f, "  other width    none")?,
        }
        let kvm = match self.kvm {
            Kvm::Reserved => "answers it or says NOT_SUPPORTED, and lets nobody filter it",
            Kvm::Answers => "answers it, where it is left to KVM",
            Kvm::HasNone => "does not have it",
        };
        writeln!(f, "  KVM            {kvm}")?;
        for answer in &self.policy {
            write!(f, "  over {}       {}", answer.conduit, answer.fate)?;
            match (&answer.rule, &answer.line) {
                (Some(place), Some(line)) => writeln!(f, "; {place}: {line}")?,
                _ if self.kvm == Kvm::Reserved => writeln!(f)?,
                _ => writeln!(f, "; no rule names it")?,
            }
        }
        Ok(())
    }
}

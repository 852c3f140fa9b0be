//! Running a case.

use core::fmt;

use crate::{
    Action, Caller, Case, Conduit, Given, REGISTERS, Registers,
    case::Block,
    random::Random,
    statement::{Alternative, Comparison, Condition, Conditions, Inputs, Line, Span, Statement},
    value::{Expression, Scope},
};

/// Runs cases.
pub struct Runner<'run, C> {
    caller: &'run mut C,
    random: Random,
}

/// How a case went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'text> {
    /// As it says.
    Passed,
    /// Otherwise; each [`Failure`] has been reported.
    Failed,
    /// It says nothing about what is here.
    Skipped(Skip<'text>),
}

/// Why a case says nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip<'text> {
    /// There are fewer CPUs.
    Cpus(u64),
    /// What this probe asks is not so.
    Requires(&'text str),
    /// What this probe asks is so.
    Unless(&'text str),
    /// The caller does not know such a value.
    Given(Given),
    /// The caller cannot do this, for this reason.
    Action(Action, &'static str),
}

/// A step of a case that did not go as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'text> {
    /// The value of `each`, in a case that has it.
    pub each: Option<u64>,
    /// The registers before.
    pub sent: Registers,
    /// The registers after.
    pub got: Registers,
    /// The lines that say what was expected, as they are in the file.
    pub expected: &'text str,
}

/// What the registers that a case does not name must hold after a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    /// After a call: x1 to x3 are unchanged or zero, x4 to x17 unchanged.
    Kept,
    /// After anything else: whatever they hold.
    Any,
}

/// Why a run of a case goes no further.
enum Stop<'text> {
    Skip(Skip<'text>),
    /// The failure is in [`Run::failure`].
    Failed,
}

impl<'run, C: Caller> Runner<'run, C> {
    /// Registers that a case does not name, and the upper halves of dirty ones, are pseudo-random numbers from `seed`.
    pub const fn new(caller: &'run mut C, seed: u64) -> Self {
        Self { caller, random: Random::new(seed) }
    }

    /// Runs a case over a conduit.
    pub fn run<'text>(
        &mut self,
        case: &Case<'text>,
        conduit: Conduit,
        report: &mut dyn FnMut(&Failure<'text>),
    ) -> Verdict<'text> {
        let mut verdict = None;
        let mut has_each = false;
        for line in case.block().lines() {
            let Statement::Each(values) = line.statement else { continue };
            has_each = true;
            for span in values.iter() {
                let (first, last) = match Run::new(self, conduit, None).bounds(span) {
                    Ok(bounds) => bounds,
                    Err(skip) => return Verdict::Skipped(skip),
                };
                for each in first..=last {
                    let now = Run::new(self, conduit, Some(each)).verdict(case.block(), report);
                    verdict = Some(worse(verdict, now));
                }
            }
        }
        if !has_each {
            verdict = Some(Run::new(self, conduit, None).verdict(case.block(), report));
        }
        // A case whose list is empty has shown nothing.
        verdict.unwrap_or(Verdict::Failed)
    }
}

/// One run of a case: over one conduit, for one value of `each`.
struct Run<'run, 'text, C> {
    caller: &'run mut C,
    random: &'run mut Random,
    conduit: Conduit,
    each: Option<u64>,
    failure: Option<Failure<'text>>,
}

impl<'run, 'text, C: Caller> Run<'run, 'text, C> {
    const fn new(runner: &'run mut Runner<'_, C>, conduit: Conduit, each: Option<u64>) -> Self {
        Self { caller: runner.caller, random: &mut runner.random, conduit, each, failure: None }
    }

    fn verdict(mut self, block: Block<'text>, report: &mut dyn FnMut(&Failure<'text>)) -> Verdict<'text> {
        match self.whole(block) {
            Ok(()) => Verdict::Passed,
            Err(Stop::Skip(skip)) => Verdict::Skipped(skip),
            Err(Stop::Failed) => {
                self.failure.iter().for_each(report);
                Verdict::Failed
            }
        }
    }

    fn whole(&mut self, block: Block<'text>) -> Result<(), Stop<'text>> {
        let mut repeats = 1;
        for line in block.lines() {
            match line.statement {
                Statement::Repeat(count) => repeats = count,
                Statement::Cpus(count) if self.caller.cpus() < count => return Err(Skip::Cpus(count).into()),
                Statement::Requires(name) if !self.probe(block, name)? => {
                    return Err(Skip::Requires(name).into());
                }
                Statement::Unless(name) if self.probe(block, name)? => return Err(Skip::Unless(name).into()),
                _ => {}
            }
        }
        (0..repeats).try_for_each(|_| self.steps(block))
    }

    /// Is what a probe asks so?
    fn probe(&mut self, block: Block<'text>, name: &str) -> Result<bool, Stop<'text>> {
        let Some(probe) = block.probe(name) else { return Ok(false) };
        match self.steps(probe) {
            Ok(()) => Ok(true),
            Err(Stop::Failed) => Ok(false),
            Err(skip @ Stop::Skip(_)) => Err(skip),
        }
    }

    fn steps(&mut self, block: Block<'text>) -> Result<(), Stop<'text>> {
        let mut lines = block.lines();
        while let Some(line) = lines.next() {
            let wanted = || Wanted { block, lines: lines.clone() };
            match line.statement {
                Statement::Call(inputs) => {
                    let sent = self.registers(inputs)?;
                    let got = self.caller.call(self.conduit, &sent);
                    self.check(wanted(), Others::Kept, sent, got)?;
                }
                Statement::Await(inputs) => self.wait(inputs, wanted)?,
                Statement::Do(action, inputs) => {
                    let sent = self.registers(inputs)?;
                    let got = self.caller.perform(action, self.conduit, &sent);
                    let got = got.map_err(|reason| Skip::Action(action, reason))?;
                    self.check(wanted(), Others::Any, sent, got)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Calls until the result is there.
    fn wait<L: Iterator<Item = Line<'text>>>(
        &mut self,
        inputs: Inputs<'text>,
        wanted: impl Fn() -> Wanted<'text, L>,
    ) -> Result<(), Stop<'text>> {
        for attempts in 1.. {
            let sent = self.registers(inputs)?;
            let got = self.caller.call(self.conduit, &sent);
            match self.check(wanted(), Others::Kept, sent, got) {
                Err(Stop::Failed) if self.caller.may_try_again(attempts) => {}
                result => return result,
            }
        }
        Ok(())
    }

    /// The registers before a step.
    fn registers(&mut self, inputs: Inputs<'text>) -> Result<Registers, Skip<'text>> {
        let mut registers = [(); REGISTERS].map(|()| self.random.next());
        for input in inputs.iter() {
            registers[input.register] = self.value(input.value)?;
        }
        Ok(registers)
    }

    /// Does one of the alternatives of a step hold?
    fn check(
        &mut self,
        wanted: Wanted<'text, impl Iterator<Item = Line<'text>>>,
        others: Others,
        sent: Registers,
        got: Registers,
    ) -> Result<(), Stop<'text>> {
        let mut text: Option<(usize, usize)> = None;
        for line in wanted.lines {
            let conditions = match line.statement {
                Statement::Expect(conditions) if text.is_none() => conditions,
                Statement::Or(conditions) => conditions,
                _ => break,
            };
            text = Some((text.map_or(line.at, |(start, _)| start), line.end));
            if self.all_hold(conditions, others, &sent, &got)? {
                return Ok(());
            }
        }
        match text {
            None => Ok(()),
            Some((start, end)) => {
                let expected = wanted.block.text(start, end);
                self.failure = Some(Failure { each: self.each, sent, got, expected });
                Err(Stop::Failed)
            }
        }
    }

    fn all_hold(
        &mut self,
        conditions: Conditions<'text>,
        others: Others,
        sent: &Registers,
        got: &Registers,
    ) -> Result<bool, Skip<'text>> {
        let mut named = [false; REGISTERS];
        for condition in conditions.iter() {
            for register in condition.first..=condition.last {
                named[register] = true;
                if !self.holds(condition, sent[register], got[register])? {
                    return Ok(false);
                }
            }
        }
        let kept = |register: usize| {
            got[register] == sent[register] || got[register] == 0 && (1..4).contains(&register)
        };
        // x0 is not among them: where a case does not name it, it may be anything.
        Ok(others == Others::Any || (1..REGISTERS).all(|register| named[register] || kept(register)))
    }

    fn holds(&mut self, condition: Condition<'text>, sent: u64, got: u64) -> Result<bool, Skip<'text>> {
        let mask = condition.mask.map_or(Ok(u64::MAX), |mask| self.value(mask))?;
        let mut equal = false;
        for alternative in condition.alternatives() {
            equal |= match alternative {
                Alternative::Any => true,
                Alternative::Unchanged => got & mask == sent & mask,
                Alternative::Within(span) => {
                    let (first, last) = self.bounds(span)?;
                    (first..=last).contains(&(got & mask))
                }
            };
        }
        Ok(equal == (condition.comparison == Comparison::Equals))
    }

    fn bounds(&mut self, span: Span<'text>) -> Result<(u64, u64), Skip<'text>> {
        let first = self.value(span.first)?;
        let last = span.last.map_or(Ok(first), |last| self.value(last))?;
        Ok((first, last))
    }

    fn value(&mut self, expression: Expression<'text>) -> Result<u64, Skip<'text>> {
        let each = self.each.unwrap_or(0);
        expression.value(&mut Scope { caller: self.caller, random: self.random, each })
    }
}

/// The lines behind a step, which say what is expected of it.
struct Wanted<'text, L> {
    block: Block<'text>,
    lines: L,
}

/// Of two runs of one case: a failure is a failure of the case, and one that passed shows that it says something here.
fn worse<'text>(before: Option<Verdict<'text>>, now: Verdict<'text>) -> Verdict<'text> {
    match (before, now) {
        (Some(Verdict::Failed), _) | (_, Verdict::Failed) => Verdict::Failed,
        (Some(Verdict::Passed), _) | (_, Verdict::Passed) => Verdict::Passed,
        (Some(skipped), Verdict::Skipped(_)) | (None, skipped) => skipped,
    }
}

impl<'text> From<Skip<'text>> for Stop<'text> {
    fn from(skip: Skip<'text>) -> Self {
        Self::Skip(skip)
    }
}

impl fmt::Display for Skip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Cpus(count) => write!(f, "needs {count} CPUs"),
            Self::Requires(name) => write!(f, "it is not so that {name}"),
            Self::Unless(name) => f.write_str(name),
            Self::Given(given) => write!(f, "there is no {} here", given.name()),
            Self::Action(action, reason) => write!(f, "no {}: {reason}", action.name()),
        }
    }
}

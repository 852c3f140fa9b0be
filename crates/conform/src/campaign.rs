//! Many programs, one after the other.

use std::fmt;

use anyhow::Result;
use switchboard_filter::EmptyRangeRule;
use switchboard_hyp::VmConfig;

use crate::generate::{self, Kind};
use crate::observation::Observation;
use crate::program::Program;
use crate::statistics::Statistics;
use crate::{model, naive, shrink};

/// Which programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Campaign {
    /// The seed.
    pub seed: u64,
    /// The number of the first program.
    pub first: u64,
    /// How many.
    pub programs: u64,
    /// Of what kind.
    pub kind: Kind,
}

/// A program that came to different things.
#[derive(Debug)]
pub struct Difference {
    /// The seed.
    pub seed: u64,
    /// The program's number.
    pub number: u64,
    /// The shortest program that shows it; all of it, if it did not show again.
    pub program: Program,
    /// What the model says.
    pub model: Vec<Observation>,
    /// What the other one did.
    pub other: Vec<Observation>,
}

/// After so many, more of the same kind tell nothing new.
const MOST_DIFFERENCES: u32 = 3;

/// What the model is compared with.
pub trait Subject {
    /// Performs a program. `expected` says where it will sleep until a signal comes.
    ///
    /// # Errors
    ///
    /// If it cannot be performed: a host that has run out of something has nothing to say about SMCCC.
    fn run(&mut self, program: &Program, expected: &[Observation]) -> Result<Vec<Observation>>;
}

/// Performs the programs on the subject and on the model, and hands differences over, shrunk.
///
/// # Errors
///
/// If the subject cannot perform one.
pub fn run(
    campaign: Campaign,
    config: &VmConfig,
    subject: &mut impl Subject,
    mut report: impl FnMut(Difference),
) -> Result<Statistics> {
    let mut statistics = Statistics::default();
    let mut differences = 0;
    for number in campaign.numbers() {
        let program = generate::program(campaign.seed, number, campaign.kind);
        let (model, other) = both(&program, config, subject)?;
        statistics.add(&program, &other);
        if model != other {
            differences += 1;
            let found = Difference { seed: campaign.seed, number, program, model, other };
            report(shortest(found, config, subject)?);
            if differences == MOST_DIFFERENCES {
                break;
            }
        }
    }
    Ok(statistics)
}

/// The same difference in a shorter program; what was found, if it does not show again.
fn shortest(found: Difference, config: &VmConfig, subject: &mut impl Subject) -> Result<Difference> {
    let program = shrink::shrink(&found.program, |program| {
        both(program, config, subject).is_ok_and(|(model, other)| model != other)
    });
    let (model, other) = both(&program, config, subject)?;
    Ok(if model == other { found } else { Difference { program, model, other, ..found } })
}

/// What a program comes to on the model and on the subject.
///
/// # Errors
///
/// If the subject cannot perform it.
pub fn both(
    program: &Program,
    config: &VmConfig,
    subject: &mut impl Subject,
) -> Result<(Vec<Observation>, Vec<Observation>)> {
    let expected = model::run(program, config, None);
    let other = subject.run(program, &expected)?;
    Ok((model::run(program, config, Some(&other)), other))
}

/// Performs the programs on the model, and compares it with the plain reading.
///
/// # Errors
///
/// The first program that differs, as text.
pub fn against_naive(campaign: Campaign, config: &VmConfig) -> Result<Statistics, String> {
    let mut statistics = Statistics::default();
    let empty_at_0_is_invalid = config.empty_range == EmptyRangeRule::Invalid;
    for number in campaign.numbers() {
        let program = generate::program(campaign.seed, number, campaign.kind);
        let model = model::run(&program, config, None);
        statistics.add(&program, &model);
        if let Err((step, expected)) = naive::check(&program, config.version, empty_at_0_is_invalid, &model) {
            return Err(format!(
                "seed {}, program {number}, step {step}\n{program}model: {}\nplain reading: {expected}",
                campaign.seed, model[step]
            ));
        }
    }
    Ok(statistics)
}

impl Campaign {
    fn numbers(self) -> std::ops::Range<u64> {
        self.first..self.first + self.programs
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, program {}:", self.seed, self.number)?;
        writeln!(f, "vCPUs {:?}", self.program.vcpus)?;
        let observations = self.model.iter().zip(&self.other);
        for (number, (step, (model, other))) in self.program.steps.iter().zip(observations).enumerate() {
            if model == other {
                writeln!(f, "{number:3}  {step}\n     = {model}")?;
            } else {
                writeln!(f, "{number:3}  {step}\n   ! model: {model}\n   ! KVM:   {other}")?;
            }
        }
        write!(f, "for tests/found.rs: {:x?}", self.program)
    }
}

//! The command line, and the processes that share a campaign.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use switchboard_conform::campaign::{self, Campaign};
use switchboard_conform::generate::Kind;
use switchboard_conform::statistics::Statistics;
use switchboard_hyp::{KvmVersion, VmConfig};

/// Compares the model of KVM with KVM, or with the plain reading of the rules.
#[derive(Debug, Parser, Clone)]
#[command(version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// What the model is compared with
    #[arg(long, value_enum, default_value_t = Against::Kvm)]
    against: Against,
    /// How many programs
    #[arg(long, default_value_t = 2000)]
    programs: u64,
    /// The seed that decides the programs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first program: a difference names its own
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// What the guest's EL1 is
    #[arg(long, value_enum, default_value_t = State::Aarch64)]
    state: State,
    /// How many processes share the programs
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: u64,
    /// The kernel that the model stands for in `--against naive`
    #[arg(long, default_value_t = KvmVersion::V7_2)]
    kernel: KvmVersion,
    /// This host's CPUs are emulated: their caches hide nothing, and need no maintenance
    #[arg(long)]
    emulated: bool,
    /// One of the processes: prints for the others to read
    #[arg(long, hide = true)]
    worker: bool,
}

const AFTER_HELP: &str = "\
Exit status: 0 no difference, 1 a difference (the shortest program that shows it is printed), 2 a wrong command line, \
10 KVM cannot be used.";

#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Against {
    /// This host's KVM
    Kvm,
    /// The plain reading
    Naive,
}

#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
enum State {
    Aarch64,
    Aarch32,
}

pub(crate) enum Outcome {
    Equal,
    Different,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    if arguments.worker { work(arguments) } else { share(arguments) }
}

/// Starts the processes, passes on what they find, and adds up what they counted.
fn share(arguments: &Arguments) -> Result<Outcome> {
    let started = std::time::Instant::now();
    let (sender, receiver) = mpsc::channel::<String>();
    let mut children = Vec::new();
    for job in 0..arguments.jobs {
        let (first, end) = (slice(arguments, job), slice(arguments, job + 1));
        let mut child = worker(arguments, first, end - first)?.spawn().context("starting a process")?;
        let output = child.stdout.take().context("a process without output")?;
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        children.push(child);
    }
    drop(sender);
    let mut statistics = Statistics::default();
    let mut differences = 0_u64;
    for line in receiver {
        match line.split_once(' ') {
            Some(("count", rest)) => statistics.read_line(rest),
            Some(("programs", rest)) => statistics.programs += rest.parse::<u64>().unwrap_or(0),
            Some(("progress", rest)) => eprintln!("conform: {rest}"),
            Some(("difference", _)) => differences += 1,
            _ => println!("{}", line.strip_prefix("| ").unwrap_or(&line)),
        }
    }
    for mut child in children {
        let status = child.wait()?;
        if !status.success() {
            bail!("a process ended with {status}");
        }
    }
    println!("{statistics}");
    println!("{differences} differences; seed {}, {} s", arguments.seed, started.elapsed().as_secs());
    Ok(if differences == 0 { Outcome::Equal } else { Outcome::Different })
}

/// The number of the first program of this process's share.
fn slice(arguments: &Arguments, job: u64) -> u64 {
    arguments.first + arguments.programs * job / arguments.jobs
}

fn worker(arguments: &Arguments, first: u64, programs: u64) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program's own path")?);
    let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
        value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    };
    command.arg("--worker").stdin(Stdio::null()).stdout(Stdio::piped());
    command.args(["--against", &name(&|| arguments.against.to_possible_value())]);
    command.args(["--state", &name(&|| arguments.state.to_possible_value())]);
    for (option, value) in [("--seed", arguments.seed), ("--first", first), ("--programs", programs)] {
        command.arg(option).arg(value.to_string());
    }
    if arguments.emulated {
        command.arg("--emulated");
    }
    command.arg("--kernel").arg(arguments.kernel.to_string());
    Ok(command)
}

fn work(arguments: &Arguments) -> Result<Outcome> {
    let campaign = Campaign {
        seed: arguments.seed,
        first: arguments.first,
        programs: arguments.programs,
        kind: match arguments.state {
            State::Aarch64 => Kind::AArch64,
            State::Aarch32 => Kind::AArch32,
        },
    };
    let statistics = match arguments.against {
        Against::Naive => against_naive(campaign, arguments.kernel),
        Against::Kvm => against_kvm(campaign, arguments)?,
    };
    let mut out = std::io::stdout().lock();
    for line in statistics.lines() {
        writeln!(out, "count {line}")?;
    }
    writeln!(out, "programs {}", statistics.programs)?;
    Ok(Outcome::Equal)
}

fn against_naive(campaign: Campaign, version: KvmVersion) -> Statistics {
    match campaign::against_naive(campaign, &VmConfig::new(version)) {
        Ok(statistics) => statistics,
        Err(difference) => {
            print_difference(&difference);
            Statistics::default()
        }
    }
}

#[cfg(target_arch = "aarch64")]
fn against_kvm(campaign: Campaign, arguments: &Arguments) -> Result<Statistics> {
    use switchboard_conform::kvm::{Caches, Host};
    let caches = if arguments.emulated { Caches::Emulated } else { Caches::Real };
    let mut host = Host::open(caches)?;
    let config = host.config()?;
    Ok(campaign::run(campaign, &config, &mut host, |difference| print_difference(&difference.to_string())))
}

#[cfg(not(target_arch = "aarch64"))]
fn against_kvm(_: Campaign, _: &Arguments) -> Result<Statistics> {
    bail!("KVM can be compared with on arm64 only; hint: `cargo xtask conform` does that in the lab")
}

fn print_difference(text: &str) {
    println!("difference found");
    for line in text.lines() {
        println!("| {line}");
    }
}

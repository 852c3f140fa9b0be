//! The command line, and the processes that share a campaign.

use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use clap::builder::PossibleValue;
use clap::{Parser, ValueEnum};
use switchboard_conform::campaign::{self, Campaign};
use switchboard_conform::generate::Kind;
use switchboard_conform::statistics::{Statistics, Totals};
use switchboard_hyp::{KvmVersion, VmConfig};

/// Compares the model of KVM with KVM, or with the plain reading of the rules.
#[derive(Debug, Parser, Clone)]
#[command(version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// What the model is compared with
    #[arg(long, value_enum, default_value_t = Against::Kvm)]
    against: Against,
    /// How many programs
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
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
10 KVM cannot be used, or the tester failed.";

#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
enum Against {
    /// This host's KVM
    Kvm,
    /// The plain reading of the filter's rules: not of what KVM's own services answer
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

/// How many programs one process performs.
const CHUNK: u64 = 250;
/// How often a chunk is begun again whose process died of a signal.
const ATTEMPTS: u64 = 3;
/// With so many differences, the rest is not worth its time.
const MOST_DIFFERENCES: u64 = 10;

/// What all processes have come to.
#[derive(Default)]
struct Found {
    totals: Totals,
    differences: u64,
    repeated: u64,
    lost_thread_pointers: u64,
}

/// Shares the programs out, passes differences on, and adds up what was counted.
fn share(arguments: &Arguments) -> Result<Outcome> {
    arguments.first.checked_add(arguments.programs).context("the programs' numbers go beyond 64 bits")?;
    let started = Instant::now();
    let found = Mutex::new(Found::default());
    let next = AtomicU64::new(0);
    let ended = std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..arguments.jobs)
            .map(|_| {
                scope.spawn(|| {
                    job(arguments, &next, &found, started)
                        .inspect_err(|_| next.store(arguments.programs, Ordering::Relaxed))
                })
            })
            .collect();
        // All of them, whatever becomes of one.
        let ended: Vec<_> = jobs.into_iter().map(|job| job.join().expect("a job does not panic")).collect();
        ended.into_iter().collect::<Result<()>>()
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if found.totals.programs > 0 {
        found.print(arguments, started).context("writing what was found")?;
    }
    match ended {
        _ if found.differences > 0 => {
            if found.totals.programs < arguments.programs {
                eprintln!(
                    "conform: there were enough differences: the rest of the programs was not performed"
                );
            }
            Ok(Outcome::Different)
        }
        Err(error) => Err(error),
        Ok(()) if found.totals.programs != arguments.programs => {
            bail!("{} programs were performed, not {}", found.totals.programs, arguments.programs)
        }
        Ok(()) if found.lost_thread_pointers > 0 && !arguments.emulated => {
            bail!("KVM_RUN lost the thread pointer, and this host is not emulated")
        }
        Ok(()) => Ok(Outcome::Equal),
    }
}

/// Starts one process after the other until there is nothing left to do.
fn job(arguments: &Arguments, next: &AtomicU64, found: &Mutex<Found>, started: Instant) -> Result<()> {
    loop {
        let offset = next.fetch_add(CHUNK, Ordering::Relaxed);
        if offset >= arguments.programs {
            return Ok(());
        }
        let programs = CHUNK.min(arguments.programs - offset);
        let Worked { output, repeated, end } = run_worker(arguments, arguments.first + offset, programs)?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.repeated += repeated;
        let before = found.totals.programs;
        found.read(&output).context("writing a difference")?;
        end?;
        if found.differences >= MOST_DIFFERENCES {
            next.store(arguments.programs, Ordering::Relaxed);
        }
        let tenths = |done: u64| done * 10 / arguments.programs;
        if tenths(before) != tenths(found.totals.programs) {
            eprintln!(
                "conform: {} of {} programs, {} differences, {} s",
                found.totals.programs,
                arguments.programs,
                found.differences,
                started.elapsed().as_secs()
            );
        }
    }
}

/// What became of a process.
struct Worked {
    /// What it printed.
    output: String,
    /// How often it had to be started again.
    repeated: u64,
    /// Did it come to its end?
    end: Result<()>,
}

/// Performs a chunk of programs in a process of its own.
///
/// An emulated host can lose a process. What has been observed of its programs is thrown away, and they are begun again.
fn run_worker(arguments: &Arguments, first: u64, programs: u64) -> Result<Worked> {
    let mut repeated = 0;
    loop {
        let output = worker(arguments, first, programs)?.output().context("starting a process")?;
        let lost = output.status.signal() == Some(SIGSEGV) && arguments.emulated;
        if lost && repeated + 1 < ATTEMPTS {
            repeated += 1;
            continue;
        }
        let end = if output.status.success() {
            Ok(())
        } else {
            Err(anyhow!("a process ended with {}; it had {programs} programs from {first} on", output.status))
        };
        return Ok(Worked { output: String::from_utf8_lossy(&output.stdout).into_owned(), repeated, end });
    }
}

const SIGSEGV: i32 = 11;

impl Found {
    fn print(&self, arguments: &Arguments, started: Instant) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let Self { totals, differences, repeated, lost_thread_pointers } = self;
        writeln!(out, "{totals}")?;
        if *lost_thread_pointers > 0 {
            writeln!(
                out,
                "{lost_thread_pointers:>10}  times KVM_RUN lost the thread pointer, and it was put right"
            )?;
        }
        if *repeated > 0 {
            writeln!(
                out,
                "{repeated:>10}  times a process died of a signal and its {CHUNK} programs were begun again"
            )?;
        }
        let Arguments { seed, first, .. } = arguments;
        let seconds = started.elapsed().as_secs();
        writeln!(out, "{differences} differences; seed {seed}, from program {first} on, {seconds} s")
    }

    /// Reads what a process printed; differences are printed.
    fn read(&mut self, output: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for line in output.lines() {
            match line.split_once(' ') {
                Some(("count", rest)) => {
                    if let Some((count, line)) = rest.split_once(' ') {
                        self.totals.add(line, count.parse().unwrap_or(0));
                    }
                }
                Some(("programs", rest)) => self.totals.programs += rest.parse::<u64>().unwrap_or(0),
                Some(("lost", rest)) => self.lost_thread_pointers += rest.parse::<u64>().unwrap_or(0),
                Some(("difference", _)) => self.differences += 1,
                Some(("|", rest)) => writeln!(out, "{rest}")?,
                _ => writeln!(out, "{line}")?,
            }
        }
        Ok(())
    }
}

fn worker(arguments: &Arguments, first: u64, programs: u64) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program's own path")?);
    let name =
        |value: Option<PossibleValue>| value.map(|value| value.get_name().to_owned()).unwrap_or_default();
    command.arg("--worker").stdin(Stdio::null()).stderr(Stdio::inherit());
    command.args(["--against", &name(arguments.against.to_possible_value())]);
    command.args(["--state", &name(arguments.state.to_possible_value())]);
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
    let mut out = io::stdout().lock();
    for (line, count) in statistics.lines() {
        writeln!(out, "count {count} {line}")?;
    }
    writeln!(out, "programs {}", statistics.programs)?;
    writeln!(out, "lost {}", lost_thread_pointers())?;
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
    if campaign.kind == Kind::AArch32 && !host.has_aarch32() {
        bail!("the CPUs of this host have no AArch32 at EL1; hint: an emulated Cortex-A57 has it");
    }
    let config = host.config()?;
    campaign::run(campaign, &config, &mut host, |difference| print_difference(&difference.to_string()))
}

#[cfg(target_arch = "aarch64")]
use switchboard_kvm::raw::lost_thread_pointers;

#[cfg(not(target_arch = "aarch64"))]
const fn lost_thread_pointers() -> u64 {
    0
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

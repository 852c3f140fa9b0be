//! The command line.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::lab::{Mapping, Memory};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a command on an arm64 Linux host with KVM
    Lab(LabArguments),
    /// Run a Linux guest under Switchboard, on an arm64 host with KVM
    Run(RunArguments),
    /// Compare the model of KVM with KVM, program by program
    #[command(after_help = CONFORM_HELP)]
    Conform(ConformArguments),
    /// Run every check and test
    Test(TestArguments),
    /// Fetch what the other commands need (they also do that themselves)
    #[command(after_help = SETUP_HELP)]
    Setup,
    /// Build `switchboard`, the lab's init and the bare-metal guest for arm64, and print where they are
    Build,
}

const SETUP_HELP: &str = "\
Environment:
  SWITCHBOARD_CACHE           where fetched files are kept (default: .cache in the workspace)
  SWITCHBOARD_DEBIAN_ARCHIVE  Debian's archive (default: the one that apt on this machine uses)
  SWITCHBOARD_TOOLCHAIN       `rustup` or `debian`: where the arm64 toolchain comes from
                              (default: rustup's target, and Debian's compiler where that cannot be had)";

const LAB_HELP: &str = "\
The command is a busybox applet, a path in the lab, or a static arm64 program of this machine: a path of an arm64 file \
here, with a `/` in it, is put into the lab by itself. It runs in a fresh folder (/lab when emulated), on a terminal if \
standard input and output are terminals. What it leaves running ends with it.

Exit status:
  that of the command, 128 and the number of the signal that ended it, 126 if it cannot be run, 127 if it is not found
  124  the time given by --timeout is over
  125  the lab itself failed, or a file of --get could not be had
  130, 143, ...  xtask was interrupted by SIGINT, SIGTERM, ...; the command gets the signal and a second to end";

/// Where the lab is.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(crate) struct Place {
    /// On this machine itself, which must be an arm64 host with KVM
    #[arg(long, conflicts_with = "emulated")]
    pub(crate) native: bool,
    /// On an emulated host, even if this machine could run the command itself
    #[arg(long)]
    pub(crate) emulated: bool,
}

/// The emulated host.
#[derive(Args, Clone)]
pub(crate) struct HostArguments {
    /// The host's kernel: 6.12 (Debian stable), 7.2 (Debian testing), 6.1 (without the filter), 6.12-full (stable's with
    /// the drivers of all machines), or the path of an Image
    #[arg(long, value_name = "KERNEL", default_value = "6.12")]
    pub(crate) host_kernel: Kernel,
    /// The model of the host's CPUs, as QEMU names it
    #[arg(long, value_name = "MODEL", default_value = "neoverse-n1")]
    pub(crate) cpu: String,
    /// How many CPUs the host has
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) smp: u16,
    /// The host's memory, as 512M or 2G
    #[arg(long, value_name = "SIZE", default_value = "2G")]
    pub(crate) memory: Memory,
    /// The version of the host's interrupt controller
    #[arg(long, value_name = "VERSION", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=3))]
    pub(crate) gic: u8,
    /// Add this to the host kernel's command line
    #[arg(long, value_name = "STRING")]
    pub(crate) append: Option<String>,
    /// Where the host is
    #[command(flatten)]
    pub(crate) place: Place,
    /// End the command after so many seconds, with exit status 124
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u32>,
    /// Show the host kernel's messages on standard error
    #[arg(long)]
    pub(crate) verbose: bool,
}

/// `cargo xtask lab`.
#[derive(Args)]
#[command(after_help = LAB_HELP)]
pub(crate) struct LabArguments {
    /// The host.
    #[command(flatten)]
    pub(crate) host: HostArguments,
    /// Put a file into the lab; a relative REMOTE counts from the command's folder
    #[arg(long, value_name = "LOCAL=REMOTE")]
    pub(crate) put: Vec<Mapping>,
    /// Get a file from the lab when the command has ended
    #[arg(long, value_name = "REMOTE=LOCAL")]
    pub(crate) get: Vec<Mapping>,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

const RUN_HELP: &str = "\
Without --kernel and --initrd among the arguments, the guest is Debian's kernel with a small system that gives a shell; \
leaving the shell powers the guest off, and ^A x leaves at any time. A path of this machine after --kernel or --initrd is \
put into the lab. Without --append, the guest's command line is `quiet`. SIGUSR1 lists the calls so far.

Exit status: that of `switchboard run`; 124 and 125 as for `cargo xtask lab`.";

/// `cargo xtask run`.
#[derive(Args)]
#[command(after_help = RUN_HELP)]
pub(crate) struct RunArguments {
    /// The host.
    #[command(flatten)]
    pub(crate) host: HostArguments,
    /// The guest's kernel, as for --host-kernel
    #[arg(long, value_name = "KERNEL", default_value = "6.12")]
    pub(crate) guest_kernel: Kernel,
    /// Arguments of `switchboard run`
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub(crate) arguments: Vec<OsString>,
}

const CONFORM_HELP: &str = "\
A program is what a monitor and a guest do with one VM. Each is performed by KVM and by the model, and what can be seen of \
it compared: error numbers, exits, registers, PC, MP states. The shortest program that shows a difference is printed, and \
what was run, by kind. The same seed gives the same programs.

Exit status: 0 if nothing differs, 1 if anything does, 10 if KVM cannot be used or the tester failed, 125 if the lab did.";

/// `cargo xtask conform`.
#[derive(Args)]
pub(crate) struct ConformArguments {
    /// What the model is compared with: KVM in the lab; or, on this machine, a plain reading of the filter's rules, which
    /// says who answers a call and not what KVM's own services answer
    #[arg(long, value_enum, default_value_t = Against::Kvm)]
    pub(crate) against: Against,
    /// The kernels of the arm64 hosts (default: 6.12 and 7.2)
    #[arg(long, value_name = "KERNEL")]
    pub(crate) host_kernel: Vec<Kernel>,
    /// How many programs, on each host
    #[arg(long, value_name = "NUMBER", default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) programs: u64,
    /// What decides the programs
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The number of the first program: with `--programs 1`, one program again
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) first: u64,
    /// The state of the guest's EL1. AArch32 needs a CPU that has it: an emulated host gets one
    #[arg(long, value_enum, default_value_t = State::Aarch64)]
    pub(crate) state: State,
    /// How many processes share the programs
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) jobs: u64,
    /// Where the arm64 host is.
    #[command(flatten)]
    pub(crate) place: Place,
}

/// What the model is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Against {
    /// KVM.
    Kvm,
    /// The plain reading of the filter's rules, as of 7.2.
    Naive,
}

/// The state of a guest's EL1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// 64 bits.
    Aarch64,
    /// 32 bits.
    Aarch32,
}

const TEST_HELP: &str = "\
The checks (format, lints), the tests on this machine, and the tests named lab_* of the packages that need KVM, on an \
arm64 host of each kernel; those named lab_on_NAME run on a host of their own; and seeded programs for the comparison of \
the model with KVM (`conform`). With a filter, only tests whose name contains it, and no checks.

Exit status: 0 if everything passed, 1 if anything failed, 125 if something could not be run.";

/// `cargo xtask test`.
#[derive(Args)]
#[command(after_help = TEST_HELP)]
pub(crate) struct TestArguments {
    /// Only what needs no arm64 host
    #[arg(long)]
    pub(crate) host_only: bool,
    /// The kernels of the arm64 hosts (default: 6.12, 7.2 and what special hosts have)
    #[arg(long, value_name = "KERNEL")]
    pub(crate) host_kernel: Vec<Kernel>,
    /// Where the arm64 host is.
    #[command(flatten)]
    pub(crate) place: Place,
    /// The tests that have a long form at full length: a thousand hotplug requests where CI makes forty
    #[arg(long)]
    pub(crate) long: bool,
    /// Only tests whose name contains this, and all of a program whose name does (lab_hotplug)
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Option<String>,
}

/// A kernel for a host or a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Debian 12's: KVM without the filter.
    V6_1,
    /// Debian 13's, the small one for virtual machines.
    V6_12,
    /// Debian 13's, the one for all machines.
    V6_12Full,
    /// That of Debian's testing suite, 7.2 or newer.
    V7_2,
    /// An Image of this machine.
    Path(PathBuf),
}

impl FromStr for Kernel {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "6.1" => Self::V6_1,
            "6.12" => Self::V6_12,
            "6.12-full" => Self::V6_12Full,
            "7.2" => Self::V7_2,
            path => Self::Path(path.into()),
        })
    }
}

impl std::fmt::Display for Kernel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::V6_1 => formatter.write_str("6.1"),
            Self::V6_12 => formatter.write_str("6.12"),
            Self::V6_12Full => formatter.write_str("6.12-full"),
            Self::V7_2 => formatter.write_str("7.2"),
            Self::Path(path) => path.display().fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_command_keeps_its_options() {
        let cli =
            Cli::try_parse_from(["xtask", "lab", "--smp", "4", "--put", "a=b", "--", "ls", "--put", "-l"]);
        let Ok(Command::Lab(arguments)) = cli.map(|cli| cli.command) else { panic!("not the lab") };
        assert_eq!(arguments.command, ["ls", "--put", "-l"]);
        assert_eq!((arguments.host.smp, arguments.put.len()), (4, 1));
        assert!(Cli::try_parse_from(["xtask", "lab"]).is_err());
        assert!(Cli::try_parse_from(["xtask", "lab", "--native", "--emulated", "--", "x"]).is_err());
    }

    #[test]
    fn kernels_are_names_or_paths() {
        for kernel in [Kernel::V6_1, Kernel::V6_12, Kernel::V6_12Full, Kernel::V7_2] {
            assert_eq!(kernel.to_string().parse(), Ok(kernel));
        }
        assert_eq!("./Image".parse(), Ok(Kernel::Path("./Image".into())));
    }
}

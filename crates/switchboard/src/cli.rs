//! The arguments.

mod policy;
mod services;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use switchboard_machine::{Cpus, FeatureRequest, PsciVersion, Wanted};

use crate::exit;

pub(crate) use policy::{
    CheckArguments, ExplainArguments, NamesArguments, Offered, OnePolicy, PolicyArguments, PolicyCommand,
    TwoPolicies,
};
pub(crate) use services::{Contradiction, ServiceArguments};

/// Answers a guest's SMCCC calls in userspace.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Boot a guest whose firmware calls are answered in userspace.
    #[command(after_help = exit::HELP)]
    Run(Box<RunArguments>),
    /// Tell a machine that runs what to do, or ask how it is.
    #[command(after_help = exit::CTL_HELP, disable_help_subcommand = true)]
    Ctl(CtlArguments),
    /// Say what this host's KVM offers.
    Host(HostArguments),
    /// Policies: what a guest may call, and who answers.
    #[command(subcommand, disable_help_subcommand = true, after_help = exit::POLICY_HELP)]
    Policy(PolicyCommand),
    /// Say everything about one call: who specifies it, what KVM does with it, and what a policy does and by which line.
    #[command(after_help = exit::POLICY_HELP)]
    Explain(ExplainArguments),
    /// List the functions that are known by name.
    Names(NamesArguments),
    /// Print the completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    Man {
        /// Which folder.
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The kernel: an arm64 Image, plain, compressed with gzip or zstd, or an EFI zboot image.
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel: PathBuf,

    /// The initial RAM disk.
    #[arg(long, value_name = "FILE")]
    pub(crate) initrd: Option<PathBuf>,

    /// The kernel's command line. Without a `console=`, the kernel takes the serial port.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) append: String,

    /// How many CPUs: a number, or `boot=N,max=M` for a guest that boots with N and can come to have M.
    #[arg(long, value_name = "CPUS", default_value = "1", value_parser = parse_cpus)]
    pub(crate) cpus: Cpus,

    /// Describe the hardware by ACPI tables. The default where CPUs can come and go: a guest with a device tree cannot be
    /// told.
    #[arg(long, conflicts_with = "fdt")]
    pub(crate) acpi: bool,

    /// Describe the hardware by a device tree. The default otherwise.
    #[arg(long)]
    pub(crate) fdt: bool,

    /// How much memory, with a suffix: M or G.
    #[arg(long = "mem", value_name = "SIZE", default_value = "512M", value_parser = parse_size)]
    pub(crate) memory: u64,

    /// The instruction that the guest is told to call its firmware with. Both are answered.
    #[arg(long, value_enum, default_value_t = Conduit::Hvc)]
    pub(crate) conduit: Conduit,

    /// Who answers the guest's PSCI calls: Switchboard, in userspace, or KVM's own PSCI, in the kernel. With KVM's,
    /// no call of PSCI is forwarded.
    #[arg(long, value_enum, value_name = "WHO", default_value_t = AnsweredBy::Userspace)]
    pub(crate) psci: AnsweredBy,

    /// The version of PSCI that the guest sees: 0.2, 1.0, 1.1, 1.2 or 1.3. The latest by default. A guest that sees 0.2
    /// does not find SMCCC 1.1, nor what is built on it.
    #[arg(long, value_name = "VERSION")]
    pub(crate) psci_version: Option<PsciVersion>,

    #[command(flatten)]
    pub(crate) policy: PolicyArguments,

    #[command(flatten)]
    pub(crate) services: ServiceArguments,

    /// Optional features of the CPUs: `pmu`, `pauth` and `sve`, each `=on` or `=off`, separated by commas. A
    /// feature that is not named is there where the host has it.
    #[arg(long, value_name = "LIST", default_value = "", value_parser = parse_features)]
    pub(crate) cpu_features: FeatureRequest,

    /// End when the guest resets, with status 64 (67 for a warm reset), instead of starting it anew.
    #[arg(long)]
    pub(crate) no_reboot: bool,

    /// Write the guest's device tree to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) dtb_dump: Option<PathBuf>,

    /// Listen for `switchboard ctl` on a Unix socket.
    #[arg(long, value_name = "FILE")]
    pub(crate) control: Option<PathBuf>,

    /// Do not list the calls that were answered when the machine ends.
    #[arg(long)]
    pub(crate) quiet: bool,

    /// List them as JSON, when the machine ends and at SIGUSR1.
    #[arg(long)]
    pub(crate) json: bool,

    /// When the machine ends, list them in a file instead of on standard error.
    #[arg(long, value_name = "FILE", conflicts_with = "quiet")]
    pub(crate) calls: Option<PathBuf>,

    /// Measure the CPU time of each call as well, for the list as JSON. It takes two system calls more for each.
    #[arg(long, requires = "json")]
    pub(crate) cpu_time: bool,

    /// KVM's device.
    #[arg(long, value_name = "FILE", default_value = "/dev/kvm")]
    pub(crate) kvm: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CtlArguments {
    /// The machine's socket: what its `switchboard run` was given with `--control`.
    pub(crate) socket: PathBuf,

    /// Print the answer as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: CtlCommand,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum CtlCommand {
    /// Say how the machine is.
    Status,
    /// CPUs that come and go: `cpus list`, `cpus set N`, `cpus add ID`, `cpus remove ID`.
    #[command(
        subcommand,
        disable_help_subcommand = true,
        override_usage = "switchboard ctl <SOCKET> cpus <COMMAND>"
    )]
    Cpus(CpusCommand),
    /// Press the power button: the guest decides what to do.
    PowerButton,
    /// Interrupt the guest, even one that hangs with interrupts off: Linux panics, and says where it was. The machine needs
    /// `--sdei`, and a Linux guest ACPI.
    Nmi {
        /// On this CPU, so that its state is the one that is shown. On any that can take it without.
        #[arg(long, value_name = "ID")]
        cpu: Option<u32>,
    },
    /// Reset the machine, without asking the guest.
    Reset,
    /// Switch the machine off, without asking the guest.
    Stop,
    /// Let no CPU run until `resume`.
    Pause,
    /// Let the CPUs run again.
    Resume,
    /// Wake the machine from suspend-to-RAM.
    Wake,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum CpusCommand {
    /// List every CPU that the machine can have.
    #[command(override_usage = "switchboard ctl <SOCKET> cpus list [OPTIONS]")]
    List,
    /// Add or remove CPUs until there are this many.
    #[command(override_usage = "switchboard ctl <SOCKET> cpus set [OPTIONS] <COUNT>")]
    Set {
        /// How many, the boot CPU included.
        count: u32,
        #[command(flatten)]
        wait: Wait,
    },
    /// Let the guest have a CPU.
    #[command(override_usage = "switchboard ctl <SOCKET> cpus add [OPTIONS] <ID>")]
    Add {
        /// Which one.
        id: u32,
        #[command(flatten)]
        wait: Wait,
    },
    /// Ask the guest for a CPU back.
    #[command(override_usage = "switchboard ctl <SOCKET> cpus remove [OPTIONS] <ID>")]
    Remove {
        /// Which one.
        id: u32,
        #[command(flatten)]
        wait: Wait,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Wait {
    /// Wait until the guest has done it; 30 seconds without a number.
    #[arg(
        long = "wait",
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "30"
    )]
    pub(crate) seconds: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct HostArguments {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// KVM's device.
    #[arg(long, value_name = "FILE", default_value = "/dev/kvm")]
    pub(crate) kvm: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Conduit {
    Hvc,
    Smc,
}

impl From<Conduit> for switchboard_machine::Conduit {
    fn from(conduit: Conduit) -> Self {
        match conduit {
            Conduit::Hvc => Self::Hvc,
            Conduit::Smc => Self::Smc,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AnsweredBy {
    Userspace,
    Kvm,
}

impl From<AnsweredBy> for switchboard_machine::AnsweredBy {
    fn from(who: AnsweredBy) -> Self {
        match who {
            AnsweredBy::Userspace => Self::Userspace,
            AnsweredBy::Kvm => Self::Kvm,
        }
    }
}

/// The granule of memory: KVM maps it in blocks of this size where it can.
const MEMORY_GRANULE: u64 = 2 << 20;

fn parse_size(text: &str) -> Result<u64, String> {
    let (number, shift) = match text.as_bytes().last() {
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => return Err("a suffix is missing: M for MiB or G for GiB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|error| format!("{error}"))?;
    let size = number.checked_mul(1 << shift).ok_or("that is more than 64 bits can count")?;
    if size == 0 || size % MEMORY_GRANULE != 0 {
        return Err("it must be a multiple of 2M, and not zero".to_owned());
    }
    Ok(size)
}

fn parse_cpus(text: &str) -> Result<Cpus, String> {
    let number = |text: &str| text.parse::<u32>().map_err(|error| format!("`{text}`: {error}"));
    if !text.contains('=') {
        return number(text).map(Cpus::fixed);
    }
    let (mut boot, mut max) = (None, None);
    for item in text.split(',') {
        let (name, value) = item.split_once('=').ok_or_else(|| format!("`{item}` is not boot=N or max=N"))?;
        let slot = match name {
            "boot" => &mut boot,
            "max" => &mut max,
            _ => return Err(format!("there is no `{name}`: there are boot and max")),
        };
        if slot.replace(number(value)?).is_some() {
            return Err(format!("`{name}` is there twice"));
        }
    }
    let boot = boot.ok_or("`boot=` is missing")?;
    let max = max.ok_or("`max=` is missing")?;
    Ok(Cpus { boot, max })
}

fn parse_features(text: &str) -> Result<FeatureRequest, String> {
    let mut request = FeatureRequest::default();
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let (name, value) =
            item.split_once('=').ok_or_else(|| format!("`{item}` is not NAME=on or NAME=off"))?;
        let wanted = match value {
            "on" => Wanted::Yes,
            "off" => Wanted::No,
            _ => return Err(format!("`{value}` is neither on nor off")),
        };
        match name {
            "pmu" => request.pmu = wanted,
            "pauth" => request.pauth = wanted,
            "sve" => request.sve = wanted,
            _ => return Err(format!("there is no feature `{name}`: there are pmu, pauth and sve")),
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_a_suffix_and_are_multiples_of_2m() {
        assert_eq!(parse_size("512M"), Ok(512 << 20));
        assert_eq!(parse_size("4g"), Ok(4 << 30));
        for wrong in ["", "M", "512", "3M", "0M", "-1M", "1.5G", "99999999999999999G"] {
            parse_size(wrong).unwrap_err();
        }
    }

    #[test]
    fn cpus_are_a_number_or_two() {
        assert_eq!(parse_cpus("4"), Ok(Cpus { boot: 4, max: 4 }));
        assert_eq!(parse_cpus("boot=2,max=8"), Ok(Cpus { boot: 2, max: 8 }));
        assert_eq!(parse_cpus("max=8,boot=2"), Ok(Cpus { boot: 2, max: 8 }));
        for wrong in
            ["", "-1", "2,8", "boot=2", "max=8", "boot=2,boot=3", "boot=2,max=", "boot=2,most=8", "0x2"]
        {
            parse_cpus(wrong).unwrap_err();
        }
    }

    #[test]
    fn features_that_are_not_named_are_there_where_the_host_has_them() {
        let request = parse_features("sve=off,pmu=on").unwrap();
        assert_eq!(request, FeatureRequest { pmu: Wanted::Yes, pauth: Wanted::IfPresent, sve: Wanted::No });
        for wrong in ["sve", "sve=maybe", "mte=on"] {
            parse_features(wrong).unwrap_err();
        }
    }
}

//! `switchboard run`.

use std::{
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use switchboard_machine::{
    Answerer, CallStatistics, Config, Console, Control, CpuTime, Description, End, Error, InputKind, Machine,
    OffKind, OnReset, Personality, Presence, PsciVersion, RawTerminal, ResetKind, Surroundings, offered,
};

use crate::{
    cli::{AnsweredBy, Contradiction, RunArguments},
    exit::Status,
    failure::Failure,
    listing::{Listing, TerminalMode},
    log, policy, signals,
};

/// A guest asks for SMCCC 1.1 by `PSCI_FEATURES`, which 0.2 has not.
const WARNING_0_2: &str = "\
warning: a guest that sees PSCI 0.2 does not find SMCCC 1.1: it uses no TRNG, no PV time, no services of KVM's, and no
         workaround of its firmware against vulnerabilities of the CPU";

/// Its driver looks in device trees alone.
const WARNING_WATCHDOG: &str = "\
warning: Linux does not find the watchdog where the hardware is described by ACPI; `--fdt` describes it by a device tree";

/// Linux registers a handler for the NMI with ACPI alone.
const WARNING_SDEI: &str = "\
warning: a Linux guest with a device tree registers no handler for the NMI; `--acpi` describes the hardware by ACPI";

/// Linux 6.12 looks for Hyper-V in the ACPI tables alone.
const WARNING_HYPERV: &str = "\
warning: Linux 6.12 finds Hyper-V only where the hardware is described by ACPI; `--acpi` does that";

/// Boots a guest and runs it to its end.
pub(crate) fn run(arguments: &RunArguments) -> Result<Status, Failure> {
    let mut listing = Listing::open(arguments)?;
    if arguments.psci_version == Some(PsciVersion::V0_2) {
        let _ = writeln!(io::stderr(), "{WARNING_0_2}");
    }
    let config = config(arguments)?;
    listing.hold(config.plan.as_ref());
    if config.services.watchdog.is_some() && config.description == Description::Acpi {
        let _ = writeln!(io::stderr(), "{WARNING_WATCHDOG}");
    }
    if config.description == Description::DeviceTree {
        if config.services.sdei == Presence::Present && arguments.policy.policy.is_none() {
            let _ = writeln!(io::stderr(), "{WARNING_SDEI}");
        }
        if config.services.personality == Personality::HyperV {
            let _ = writeln!(io::stderr(), "{WARNING_HYPERV}");
        }
    }
    let mut machine = Machine::new(config)?;
    let statistics = Arc::new(machine.statistics());
    raise_file_limit();

    let result = run_on_terminal(&mut machine, &statistics, &listing)?;
    if matches!(result, Ok(End::Quit)) {
        // The guest's last line is not at its end.
        let _ = writeln!(io::stderr());
    }
    let listed = match &result {
        // A machine that stopped half-way has calls to show, and they help to see why. One that never ran has not.
        Ok(end) => listing.print_at_end(&statistics, Some(end)),
        Err(Error::Vcpu { .. }) => listing.print_at_end(&statistics, None),
        Err(_) => Ok(()),
    };
    if let Err(error) = &listed {
        // The guest's end matters more than this, and is what the process ends with.
        let _ = writeln!(io::stderr(), "warning: the calls could not be listed: {error}");
    }
    Ok(match result? {
        End::Off(OffKind::Off) => Status::Success,
        End::Off(OffKind::Hibernate) => Status::Hibernated,
        End::Reset(ResetKind::Cold) => Status::GuestReset,
        End::Reset(ResetKind::Warm) => Status::GuestWarmReset,
        End::Quit => Status::Left,
        End::Stopped => Status::Stopped,
        End::Watchdog => Status::Bitten,
        End::Signal(signal) => {
            signals::die_by(signal);
            Status::Failure
        }
    })
}

/// Runs the machine on a terminal in raw mode, if there is one, and restores it before anything is said.
fn run_on_terminal(
    machine: &mut Machine,
    statistics: &Arc<CallStatistics>,
    listing: &Listing,
) -> Result<Result<End, Error>, Failure> {
    let control = Arc::new(Control::new());
    let restorer = signals::Terminal::default();
    let raw = Arc::new(AtomicBool::new(false));
    let on_user = {
        let (listing, statistics, raw) = (listing.clone(), Arc::clone(statistics), Arc::clone(&raw));
        move || {
            let mode = if raw.load(Ordering::Relaxed) { TerminalMode::Raw } else { TerminalMode::Ordinary };
            listing.print_now(&statistics, mode);
        }
    };
    signals::handle(&control, &restorer, on_user)
        .map_err(|error| Failure::host("handling signals", &error))?;
    let terminal = RawTerminal::enter(io::stdin())?;
    if let Some(terminal) = &terminal {
        restorer.get_or_init(|| terminal.restorer());
        raw.store(true, Ordering::Relaxed);
    }
    let log = log::write(statistics, &raw).map_err(|error| Failure::host("starting a thread", &error))?;
    let console = console(terminal.as_ref())?;
    let result = machine.run(Surroundings { console: &console, statistics, control: &control });
    drop(terminal);
    raw.store(false, Ordering::Relaxed);
    statistics.log().finish();
    // What was logged comes before the list.
    if log.is_some_and(|thread| thread.join().is_err()) {
        let _ = writeln!(io::stderr(), "warning: the log of the guest is cut off");
    }
    if let Some(error) = console.output_error() {
        let _ = writeln!(io::stderr(), "warning: the guest's output is cut off: {error}");
    }
    Ok(result)
}

fn config(arguments: &RunArguments) -> Result<Config, Failure> {
    let usual = match arguments.psci {
        AnsweredBy::Userspace => Answerer::Userspace,
        AnsweredBy::Kvm => Answerer::Kvm,
    };
    let mut config = Config {
        plan: None,
        kvm: arguments.kvm.clone(),
        kernel: arguments.kernel.clone(),
        initrd: arguments.initrd.clone(),
        command_line: arguments.append.clone(),
        cpus: arguments.cpus,
        description: if arguments.acpi || arguments.cpus.can_change() && !arguments.fdt {
            Description::Acpi
        } else {
            Description::DeviceTree
        },
        psci_version: arguments.psci_version,
        memory: arguments.memory,
        conduit: arguments.conduit.into(),
        psci: arguments.psci.into(),
        services: arguments.services.services(usual)?,
        features: arguments.cpu_features,
        on_reset: if arguments.no_reboot { OnReset::End } else { OnReset::Restart },
        cpu_time: if arguments.cpu_time { CpuTime::Measured } else { CpuTime::NotMeasured },
        device_tree: arguments.dtb_dump.clone(),
        control: arguments.control.clone(),
    };
    if let Some(name) = &arguments.policy.policy {
        follow(name, arguments, &mut config)?;
    }
    Ok(config)
}

/// Holds the machine to a policy, which decides before anything runs.
fn follow(name: &str, arguments: &RunArguments, config: &mut Config) -> Result<(), Failure> {
    let services = offered(&config.services, config.psci_version.unwrap_or_default()).map_err(Error::from)?;
    let denials = policy::denials(arguments.policy.deny_in_userspace);
    let policy = policy::read(name, &services, denials)?;
    policy.proof().map_err(|disproof| Failure::new(Status::Failure, disproof.to_string(), None))?;
    let plan = policy.plan().clone();
    let pinned = plan.registers.psci_version.and_then(PsciVersion::of_number);
    match (config.psci_version, pinned) {
        (Some(asked), Some(pinned)) if asked != pinned => {
            let message = "`--psci-version` is another one than the policy has pinned";
            return Err(Contradiction(message).into());
        }
        (None, pinned) => config.psci_version = pinned,
        (Some(_), _) => {}
    }
    config.follow(plan);
    Ok(())
}

fn console(terminal: Option<&RawTerminal>) -> Result<Console, Failure> {
    // Without a standard input nothing is ever typed.
    let input = io::stdin().as_fd().try_clone_to_owned().ok();
    let output = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| Failure::host("duplicating the standard output", &error))?;
    let kind = if terminal.is_some() { InputKind::Terminal } else { InputKind::Stream };
    Ok(Console::new(input, output, kind))
}

/// A vCPU takes two descriptors, and the usual soft limit is 1,024: as many as may be had without asking.
fn raise_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it cannot be raised, the machine with too many vCPUs says what it could not open.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

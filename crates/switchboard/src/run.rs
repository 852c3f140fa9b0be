//! `switchboard run`.

use std::{fs, io, os::fd::AsFd, path::PathBuf, sync::Arc};

use switchboard_machine::{
    CallStatistics, Config, Console, Control, End, Error, InputKind, OnReset, RawTerminal,
};

use crate::{cli::RunArguments, exit::Status, failure::Failure, report, signals, table};

/// Boots a guest and runs it to its end.
pub(crate) fn run(arguments: &RunArguments) -> Result<Status, Failure> {
    let config = config(arguments);
    let listing = Listing::new(arguments);
    // A number of CPUs that cannot be is refused later, with the limit of this host.
    let cpus = usize::try_from(arguments.cpus).unwrap_or(0).min(MOST_TABLES);
    let statistics = Arc::new(CallStatistics::new(cpus));
    let control = Arc::new(Control::new());

    let result = {
        let terminal = RawTerminal::enter(io::stdin())?;
        let console = console(terminal.as_ref())?;
        let on_user = {
            let (listing, statistics) = (listing.clone(), Arc::clone(&statistics));
            let newline = if terminal.is_some() { "\r\n" } else { "\n" };
            move || listing.print_now(&statistics, newline)
        };
        let restorer = terminal.as_ref().map(RawTerminal::restorer);
        signals::handle(Arc::clone(&control), restorer, on_user)
            .map_err(|error| Failure::host("handling signals", &error))?;
        switchboard_machine::run(&config, &console, &statistics, &control)
        // The terminal's mode is restored here, before anything is said.
    };
    let end = match result {
        Ok(end) => {
            listing.print_at_end(&statistics)?;
            end
        }
        // A machine that stopped half-way has calls to show, and they help to see why.
        Err(error @ Error::Vcpu { .. }) => {
            listing.print_at_end(&statistics)?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    Ok(match end {
        End::Off => Status::Success,
        End::Reset => Status::GuestReset,
        End::Quit => Status::Left,
        End::Signal(signal) => {
            signals::die_by(signal);
            Status::Failure
        }
    })
}

/// Tables are made before KVM is asked how many vCPUs there can be; no KVM has more.
const MOST_TABLES: usize = 4096;

fn config(arguments: &RunArguments) -> Config {
    Config {
        kvm: arguments.kvm.clone(),
        kernel: arguments.kernel.clone(),
        initrd: arguments.initrd.clone(),
        command_line: arguments.append.clone(),
        cpus: arguments.cpus,
        memory: arguments.memory,
        conduit: arguments.conduit.into(),
        features: arguments.cpu_features,
        on_reset: if arguments.no_reboot { OnReset::End } else { OnReset::Restart },
        device_tree: arguments.dtb_dump.clone(),
    }
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

/// Where and how the calls are listed.
#[derive(Debug, Clone)]
struct Listing {
    form: Form,
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Quiet,
    Text,
    Json,
}

impl Listing {
    fn new(arguments: &RunArguments) -> Self {
        let form = match (arguments.quiet, arguments.json) {
            (true, _) => Form::Quiet,
            (false, true) => Form::Json,
            (false, false) => Form::Text,
        };
        Self { form, file: arguments.calls.clone() }
    }

    fn render(&self, statistics: &CallStatistics) -> String {
        match self.form {
            Form::Json => report::json(&table::report(statistics)),
            Form::Quiet | Form::Text => table::text(statistics),
        }
    }

    /// At `SIGUSR1`: always, since somebody asked. On standard error, where a person looks.
    fn print_now(&self, statistics: &CallStatistics, newline: &str) {
        let text = self.render(statistics).replace('\n', newline);
        // There is nobody to tell if standard error is closed.
        let _ = report::print(io::stderr().lock(), &text);
    }

    fn print_at_end(&self, statistics: &CallStatistics) -> Result<(), Failure> {
        if self.form == Form::Quiet {
            return Ok(());
        }
        let text = self.render(statistics);
        let result = match &self.file {
            Some(path) => fs::write(path, text),
            None => report::print(io::stderr().lock(), &text),
        };
        result.map_err(|error| Failure::host("listing the calls", &error))
    }
}

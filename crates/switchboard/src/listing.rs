//! Where and how the calls are listed.

use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
};

use switchboard_filter::Action;
use switchboard_machine::{CallStatistics, Denials, End, Plan};

use crate::{
    cli::RunArguments,
    failure::Failure,
    report,
    table::{self, Held},
};

/// Where and how the calls are listed.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    form: Form,
    at_end: AtEnd,
    held: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

#[derive(Debug, Clone)]
enum AtEnd {
    Nothing,
    StandardError,
    File(Arc<Mutex<File>>),
}

/// Is standard error the terminal that is in raw mode, where a line needs a carriage return?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TerminalMode {
    Raw,
    Ordinary,
}

impl Listing {
    /// Opens the file for the list now: that it cannot be written is better known before the guest runs than after.
    pub(crate) fn open(arguments: &RunArguments) -> Result<Self, Failure> {
        let form = if arguments.json { Form::Json } else { Form::Text };
        let at_end = match &arguments.calls {
            _ if arguments.quiet => AtEnd::Nothing,
            None => AtEnd::StandardError,
            Some(path) => {
                let file = File::create(path)
                    .map_err(|error| Failure::host(&format!("creating {}", path.display()), &error))?;
                AtEnd::File(Arc::new(Mutex::new(file)))
            }
        };
        Ok(Self { form, at_end, held: Held::ToNothing })
    }

    /// The guest is held to this plan.
    pub(crate) fn hold(&mut self, plan: Option<&Plan>) {
        let denies = |plan: &Plan| plan.filter.rules().any(|rule| rule.action == Action::Deny);
        self.held = match plan.map(denies) {
            None => Held::ToNothing,
            Some(true) => Held::ToPolicy(Denials::InKernel),
            Some(false) => Held::ToPolicy(Denials::InUserspace),
        };
    }

    /// At `SIGUSR1`: always, since somebody asked. On standard error, where a person looks.
    pub(crate) fn print_now(&self, statistics: &CallStatistics, mode: TerminalMode) {
        let mut text = self.render(statistics, None);
        if mode == TerminalMode::Raw && io::stderr().is_terminal() {
            text = text.replace('\n', "\r\n");
        }
        // There is nobody to tell if standard error is closed.
        let _ = report::print(io::stderr().lock(), &text);
    }

    /// When the machine has ended; without `end`, by a failure.
    pub(crate) fn print_at_end(&self, statistics: &CallStatistics, end: Option<&End>) -> io::Result<()> {
        match &self.at_end {
            AtEnd::Nothing => Ok(()),
            AtEnd::StandardError => report::print(io::stderr().lock(), &self.render(statistics, end)),
            AtEnd::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.write_all(self.render(statistics, end).as_bytes())
            }
        }
    }

    fn render(&self, statistics: &CallStatistics, end: Option<&End>) -> String {
        match self.form {
            Form::Json => report::json(&table::report(statistics, end)),
            Form::Text => table::text(statistics, end, self.held),
        }
    }
}

//! Errors, for people.

use std::{
    error::Error as _,
    io::{self, Write},
};

use switchboard_kvm::{Error as KvmError, OpenError};
use switchboard_machine::{Error, ImageReason, PlacementError};

use crate::{cli::Contradiction, exit::Status};

/// Why a command failed: what a person is told, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    message: Message,
    hint: Option<String>,
}

#[derive(Debug)]
enum Message {
    /// What is wrong, in a sentence.
    Sentence(String),
    /// Findings, as they are to be printed.
    Findings(String),
}

impl Failure {
    /// Says on standard error what is wrong, and gives the status to end with.
    pub(crate) fn report(self) -> Status {
        let hint = self.hint.map(|hint| format!("\nhint: {hint}\n")).unwrap_or_default();
        // There is nobody to tell if standard error is closed; the status still says it.
        let _ = match self.message {
            Message::Sentence(sentence) => write!(io::stderr(), "error: {sentence}\n{hint}"),
            Message::Findings(findings) => writeln!(io::stderr(), "{findings}"),
        };
        self.status
    }

    pub(crate) fn new(status: Status, message: String, hint: Option<String>) -> Self {
        Self { status, message: Message::Sentence(message), hint }
    }

    /// Findings that have been made readable already.
    pub(crate) fn findings(status: Status, findings: String) -> Self {
        Self { status, message: Message::Findings(findings), hint: None }
    }

    pub(crate) fn host(action: &str, source: &io::Error) -> Self {
        Self::new(Status::Failure, format!("{action}: {source}"), None)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(status(&error), message(&error), error.hint())
    }
}

impl From<Contradiction> for Failure {
    fn from(Contradiction(message): Contradiction) -> Self {
        Self::new(Status::Usage, message.to_owned(), None)
    }
}

/// The error and what caused it, outermost first.
fn message(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    message
}

fn status(error: &Error) -> Status {
    match error {
        Error::Open(OpenError::Open { .. }) => Status::NoKvm,
        Error::Open(OpenError::NotKvm { .. } | OpenError::OtherArchitecture { .. }) => {
            Status::OtherArchitecture
        }
        Error::Kvm(KvmError::NoFilter) => Status::NoFilter,
        Error::Feature { .. }
        | Error::NoGic
        | Error::NoStolenTime
        | Error::Addresses { .. }
        | Error::PsciVersion { .. } => Status::HostLacks,
        Error::SdeiUnderKvm => Status::Usage,
        Error::External(_) => Status::NobodyAnswers,
        Error::Firmware(_) => Status::TwoAnswer,
        Error::OpenKernel { .. } => Status::KernelUnreadable,
        Error::Image(error) => match error.reason {
            ImageReason::Unreadable(_) => Status::KernelUnreadable,
            ImageReason::X86 => Status::X86Kernel,
            ImageReason::Elf | ImageReason::Arm32 | ImageReason::NotAnImage => Status::NotAnImage,
            ImageReason::TooLarge { .. } => Status::KernelDoesNotFit,
            ImageReason::Truncated { .. }
            | ImageReason::BigEndian
            | ImageReason::CompressionNotSupported { .. }
            | ImageReason::Corrupt { .. } => Status::KernelDamaged,
        },
        Error::Initrd { .. } => Status::InitrdUnreadable,
        Error::Placement(PlacementError::KernelDoesNotFit { .. }) => Status::KernelDoesNotFit,
        Error::Placement(
            PlacementError::InitrdDoesNotFit { .. } | PlacementError::InitrdOutOfReach { .. },
        ) => Status::InitrdDoesNotFit,
        Error::DeviceTree(_) => Status::CommandLine,
        Error::Cpus { .. } | Error::HotplugUnderKvm | Error::Acpi(_) => Status::Cpus,
        Error::Memory { .. } => Status::Memory,
        Error::Kvm(_)
        | Error::Control(_)
        | Error::DumpDeviceTree { .. }
        | Error::Host { .. }
        | Error::Panic { .. }
        | Error::Vcpu { .. } => Status::Failure,
    }
}

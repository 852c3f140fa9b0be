//! What is said on the control socket: one JSON object a line, a request answered by a response.
//!
//! The guide's page `reference/control.md` documents it. A field that is not known is refused in a request, so that a
//! mistake is not taken for an omission, and ignored in a response, so that a later server may say more.

use serde::{Deserialize, Serialize};

use super::request::Fields;

/// The version of the protocol. It changes where an old client would misunderstand a new server.
pub const VERSION: u32 = 1;
/// The longest line of a client, in bytes, its newline included.
pub const MAX_LINE: usize = 64 * 1024;

/// One line from a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Request {
    /// The version that the client speaks.
    pub protocol: u32,
    /// What it wants.
    #[serde(flatten)]
    pub command: Command,
}

/// What a client wants. It is read as a part of its [`Request`], which knows which fields it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Command {
    /// How the machine is.
    Status,
    /// Every CPU that the machine can have.
    Cpus,
    /// Add or remove CPUs until there are this many.
    SetCpus {
        /// How many, the boot CPU included.
        count: u32,
        /// How long to wait for the guest, in milliseconds; not at all without it.
        #[serde(skip_serializing_if = "Option::is_none")]
        wait: Option<u64>,
    },
    /// Let the guest have a CPU.
    AddCpu {
        /// Which one.
        cpu: u32,
        /// As for `set-cpus`.
        #[serde(skip_serializing_if = "Option::is_none")]
        wait: Option<u64>,
    },
    /// Ask the guest for a CPU back.
    RemoveCpu {
        /// Which one.
        cpu: u32,
        /// As for `set-cpus`.
        #[serde(skip_serializing_if = "Option::is_none")]
        wait: Option<u64>,
    },
    /// Press the power button.
    PowerButton,
    /// Interrupt the guest, whatever it has masked.
    Nmi {
        /// On this CPU; on any one without it.
        #[serde(skip_serializing_if = "Option::is_none")]
        cpu: Option<u32>,
    },
    /// Reset the machine, as its reset button would.
    Reset,
    /// Switch the machine off, as pulling its plug would.
    Stop,
    /// Let no CPU run.
    Pause,
    /// Let them run again.
    Resume,
    /// Wake the machine from suspend-to-RAM.
    Wake,
}

impl Request {
    /// In this version.
    #[must_use]
    pub const fn new(command: Command) -> Self {
        Self { protocol: VERSION, command }
    }
}

/// One line to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The version that the server speaks.
    pub protocol: u32,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
}

impl Response {
    /// In this version.
    #[must_use]
    pub fn new(answer: Result<Reply, Problem>) -> Self {
        Self { protocol: VERSION, answer: answer.into() }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It has been done, as the reply says.
    Reply(Reply),
    /// It has not been done.
    Problem(Problem),
}

impl From<Result<Reply, Problem>> for Answer {
    fn from(result: Result<Reply, Problem>) -> Self {
        match result {
            Ok(reply) => Self::Reply(reply),
            Err(problem) => Self::Problem(problem),
        }
    }
}

impl From<Answer> for Result<Reply, Problem> {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Reply(reply) => Ok(reply),
            Answer::Problem(problem) => Err(problem),
        }
    }
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Reply {
    /// It is done.
    Done,
    /// How the machine is.
    Status(Status),
    /// Every CPU that the machine can have, by number.
    Cpus {
        /// In order of their numbers.
        cpus: Vec<CpuStatus>,
    },
    /// What became of an interruption.
    Nmi {
        /// The CPU on which the guest's handler runs; none yet where all that could take it have events masked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cpu: Option<u32>,
    },
    /// What became of each CPU that was to change. Empty where nothing had to.
    Changes {
        /// In the order in which they were asked for.
        changes: Vec<ChangeReport>,
    },
}

/// How the machine is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// What it does.
    pub state: MachineState,
    /// How its guest learns of the hardware.
    pub description: Description,
    /// How many CPUs it can have.
    pub possible: u32,
    /// How many of them the guest may have now.
    pub present: u32,
    /// How many of them are on. 0 where KVM answers PSCI, and does not say.
    pub online: u32,
    /// How often it has been reset.
    pub resets: u64,
}

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineState {
    /// Its devices are being made: before its first instruction, or at a reset.
    Starting,
    /// Its CPUs run.
    Running,
    /// They have been paused.
    Paused,
    /// The guest has suspended the machine to RAM.
    Suspended,
    /// It has ended.
    Ended,
}

/// How a guest learns of its hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Description {
    /// By ACPI tables.
    Acpi,
    /// By a device tree.
    DeviceTree,
}

/// One CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CpuStatus {
    /// Its number.
    pub cpu: u32,
    /// Its affinity, as PSCI names it.
    pub affinity: u64,
    /// How it is.
    pub state: CpuState,
    /// The request that the guest has not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Change>,
}

/// How a CPU is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CpuState {
    /// The guest may not have it: `CPU_ON` is DENIED.
    Absent,
    /// The guest may have it, and has it off.
    Off,
    /// It is on.
    Online,
}

/// What is asked of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// To take a CPU.
    Add,
    /// To give one back.
    Remove,
}

/// What became of a request about one CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeReport {
    /// Which CPU.
    pub cpu: u32,
    /// What was asked for.
    pub change: Change,
    /// What became of it.
    pub result: ChangeResult,
    /// From the request to the result.
    pub milliseconds: u64,
}

/// What became of a request about one CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum ChangeResult {
    /// The request has been made, and nobody waits for the guest.
    Requested,
    /// Added: the guest has brought it online.
    Online,
    /// Removed: the guest has released it.
    Released,
    /// The guest refused.
    Refused {
        /// The event in its `_OST`.
        event: u32,
        /// The status in its `_OST`.
        status: u32,
    },
    /// In the time, the guest has not even noticed: it is still booting, or does not listen. The request stands.
    Unheard,
    /// In the time, the guest has noticed and said nothing more. The request stands.
    Unanswered,
    /// In the time, the guest has taken the CPU and not brought it online. It is the guest's to do so.
    NotOnline,
    /// The machine has ended, or another request has taken this one's place.
    Abandoned,
    /// The host has no room for the CPU's thread.
    Failed,
    /// Of several CPUs, this one could not be asked for: the guest is busy with it, or cannot be told. Others have been.
    Impossible,
}

/// Why a request has not been done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For programs.
    pub code: ProblemCode,
    /// For people.
    pub message: String,
    /// What to do about it, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// One about which there is nothing to do.
    #[must_use]
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// With what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Why a request has not been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// The line is no request.
    Malformed,
    /// The client speaks another version.
    Protocol,
    /// The machine cannot have such a CPU.
    NoSuchCpu,
    /// The boot CPU is never removed.
    BootCpu,
    /// More CPUs than the machine can have, or none.
    CpuCount,
    /// The CPU has that state already.
    Unchanged,
    /// The guest is busy with another request about that CPU.
    Busy,
    /// A device-tree guest is not told of anything, and cannot be asked for a CPU.
    DeviceTree,
    /// KVM answers PSCI, and knows of no policy.
    KvmPsci,
    /// The machine has no NMI.
    NoNmi,
    /// The guest has no handler for it, or has it disabled.
    NoHandler,
    /// The machine is not in a state in which that can be done.
    State,
    /// Too many clients.
    TooMany,
    /// One that only a later server has. The message says what it is.
    #[serde(other)]
    Other,
}

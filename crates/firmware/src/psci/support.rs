//! The support table of PSCI.

use switchboard_smccc::{
    FunctionId,
    catalogue::{self, Document},
};

use super::function::Function;

/// A row of the support table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// The function, with its ID and widths.
    pub function: &'static catalogue::Function,
    /// Is it implemented? If not, it is NOT_SUPPORTED, and `PSCI_FEATURES` says so.
    pub implemented: bool,
    /// How it behaves where the specification leaves a choice, and every difference from KVM's own PSCI.
    pub note: &'static str,
}

/// What holds for every function, implemented or not, and is otherwise in KVM.
pub const GENERAL_NOTE: &str = "a call changes x0 and nothing else; KVM clears x1 to x3 as well";

/// Every function of PSCI, by ID.
pub fn support() -> impl Iterator<Item = Support> {
    catalogue::functions().iter().filter(|function| function.document == Document::Psci).map(|function| {
        match Function::from_id(function.id) {
            Some(implemented) => Support { function, implemented: true, note: note(implemented) },
            None => Support { function, implemented: false, note: missing_note(function.id) },
        }
    })
}

const fn note(function: Function) -> &'static str {
    match function {
        Function::Version => "1.3. KVM: the version in its firmware register",
        Function::CpuSuspend => {
            "standby, and power-down that resumes at the entry point; the power states of the device tree, others \
             are INVALID_PARAMETERS. KVM: every power state is a standby"
        }
        Function::CpuOn => {
            "INVALID_ADDRESS for an entry outside memory (KVM does not check); ON_PENDING until the CPU's thread has \
             it (KVM: ALREADY_ON)"
        }
        Function::AffinityInfo => {
            "levels 0 to 3, as KVM; ON_PENDING is reported (KVM: ON); the level is read as 32 bits (KVM: as 64 in an \
             SMC64 call)"
        }
        Function::CpuOff | Function::MigrateInfoType => "as KVM",
        Function::SystemOff => "as KVM, which leaves it to the monitor",
        Function::SystemReset => {
            "a cold reset: memory is cleared, devices start anew. KVM leaves it to the monitor"
        }
        Function::Features => "SMCCC_VERSION as well, as KVM",
    }
}

/// Of the functions that are missing here, KVM has three.
const fn missing_note(id: FunctionId) -> &'static str {
    match id.0 {
        0x8400_000e => "KVM: where the monitor asks for it",
        0x8400_0012 => "KVM: from PSCI 1.1 on",
        0x8400_0015 => "KVM: from PSCI 1.3 on",
        _ => "as KVM",
    }
}

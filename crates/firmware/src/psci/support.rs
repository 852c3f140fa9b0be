//! The support table of PSCI.

use switchboard_smccc::catalogue::{self, Document};

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

/// Every function of PSCI, by ID.
pub fn support() -> impl Iterator<Item = Support> {
    catalogue::functions().iter().filter(|function| function.document == Document::Psci).map(|function| {
        let implemented = Function::from_id(function.id);
        Support { function, implemented: implemented.is_some(), note: implemented.map_or("", note) }
    })
}

const fn note(function: Function) -> &'static str {
    match function {
        Function::Version => "1.3. KVM: the version in its firmware register",
        Function::CpuSuspend => {
            "standby, and power-down that resumes at the entry point; the power states of the device tree, others \
             are INVALID_PARAMETERS. KVM: every power state is a standby"
        }
        Function::CpuOff => "as KVM",
        Function::CpuOn => {
            "INVALID_ADDRESS for an entry outside memory (KVM does not check); ON_PENDING until the CPU's thread has \
             it (KVM: ALREADY_ON); x1 to x3 of an SMC32 call keep their upper halves (KVM clears them)"
        }
        Function::AffinityInfo => {
            "levels 0 to 3, as KVM; ON_PENDING is reported (KVM: ON); the level is read as 32 bits (KVM: as 64 in an \
             SMC64 call); x1 to x3 of an SMC32 call keep their upper halves (KVM clears them)"
        }
        Function::MigrateInfoType => "2: no Trusted OS, as KVM",
        Function::SystemOff => "KVM: a system event",
        Function::SystemReset => "a cold reset: memory is cleared, devices start anew. KVM: a system event",
        Function::Features => "SMCCC_VERSION as well, as KVM",
    }
}

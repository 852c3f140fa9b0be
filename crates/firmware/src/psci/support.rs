//! The support table of PSCI.

use switchboard_smccc::catalogue::{self, Document};

use super::function::Function;
use crate::{Support, Supported};

/// What holds for every function, implemented or not, and is otherwise in KVM.
pub const GENERAL_NOTE: &str = "a call changes x0 and nothing else; KVM clears x1 to x3 as well";

/// Every function of PSCI, by ID.
pub fn support() -> impl Iterator<Item = Support> {
    catalogue::functions().iter().filter(|function| function.document == Document::Psci).map(|function| {
        match Function::from_id(function.id) {
            Some(implemented) => Support {
                function,
                supported: Supported::Since(implemented.since()),
                note: note(implemented),
            },
            None => Support {
                function,
                supported: Supported::No,
                note: "there is no Trusted OS to migrate. As KVM",
            },
        }
    })
}

const fn note(function: Function) -> &'static str {
    match function {
        Function::Version => "the version that was asked for. KVM: the one in its firmware register",
        Function::CpuSuspend => {
            "standby, and power-down that resumes at the entry point; the power states of the device tree, others \
             are INVALID_PARAMETERS. KVM: every power state is a standby"
        }
        Function::CpuOn => {
            "INVALID_ADDRESS for an entry outside memory or between instructions (KVM does not check), before 1.0 \
             INVALID_PARAMETERS; ON_PENDING until the CPU's thread has it (KVM: ALREADY_ON); DENIED for a CPU that the \
             guest may not have, before 1.2 INTERNAL_FAILURE (KVM knows of no such CPU)"
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
        Function::Features => {
            "SMCCC_VERSION as well, as KVM; `CPU_SUSPEND`: original format of the power state, OS-initiated mode (KVM: \
             without that mode)"
        }
        Function::CpuFreeze => "as `CPU_OFF`. KVM: not supported",
        Function::CpuDefaultSuspend => "the power-down state of `CPU_SUSPEND`. KVM: not supported",
        Function::NodeHwState => "level 0: there is nothing above the CPUs. KVM: not supported",
        Function::SystemSuspend => {
            "resumes at its entry point, on an interrupt or a wake event of the machine. KVM: where the monitor asks \
             for it"
        }
        Function::SetSuspendMode => {
            "both modes; there are no states above a CPU's, so they differ in nothing else. KVM: not supported"
        }
        Function::StatResidency => {
            "of completed stays, in microseconds; 0 for arguments that make no sense. KVM: not supported"
        }
        Function::StatCount => "of completed stays; 0 for arguments that make no sense. KVM: not supported",
        Function::SystemReset2 => {
            "the warm reset, type 0: memory is kept, devices start anew; no vendor's types. KVM leaves it to the \
             monitor, any vendor's type too"
        }
        Function::MemProtect => {
            "a warm reset clears memory as well; a cold one always does. KVM: not supported"
        }
        Function::MemProtectCheckRange => "all memory can be protected. KVM: not supported",
        Function::SystemOff2 => "`HIBERNATE_OFF`, by its number or by 0. KVM leaves it to the monitor",
    }
}

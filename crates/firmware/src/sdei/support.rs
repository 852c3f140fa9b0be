//! The support table of SDEI.

use switchboard_smccc::catalogue::{self, Document};

use super::function::Function;
use crate::{Support, Supported};

/// What holds for every function.
pub const GENERAL_NOTE: &str = "1.1, over HVC and SMC. Event numbers, interrupts and indices are W registers. A call changes x0 and \
                                nothing else. KVM has no SDEI; where others differ, it is TF-A's dispatcher";

/// Every function of SDEI, by ID.
pub fn support() -> impl Iterator<Item = Support> {
    catalogue::functions().iter().filter(|function| function.document == Document::Sdei).map(|function| {
        match Function::from_id(function.id) {
            Some(implemented) => Support { function, supported: Supported::Yes, note: note(implemented) },
            None => Support { function, supported: Supported::No, note: "" },
        }
    })
}

const fn note(function: Function) -> &'static str {
    match function {
        Function::Version => "1.1, vendor 0 (TF-A: 1.0)",
        Function::EventRegister => {
            "the entry point is virtual, and must be a multiple of 4; one relative to VBAR_EL1 is INVALID_PARAMETERS, as \
             `SDEI_FEATURES` says. For a private event routing mode and affinity are ignored. An affinity is its fields alone"
        }
        Function::EventEnable => "an event that came while it was disabled comes now",
        Function::EventDisable => "a handler that runs goes on",
        Function::EventContext => {
            "of the handler that runs; the index comes before that: INVALID_PARAMETERS above 17"
        }
        Function::EventComplete => "the status is not looked at",
        Function::EventCompleteAndResume => {
            "an address that is no multiple of 4 is INVALID_PARAMETERS, in a handler or not (TF-A: DENIED)"
        }
        Function::EventUnregister => {
            "PENDING while the handler runs, however often; it is unregistered with its completion"
        }
        Function::EventStatus => "of a private event, on the calling CPU",
        Function::EventGetInfo => {
            "routing of what is not registered is DENIED, and so while unregistration is pending"
        }
        Function::EventRoutingSet => "DENIED unless it is registered, disabled, and does not run",
        Function::PeMask => {
            "1 if the CPU was unmasked, else 0. A CPU starts masked, and is masked again by CPU_OFF"
        }
        Function::PeUnmask => "0",
        Function::InterruptBind => {
            "shared interrupts that the machine offers; all others, private ones among them, are INVALID_PARAMETERS. The same \
             event again if it is bound. DENIED while its line is high. Level-sensitive; the machine chooses the priority"
        }
        Function::InterruptRelease => "DENIED while it is registered or runs",
        Function::EventSignal => {
            "event 0. SUCCESS whatever the target has masked, enabled or registered (TF-A: INVALID_PARAMETERS); without a \
             handler that is registered, it is lost"
        }
        Function::Features => {
            "one bind slot for each interrupt that can be bound, all shared; entry points are not relative"
        }
        Function::PrivateReset => {
            "DENIED, and nothing changes, while a private handler runs on the calling CPU"
        }
        Function::SharedReset => {
            "DENIED, and nothing changes, while a shared handler runs (TF-A: unregisters the others)"
        }
    }
}

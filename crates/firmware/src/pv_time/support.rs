//! The support table of paravirtualized time.

use switchboard_smccc::catalogue::{self, Document};

use super::function::Function;
use crate::{Support, Supported};

/// What holds for every function, implemented or not, and is otherwise in KVM.
pub const GENERAL_NOTE: &str =
    "over HVC and SMC. A call changes x0 and nothing else; KVM clears x1 to x3 as well";

/// Every function of paravirtualized time, by ID.
pub fn support() -> impl Iterator<Item = Support> {
    catalogue::functions().iter().filter(|function| function.document == Document::PvTime).map(|function| {
        match Function::from_id(function.id) {
            Some(implemented) => Support { function, supported: Supported::Yes, note: note(implemented) },
            None => Support { function, supported: Supported::No, note: "" },
        }
    })
}

const fn note(function: Function) -> &'static str {
    match function {
        Function::Features => "of itself and of `PV_TIME_ST`; the function ID is W1, as KVM",
        Function::StolenTime => {
            "the address of the caller's record, whose stolen time begins anew, as KVM; NOT_SUPPORTED if there is no \
             memory for it (KVM: if the monitor has set no address)"
        }
    }
}

//! The support table of TRNG.

use switchboard_smccc::catalogue::{self, Document};

use super::function::Function;
use crate::{Support, Supported};

/// What holds for every function, implemented or not, and is otherwise in KVM.
pub const GENERAL_NOTE: &str = "over HVC and SMC. A status changes x0 and nothing else, except for NO_ENTROPY, which \
                                clears x1 to x3; KVM clears them with every status";

/// Every function of TRNG, by ID.
pub fn support() -> impl Iterator<Item = Support> {
    catalogue::functions().iter().filter(|function| function.document == Document::Trng).map(|function| {
        match Function::from_id(function.id) {
            Some(implemented) => Support { function, supported: Supported::Yes, note: note(implemented) },
            None => Support { function, supported: Supported::No, note: "" },
        }
    })
}

const fn note(function: Function) -> &'static str {
    match function {
        Function::Version => "1.0, as KVM",
        Function::Features => {
            "the function ID is W1 (KVM: all of X1, so a dirty upper half is NOT_SUPPORTED)"
        }
        Function::GetUuid => "Switchboard's own; KVM has another one",
        Function::Rnd32 | Function::Rnd64 => {
            "at most 96 bits in SMC32, 192 in SMC64; the number of bits is W1 in either width, as KVM. No bits at all \
             are INVALID_PARAMETERS (KVM: SUCCESS, and zeros). NO_ENTROPY where the host has none, and above the rate \
             limit if there is one (KVM: never)"
        }
    }
}

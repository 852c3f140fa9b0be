//! The support table of KVM's own services.

use switchboard_smccc::{
    catalogue::{self, Document},
    general, kvm,
};

use super::function::Function;
use crate::{Support, Supported};

/// What holds for every function, implemented or not, and is otherwise in KVM.
pub const GENERAL_NOTE: &str =
    "over HVC and SMC. A status changes x0 and nothing else; KVM clears x1 to x3 as well";

/// Every function of KVM's that has a name, and the general queries of its range, by ID.
pub fn support() -> impl Iterator<Item = Support> {
    let functions = catalogue::functions().iter().filter(|function| is_of_the_range(function));
    functions.map(|function| match Function::from_id(function.id) {
        Some(implemented) => Support { function, supported: Supported::Yes, note: note(implemented) },
        None => Support { function, supported: Supported::No, note: absent(function) },
    })
}

/// KVM's private PSCI is of another range.
fn is_of_the_range(function: &catalogue::Function) -> bool {
    function.id.owner() == kvm::CALL_UID.owner()
        && (function.document == Document::Kvm || function.id.number() >= general::FIRST_NUMBER)
}

fn absent(function: &catalogue::Function) -> &'static str {
    if function.document == Document::Kvm {
        "for protected guests, whose calls KVM answers where no filter sees them"
    } else {
        "as KVM: a guest that has read the UID asks for the features"
    }
}

const fn note(function: Function) -> &'static str {
    match function {
        Function::CallUid => "28b46fb6-2ec5-11e9-a9ca-4b564d003a74, as KVM",
        Function::Features => {
            "x0: bit 0 always, bit 1 (PTP) if the host lends a wall clock; x2: bits 0 and 1 if there are \
             implementations to discover. KVM: what its firmware registers say"
        }
        Function::Ptp => {
            "counter 0 (virtual) or 1 (physical), in W1 (KVM: in X1); any other one, and a host without a wall clock, \
             are NOT_SUPPORTED, as in KVM where the host's clock source is not the counter"
        }
        Function::DiscoverImplVer => {
            "version 1.0, and how many implementations; without any NOT_SUPPORTED. KVM: left to userspace"
        }
        Function::DiscoverImplCpus => {
            "INVALID_PARAMETER for an index that there is not, and if x2 or x3 is not zero. KVM: left to userspace"
        }
    }
}

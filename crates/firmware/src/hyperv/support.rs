//! The support table of Hyper-V.

use switchboard_smccc::{
    catalogue::{self, Document},
    general, hyperv,
};

use super::{hypercall::Hypercall, vp_register::VpRegister};
use crate::{Support, Supported};

/// What holds for every function.
pub const GENERAL_NOTE: &str = "over HVC alone, as Linux calls; over SMC NOT_SUPPORTED. KVM has nothing of it, and of its own services a guest sees none";

/// The one function, once for its control word, each hypercall, each register and all that is not there; and the general
/// queries of its range.
pub fn support() -> impl Iterator<Item = Support> {
    let functions = catalogue::functions().iter();
    functions.filter(|function| is_of_the_range(function)).flat_map(|function| {
        let is_hypercall = function.document == Document::HyperV;
        let query = (!is_hypercall).then(|| query(function));
        let rows = notes().filter(move |_| is_hypercall);
        rows.chain(query).map(move |(supported, note)| Support { function, supported, note })
    })
}

fn is_of_the_range(function: &catalogue::Function) -> bool {
    function.document == Document::HyperV
        || (function.id.owner() == hyperv::CALL_UID.owner() && function.id.number() >= general::FIRST_NUMBER)
}

fn query(function: &catalogue::Function) -> (Supported, &'static str) {
    if function.id == hyperv::CALL_UID {
        (Supported::Yes, "58ba324d-6447-24cd-756c-ef8e24705916, as Hyper-V")
    } else {
        (Supported::No, "a guest that has read the UID asks for the features")
    }
}

fn notes() -> impl Iterator<Item = (Supported, &'static str)> {
    let hypercalls = Hypercall::ALL.into_iter().map(of_hypercall);
    let registers = VpRegister::KINDS.into_iter().map(of_register);
    [CONTROL].into_iter().chain(hypercalls).chain(registers).map(|note| (Supported::Yes, note)).chain(ABSENT)
}

const CONTROL: &str = "X1, the control word, is looked at first: a reserved bit, no element, or a first element that is none \
                       is INVALID_HYPERCALL_INPUT. Lists are in X2 to X17, or in memory at X2 and X3: not aligned to 8 \
                       bytes, over a page's end or not in memory is INVALID_ALIGNMENT. Every list is done at once";

const fn of_hypercall(hypercall: Hypercall) -> &'static str {
    match hypercall {
        Hypercall::GetVpRegisters => {
            "0x50, `HvCallGetVpRegisters`: of this guest, and a CPU that it can have. At most 5 registers fast, 256 by memory. \
             An unknown one is INVALID_PARAMETER, and what comes before it is done"
        }
        Hypercall::SetVpRegisters => {
            "0x51, `HvCallSetVpRegisters`: the same, at most 3 fast, 127 by memory. INVALID_REGISTER_VALUE if an upper half is \
             not zero; INVALID_PARAMETER for a register that can only be read"
        }
    }
}

const fn of_register(register: VpRegister) -> &'static str {
    match register {
        VpRegister::HypervisorVersion => "0x100, `HvRegisterHypervisorVersion`: all zero, as in OpenVMM",
        VpRegister::PrivilegesAndFeaturesInfo => {
            "0x200, `HvRegisterPrivilegesAndFeaturesInfo`: reference counter (if the host lends a clock), guest OS ID, VP \
             index, VP registers, fast output; of the features the crash registers"
        }
        VpRegister::FeaturesInfo => {
            "0x201, `HvRegisterFeaturesInfo`: nothing is recommended, and spinlocks are never to be told of"
        }
        VpRegister::ImplementationLimitsInfo => {
            "0x202, `HvRegisterImplementationLimitsInfo`: how many CPUs the guest can have"
        }
        VpRegister::GuestCrashP(_) => {
            "0x210 to 0x214, `HvRegisterGuestCrashP0` to `P4`: as the guest set them"
        }
        VpRegister::GuestCrashCtl => {
            "0x215, `HvRegisterGuestCrashCtl`: read, that a crash can be told of, with a message. Written, it reports P0 to P4, \
             and the message of at most 4096 bytes; one that is not in memory is left out. A reserved bit is \
             INVALID_REGISTER_VALUE"
        }
        VpRegister::GuestOsId => "0x90002, `HvRegisterGuestOsId`: any value. Nothing depends on it",
        VpRegister::VpIndex => "0x90003, `HvRegisterVpIndex`: the number of the CPU, from 0",
        VpRegister::TimeRefCount => {
            "0x90004, `HvRegisterTimeRefCount`: in units of 100 ns, and still while the machine is paused. ACCESS_DENIED without \
             a clock of the host's"
        }
    }
}

const ABSENT: [(Supported, &str); 3] = [
    (Supported::No, "any other hypercall: INVALID_HYPERCALL_CODE in X0, and not the NOT_SUPPORTED of SMCCC"),
    (
        Supported::No,
        "synthetic interrupts (SynIC), their timers, VMBus, trust levels, the reference time's page (`HvRegisterReferenceTsc`), \
         VP runtime: not advertised; their registers are INVALID_PARAMETER",
    ),
    (
        Supported::No,
        "hypercalls by `HVC #1`, Hyper-V's native convention: under KVM the immediate is not reported, so they are taken for \
         calls with a function ID",
    ),
];

//! Which of KVM's own services answers, and the Arm Architecture Calls.

use switchboard_smccc::FunctionId;

use crate::host::{Host, Workaround, Workaround2};
use crate::{Vcpu, Vm, psci, pv_time, trap::Next, trng, vendor};

use switchboard_smccc::smccc::{
    ARCH_WORKAROUND_1, ARCH_WORKAROUND_2, ARCH_WORKAROUND_3, SMCCC_ARCH_FEATURES, SMCCC_VERSION,
};

pub(crate) use switchboard_smccc::smccc::NOT_SUPPORTED;

/// SMCCC 1.1: KVM says so whatever a monitor wants.
const VERSION_1_1: u64 = 0x1_0001;
/// `NOT_REQUIRED` of `SMCCC_ARCH_WORKAROUND_2` (DEN0028, section 7.6).
const NOT_REQUIRED: u64 = u64::MAX - 1;
/// What `ARCH_FEATURES` says of workarounds 1 and 3 on a CPU that is not affected (sections 7.5 and 7.7).
const UNAFFECTED: u64 = 1;

impl Vm {
    /// Does the second stage let the call through to KVM's services: by a bit of a firmware register, or because it is
    /// on the list of those that are always allowed?
    pub(crate) fn serves(&self, id: FunctionId) -> bool {
        match id {
            SMCCC_VERSION | SMCCC_ARCH_FEATURES => true,
            trng::VERSION | trng::FEATURES | trng::GET_UUID | trng::RND_32 | trng::RND_64 => self.has_trng(),
            pv_time::FEATURES | pv_time::STOLEN_TIME => self.has_pv_time(),
            vendor::FEATURES | vendor::CALL_UID => self.has_vendor_features(),
            vendor::PTP => self.has_ptp(),
            _ => psci::is_allowed(id),
        }
    }
}

/// Answers a call that got through both stages.
pub(crate) fn handle(vcpu: &mut Vcpu<'_>, id: FunctionId, host: &impl Host) -> Next {
    match id {
        SMCCC_VERSION => vcpu.complete([VERSION_1_1, 0, 0, 0]),
        SMCCC_ARCH_FEATURES => {
            let result = arch_features(vcpu.vm, FunctionId::from_x0(vcpu.x[1]));
            vcpu.complete([result, 0, 0, 0])
        }
        trng::VERSION | trng::FEATURES | trng::GET_UUID | trng::RND_32 | trng::RND_64 => {
            trng::handle(vcpu, id, host)
        }
        pv_time::FEATURES | pv_time::STOLEN_TIME => pv_time::handle(vcpu, id, host),
        vendor::FEATURES | vendor::CALL_UID | vendor::PTP => vendor::handle(vcpu, id, host),
        _ => psci::handle(vcpu, id),
    }
}

/// `SMCCC_ARCH_FEATURES` knows the workarounds and paravirtualized time, and nothing that a monitor could add.
fn arch_features(vm: &Vm, feature: FunctionId) -> u64 {
    let mitigations = vm.mitigations();
    let workaround = |state| match state {
        Workaround::NotAvailable => NOT_SUPPORTED,
        Workaround::Available => 0,
        Workaround::NotRequired => UNAFFECTED,
    };
    match feature {
        ARCH_WORKAROUND_1 => workaround(mitigations.workaround_1),
        ARCH_WORKAROUND_2 => match mitigations.workaround_2 {
            Workaround2::NotAvailable => NOT_SUPPORTED,
            Workaround2::NotRequired => NOT_REQUIRED,
        },
        ARCH_WORKAROUND_3 => workaround(mitigations.workaround_3),
        // Whether or not an address has been set.
        pv_time::FEATURES if vm.has_pv_time() => 0,
        _ => NOT_SUPPORTED,
    }
}

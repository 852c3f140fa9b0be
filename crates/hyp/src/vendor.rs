//! KVM's vendor-specific hypervisor services (Linux, `Documentation/virt/kvm/arm/hypercalls.rst` and `ptp_kvm.rst`).

use switchboard_smccc::FunctionId;

use crate::host::{Counter, Host};
use crate::{Vcpu, smccc, trap::Next};

pub(crate) use switchboard_smccc::kvm::{CALL_UID, FEATURES, PTP};

/// The UUID by which a guest knows KVM, 32 bits a register.
const UID: [u64; 4] = [0xb66f_b428, 0xe911_c52e, 0x564b_caa9, 0x743a_004d];

pub(crate) fn handle(vcpu: &mut Vcpu<'_>, id: FunctionId, host: &impl Host) -> Next {
    let results = match id {
        CALL_UID => UID,
        FEATURES => {
            let (first, second) = vcpu.vm.vendor_bitmaps();
            [first, 0, second, 0]
        }
        PTP => ptp(vcpu.x[1], host).unwrap_or([smccc::NOT_SUPPORTED, 0, 0, 0]),
        _ => [smccc::NOT_SUPPORTED, 0, 0, 0],
    };
    vcpu.complete(results)
}

/// Wall clock and counter, the upper half of each first. Of the number of the counter, the low half counts.
fn ptp(counter: u64, host: &impl Host) -> Option<[u64; 4]> {
    let counter = match counter & 0xffff_ffff {
        0 => Counter::Virtual,
        1 => Counter::Physical,
        _ => return None,
    };
    let time = host.time(counter)?;
    let low = |value: u64| value & 0xffff_ffff;
    Some([time.nanoseconds >> 32, low(time.nanoseconds), time.cycles >> 32, low(time.cycles)])
}

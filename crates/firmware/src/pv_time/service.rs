//! Which function of paravirtualized time answers which call.

use switchboard_filter::Range;
use switchboard_smccc::{FunctionId, Ipa, Register, pv_time, smccc};

use super::function::Function;
use crate::{Call, Conduits, CpuIndex, Declaration, Host, Outcome, Results, Service};

/// How far apart the records of two CPUs are, in bytes. A record has 16; its address is a multiple of 64 (DEN0057,
/// `PV_TIME_ST`).
pub const RECORD_SIZE: u64 = 64;

/// What a record is at first (DEN0057, "Stolen time"): revision 0, attributes 0, and no stolen time.
const NEW_RECORD: [u8; pv_time::STOLEN_TIME_LENGTH] = [0; pv_time::STOLEN_TIME_LENGTH];

/// Paravirtualized time for the CPUs of one guest.
///
/// It says where the records are, and clears each when its CPU first asks. It is KVM that goes on counting in them,
/// whoever answers the calls: the embedder gives each vCPU the address of its record (`KVM_ARM_VCPU_PVTIME_IPA`), and
/// leaves the bit of paravirtualized time set in `KVM_REG_ARM_STD_HYP_BMAP`, by which KVM answers
/// `SMCCC_ARCH_FEATURES`. Without that answer no guest calls here.
#[derive(Debug)]
pub struct PvTime {
    records: Ipa,
}

impl PvTime {
    /// CPU `i` has its record at `records + 64 * i`, where [`Host::write_memory`] finds memory. `records` is to be a
    /// multiple of 64: otherwise, there is no stolen time.
    #[must_use]
    pub fn new(records: Ipa) -> Self {
        Self { records }
    }

    /// `PV_TIME_FEATURES`. An ID with the SVE hint names no function, as in `PSCI_FEATURES`.
    fn features(call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let id = FunctionId(call.argument32(Register::X1));
        match Function::from_id(id).filter(|_| host.allows(id, call.conduit())) {
            Some(_) => Outcome::Return(Results::of(smccc::SUCCESS)),
            None => Outcome::Return(Results::not_supported()),
        }
    }

    /// `PV_TIME_ST`: the address of the caller's record, which begins anew.
    fn stolen_time(&self, caller: CpuIndex, host: &dyn Host) -> Outcome {
        let record = self.record(caller).filter(|&record| host.write_memory(record, &NEW_RECORD).is_ok());
        match record {
            Some(Ipa(address)) => Outcome::Return(Results::of(address)),
            None => Outcome::Return(Results::not_supported()),
        }
    }

    fn record(&self, cpu: CpuIndex) -> Option<Ipa> {
        let offset = u64::try_from(cpu.0).ok()?.checked_mul(RECORD_SIZE)?;
        let address = self.records.0.checked_add(offset)?;
        address.is_multiple_of(RECORD_SIZE).then_some(Ipa(address))
    }
}

impl Service for PvTime {
    fn name(&self) -> &'static str {
        "pv-time"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration {
            owned: &const { [Range::literal(pv_time::FEATURES, pv_time::FUNCTION_COUNT)] },
            denied: &[],
            conduits: Conduits::Both,
        }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match Function::from_id(call.function()) {
            Some(Function::Features) => Self::features(call, host),
            Some(Function::StolenTime) => self.stolen_time(call.caller(), host),
            None => Outcome::Return(Results::not_supported()),
        }
    }
}

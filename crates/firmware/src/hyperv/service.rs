//! Which call of Hyper-V's is answered how.

use core::time::Duration;

use switchboard_filter::Range;
use switchboard_smccc::{
    Conduit, FunctionId, Register,
    hyperv::{self, Control, HypercallResult, PARTITION_ID_SELF, RegisterName, Status, VP_INDEX_SELF},
};

use super::{
    HyperVState, RestoreError,
    hypercall::Hypercall,
    invocation::{Invocation, List},
    partition::{Access, Partition},
};
use crate::{Call, Conduits, CpuIndex, Declaration, Host, Outcome, Results, Service};

/// Hyper-V for one life of a guest.
///
/// A range of functions has one UID, and so one implementer (DEN0028, "General service queries"). So this service stands where
/// [`KvmVendor`](crate::kvm::KvmVendor) stands otherwise, never beside it: it takes the vendor's hypervisor services from KVM,
/// answers the queries among them, and has all the rest denied.
///
/// Linux knows it by that UID (since 6.16), or by `MsHyperV` in the FADT (before, and by that alone), and calls over HVC
/// whatever its conduit for PSCI is.
#[derive(Debug)]
pub struct HyperV {
    partition: Partition,
}

static OWNED: [Range; 2] = [
    Range::literal(hyperv::HYPERCALL, 1),
    // The general queries: Call Count, Call UID, a reserved one, Revision.
    Range::literal(FunctionId(0x8600_ff00), 4),
];

/// The rest of the fast calls of the range, where KVM has its own.
static DENIED: [Range; 3] = [
    Range::literal(FunctionId(0x8600_0000), 0xff00),
    Range::literal(FunctionId(0x8600_ff04), 0xfc),
    Range::literal(FunctionId(0xc600_0000), 0x1_0000),
];

impl HyperV {
    /// Hyper-V for a guest that can have so many CPUs, CPU 0 to CPU `cpus - 1`. Their numbers are Hyper-V's, too.
    #[must_use]
    pub fn new(cpus: usize) -> Self {
        Self { partition: Partition::new(cpus) }
    }

    /// What the guest says it is, for [`hyperv::GuestOsId`]; zero before it has said so.
    #[must_use]
    pub fn guest_os_id(&self) -> u64 {
        self.partition.guest_os_id()
    }

    /// Has this CPU asked for its number since it started? Linux does so when it brings a CPU online.
    #[must_use]
    pub fn has_asked_for_vp_index(&self, cpu: CpuIndex) -> bool {
        self.partition.has_asked(cpu)
    }

    /// The time that the guest would read, in units of 100 ns; `now` is [`Host::monotonic`].
    #[must_use]
    pub fn reference_time(&self, now: Duration) -> u64 {
        self.partition.reference_time(now)
    }

    /// Makes it the time that the guest reads at `now`, which is [`Host::monotonic`]: what was saved; or zero, for a life that
    /// begins while that clock shows more. Without it the guest reads what that clock shows.
    pub fn set_reference_time(&self, time: u64, now: Duration) {
        self.partition.set_reference_time(time, now);
    }

    /// What the guest has set.
    #[must_use]
    pub fn state(&self) -> HyperVState {
        self.partition.state()
    }

    /// Sets it to what another one was set to.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if the state is of a guest with more CPUs; then nothing has changed.
    pub fn restore(&self, state: &HyperVState) -> Result<(), RestoreError> {
        self.partition.restore(state)
    }

    /// `HV_HYPERCALL`: x1 is the control word, x0 the result word.
    fn hypercall(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let control = Control(call.argument(Register::X1));
        let results = Invocation::of(control).and_then(|invocation| self.perform(&invocation, call, host));
        Outcome::Return(results.unwrap_or_else(|status| Results::of(refusal(status))))
    }

    /// Goes through the list, up to the first element that fails. All of it at once: what fits into a page is soon done, so a
    /// guest never has to call again for the rest.
    fn perform(
        &self,
        invocation: &Invocation,
        call: &mut Call<'_>,
        host: &dyn Host,
    ) -> Result<Results, Status> {
        let (input, output) = invocation.lists(call, host)?;
        let access = self.access(&input, call.caller())?;
        let mut values = List::new();
        let mut status = Status::SUCCESS;
        let mut done = invocation.reps.start..invocation.reps.start;
        for rep in invocation.reps.clone() {
            let at = Hypercall::HEADER + rep * invocation.hypercall.input_element();
            // What follows the name is padding, which is ignored: Linux leaves it undefined.
            let name = RegisterName(input.half_word(at));
            let result = match invocation.hypercall {
                Hypercall::GetVpRegisters => self.partition.get(name, access, host).map(|value| {
                    values.set_value(rep * invocation.hypercall.output_element(), value);
                }),
                Hypercall::SetVpRegisters => {
                    let value = [input.word(at + 16), input.word(at + 24)];
                    self.partition.set(name, value, access, host)
                }
            };
            if let Err(error) = result {
                status = error;
                break;
            }
            done.end = rep + 1;
        }
        // Twelve bits of the control word.
        let reps_completed = u16::try_from(done.end).map_err(|_| Status::INVALID_HYPERCALL_INPUT)?;
        let results = Results::of(HypercallResult { status, reps_completed }.to_x0());
        invocation.hand_over(done, &values, output, host, results)
    }

    /// The header of either hypercall: the guest, the CPU, the trust level, three bytes of zero.
    fn access(&self, input: &List, caller: CpuIndex) -> Result<Access, Status> {
        let (partition, vp, rest) = (input.word(0), input.half_word(8), input.half_word(12));
        if partition != PARTITION_ID_SELF {
            return Err(Status::INVALID_PARTITION_ID);
        }
        let target = match vp {
            VP_INDEX_SELF => Some(caller),
            number => usize::try_from(number).ok().map(CpuIndex),
        };
        let target = target.filter(|&cpu| self.partition.has(cpu)).ok_or(Status::INVALID_VP_INDEX)?;
        // There is one trust level, 0: either it is named (bit 4), or the byte says nothing, whatever is in bits 3 to 0.
        if matches!(rest, 0..=0x10) { Ok(Access { caller, target }) } else { Err(Status::INVALID_PARAMETER) }
    }
}

/// The result word of a call that has not come to its first element.
const fn refusal(status: Status) -> u64 {
    HypercallResult { status, reps_completed: 0 }.to_x0()
}

impl Service for HyperV {
    fn name(&self) -> &'static str {
        "hyper-v"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration { owned: &OWNED, denied: &DENIED, conduits: Conduits::Only(Conduit::Hvc) }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match call.function() {
            hyperv::HYPERCALL => self.hypercall(call, host),
            hyperv::CALL_UID => hyperv::UUID.into(),
            _ => Outcome::Return(Results::not_supported()),
        }
    }

    fn cpu_off(&self, cpu: CpuIndex, _: &dyn Host) {
        self.partition.forget(cpu);
    }
}

//! Which of KVM's functions answers which call.

use alloc::vec::Vec;

use switchboard_filter::Range;
use switchboard_smccc::{Conduit, FunctionId, Register, kvm, smccc};

use super::{Implementation, function::Function};
use crate::{Call, Conduits, Declaration, Host, Outcome, Results, Service};

/// KVM's own services for one guest.
///
/// A range of functions has one UID, and so one implementer (DEN0028, "General service queries"). So this service takes
/// the whole range of the vendor's hypervisor services from KVM: what it answers is forwarded, and all the rest is denied,
/// or a guest would talk to two implementers who know nothing of each other.
#[derive(Debug)]
pub struct KvmVendor {
    implementations: Vec<Implementation>,
}

/// The functions that it answers, by number, in the ranges that have them.
static OWNED: [Range; 3] = [
    Range::literal(kvm::FEATURES, 2),
    Range::literal(kvm::DISCOVER_IMPL_VER, 2),
    // The general queries: Call Count, Call UID, a reserved one, Revision.
    Range::literal(FunctionId(0x8600_ff00), 4),
];

/// The rest of the range in either width: KVM's calls for protected guests are in it (0xc6000002 to 0xc6000007).
static DENIED: [Range; 4] = [
    Range::literal(FunctionId(0x8600_0002), 0xfefe),
    Range::literal(FunctionId(0x8600_ff04), 0xfc),
    Range::literal(FunctionId(0xc600_0000), 0x40),
    Range::literal(FunctionId(0xc600_0042), 0xffbe),
];

impl KvmVendor {
    /// The services for a guest that may be moved among these implementations. Without any, it is not told of any, and
    /// takes the CPUs it sees for all there are.
    ///
    /// Any number will do here. Linux allocates 24 bytes for each, early while it boots.
    #[must_use]
    pub fn new(implementations: Vec<Implementation>) -> Self {
        Self { implementations }
    }

    /// Is it there, with what the host lends?
    fn has(&self, function: Function, host: &dyn Host) -> bool {
        match function {
            Function::CallUid | Function::Features => true,
            Function::Ptp => host.wall_clock().is_some(),
            Function::DiscoverImplVer | Function::DiscoverImplCpus => self.has_implementations(),
        }
    }

    fn has_implementations(&self) -> bool {
        !self.implementations.is_empty()
    }

    /// `KVM_FEATURES`: bit `n` of word `w` is function number `32 * w + n`.
    fn features(&self, conduit: Conduit, host: &dyn Host) -> Outcome {
        let words = Function::FEATURES
            .into_iter()
            .filter(|&function| self.has(function, host) && host.allows(function.id(), conduit))
            .map(Function::feature)
            .fold([0; 4], |[a0, a1, a2, a3], [b0, b1, b2, b3]| [a0 | b0, a1 | b1, a2 | b2, a3 | b3]);
        Outcome::Return(Results::of_four(words))
    }

    /// `DISCOVER_IMPL_VER`: the version of this pair of functions, and how many implementations there are.
    fn discover_impl_ver(&self) -> Outcome {
        let Ok(count) = u64::try_from(self.implementations.len()) else {
            return Outcome::Return(Results::not_supported());
        };
        Outcome::Return(Results::of_four([smccc::SUCCESS, kvm::DISCOVER_IMPL_VERSION_1_0, count, 0]))
    }

    /// `DISCOVER_IMPL_CPUS`: the implementation with the index in x1. x2 and x3 are reserved, and must be zero.
    fn discover_impl_cpus(&self, call: &mut Call<'_>) -> Outcome {
        let index = usize::try_from(call.argument(Register::X1)).ok();
        let implementation = index.and_then(|index| self.implementations.get(index));
        let implementation = implementation
            .filter(|_| call.argument(Register::X2) == 0)
            .filter(|_| call.argument(Register::X3) == 0);
        match implementation {
            Some(&Implementation { midr, revidr, aidr }) => {
                Outcome::Return(Results::of_four([smccc::SUCCESS, midr, revidr, aidr]))
            }
            None => Outcome::Return(Results::of(smccc::INVALID_PARAMETER)),
        }
    }
}

/// `KVM_PTP` (Linux, `Documentation/virt/kvm/arm/ptp_kvm.rst`): the wall clock in nanoseconds, and what a counter of the
/// guest showed at that moment, the upper half of each before the lower.
fn ptp(call: &mut Call<'_>, host: &dyn Host) -> Outcome {
    let counter = call.argument32(Register::X1);
    let Some(clock) = host.wall_clock() else {
        return Outcome::Return(Results::not_supported());
    };
    let cycles = match counter {
        kvm::PTP_VIRTUAL_COUNTER => clock.virtual_counter,
        kvm::PTP_PHYSICAL_COUNTER => clock.physical_counter,
        _ => return Outcome::Return(Results::not_supported()),
    };
    // 64 bits of nanoseconds last until the year 2554.
    let Ok(nanoseconds) = u64::try_from(clock.since_epoch.as_nanos()) else {
        return Outcome::Return(Results::not_supported());
    };
    let low = |value: u64| value & u64::from(u32::MAX);
    Outcome::Return(Results::of_four([nanoseconds >> 32, low(nanoseconds), cycles >> 32, low(cycles)]))
}

impl Service for KvmVendor {
    fn name(&self) -> &'static str {
        "kvm-vendor"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration { owned: &OWNED, denied: &DENIED, conduits: Conduits::Both }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match Function::from_id(call.function()) {
            Some(Function::CallUid) => kvm::UUID.into(),
            Some(Function::Features) => self.features(call.conduit(), host),
            Some(Function::Ptp) => ptp(call, host),
            Some(Function::DiscoverImplVer) if self.has_implementations() => self.discover_impl_ver(),
            Some(Function::DiscoverImplCpus) if self.has_implementations() => self.discover_impl_cpus(call),
            _ => Outcome::Return(Results::not_supported()),
        }
    }
}

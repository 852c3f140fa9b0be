//! Which calls, and which filter they meet.

use std::hint::black_box;

use switchboard_filter::{Action, Request};
use switchboard_hyp::{
    DeviceAttribute, ExceptionClass, Init, Interruption, KvmVersion, Level, NoHost, Syndrome, Vcpu,
    VcpuFeatures, Vm, VmConfig,
};

/// Where how many ranges are. Each is 8 functions; they are forwarded and denied by turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    pub(crate) name: &'static str,
    ranges: u32,
    first: u32,
    distance: u32,
}

/// The filter's lookup has pages of 131,072 functions, and costs the more the more ranges are in the page of a call.
pub(crate) const PLACEMENTS: [Placement; 3] = [
    Placement { name: "2 ranges", ranges: 2, first: 0xc400_0000, distance: 0x10 },
    Placement { name: "4096 anywhere", ranges: 4096, first: 0x10, distance: 0x4_0000 },
    Placement { name: "4096 in one page", ranges: 4096, first: 0xc400_0000, distance: 0x10 },
];

/// How many calls a pass makes: as many as have their registers in a level 2 cache, 72 KiB.
pub(crate) const KEYS: usize = 512;

/// A kind of call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    calls: Calls,
}

#[derive(Debug, Clone, Copy)]
enum Calls {
    /// None: registers are loaded, and that is all.
    None,
    /// To functions in the ranges with this action.
    Filtered(ExceptionClass, Action),
    /// `PSCI_VERSION`, which KVM answers.
    PsciVersion(ExceptionClass),
}

pub(crate) const KINDS: [Kind; 7] = [
    Kind { name: "registers alone", calls: Calls::None },
    Kind { name: "forwarded, HVC", calls: Calls::Filtered(ExceptionClass::Hvc64, Action::Forward) },
    Kind { name: "forwarded, SMC", calls: Calls::Filtered(ExceptionClass::Smc64, Action::Forward) },
    Kind { name: "denied, HVC", calls: Calls::Filtered(ExceptionClass::Hvc64, Action::Deny) },
    Kind { name: "denied, SMC", calls: Calls::Filtered(ExceptionClass::Smc64, Action::Deny) },
    Kind { name: "PSCI_VERSION, HVC", calls: Calls::PsciVersion(ExceptionClass::Hvc64) },
    Kind { name: "PSCI_VERSION, SMC", calls: Calls::PsciVersion(ExceptionClass::Smc64) },
];

const PSCI_VERSION: u32 = 0x8400_0000;

/// A VM, and the calls that are made in it.
pub(crate) struct Workload {
    vm: Vm,
    calls: Calls,
    /// x0 to x17 of each. Made beforehand: to write x0 and then copy all of them in vectors would stall the CPU.
    registers: Vec<[u64; 18]>,
}

impl Workload {
    pub(crate) fn new(kind: Kind, placement: Placement) -> Self {
        let Placement { ranges, first, distance, .. } = placement;
        let vm = Vm::new(VmConfig::new(KvmVersion::V7_2));
        for (number, action) in (0..ranges).zip([Action::Forward, Action::Deny].into_iter().cycle()) {
            let base = first + distance * number;
            let request = Request { base, nr_functions: 8, action: action.to_uapi(), pad: [0; 15] };
            vm.set_attribute(DeviceAttribute::SMCCC_FILTER, &request.to_bytes()).expect("they are disjoint");
        }
        // Ranges with an even number are forwarded.
        let parity = match kind.calls {
            Calls::Filtered(_, Action::Deny) => 1,
            _ => 0,
        };
        let function_ids = random().take(KEYS).map(|random| match kind.calls {
            Calls::PsciVersion(_) => PSCI_VERSION,
            _ => first + distance * (random % (ranges / 2) * 2 + parity) + (random >> 16) % 8,
        });
        let registers = function_ids.map(|function_id| {
            let mut x = [7; 18];
            x[0] = u64::from(function_id);
            x
        });
        let registers = registers.collect();
        Self { vm, calls: kind.calls, registers }
    }

    /// Lends a vCPU that runs. A number can be used once, so each has its own until there are no more.
    pub(crate) fn with_vcpu<T>(&self, act: impl FnOnce(&mut Vcpu<'_>) -> T) -> T {
        let mut vcpu =
            (0..512).find_map(|id| self.vm.create_vcpu(id).ok()).expect("fewer than 512 measurements");
        vcpu.init(Init { features: VcpuFeatures::PSCI_0_2 }).expect("the features of all");
        vcpu.enter(Interruption::None).expect("it is initialised");
        act(&mut vcpu)
    }

    /// Makes every call once. Out of line, so that the code measured is the same wherever it is called from.
    #[inline(never)]
    pub(crate) fn pass(&self, vcpu: &mut Vcpu<'_>) {
        match self.calls {
            Calls::None => self.registers.iter().for_each(|x| vcpu.set_call_registers(black_box(x))),
            Calls::Filtered(class, _) | Calls::PsciVersion(class) => {
                let syndrome = black_box(Syndrome::new(class, 0));
                for x in &self.registers {
                    vcpu.set_call_registers(black_box(x));
                    black_box(vcpu.trap(syndrome, Level::Guest, &NoHost));
                }
            }
        }
    }
}

/// Numbers without a pattern that a branch predictor would find: xorshift32 (Marsaglia).
fn random() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(0x9e37_79b9_u32), |&before| {
        let mut value = before;
        value ^= value << 13;
        value ^= value >> 17;
        value ^= value << 5;
        Some(value)
    })
}

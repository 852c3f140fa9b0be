//! A monitor and a guest, in few words.

#![allow(dead_code, reason = "each file of tests uses its share")]

use std::cell::Cell;

use switchboard_filter::Action;
use switchboard_hyp::{
    Counter, DeviceAttribute, Entry, Errno, ExceptionClass, Exit, Host, Hypercall, HypercallFlags, Init,
    Interruption, KvmVersion, Level, Next, RegisterId, Syndrome, Time, Vcpu, VcpuFeatures, Vm, VmConfig,
};
use switchboard_smccc::{FunctionId, Ipa};

/// -1 in 64 bits.
pub(crate) const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
/// -2 in 64 bits, of PSCI and of TRNG.
pub(crate) const INVALID_PARAMETERS: u64 = 0xffff_ffff_ffff_fffe;
/// PSCI's -4.
pub(crate) const ALREADY_ON: u64 = 0xffff_ffff_ffff_fffc;
/// PSCI's -6.
pub(crate) const INTERNAL_FAILURE: u64 = 0xffff_ffff_ffff_fffa;

/// How every denied call ends.
pub(crate) const DENIED: [u64; 4] = [NOT_SUPPORTED, 0, 0, 0];

/// Where the guest's `HVC` or `SMC` is.
pub(crate) const HERE: u64 = 0x4000_1000;

/// What is in x0 to x17 where a test does not say: no register equals another, and none has an empty half.
pub(crate) const JUNK: [u64; 18] = {
    let mut x = [0; 18];
    let mut number = 0;
    let mut value = 0x0123_4567_89ab_cd00;
    while number < x.len() {
        x[number] = value;
        value += 1;
        number += 1;
    }
    x
};

pub(crate) const PSCI_0_2: VcpuFeatures = VcpuFeatures::PSCI_0_2;

/// A VM of Linux 7.2.13.
pub(crate) fn new_vm() -> Vm {
    vm_of(KvmVersion::V7_2)
}

pub(crate) fn vm_of(version: KvmVersion) -> Vm {
    Vm::new(VmConfig::new(version))
}

/// A vCPU with PSCI 0.2 or later that is on and in the guest. This freezes the VM.
pub(crate) fn running(vm: &Vm, id: u32) -> Vcpu<'_> {
    running_with(vm, id, PSCI_0_2)
}

pub(crate) fn running_with(vm: &Vm, id: u32, features: VcpuFeatures) -> Vcpu<'_> {
    let mut vcpu = initialised(vm, id, features);
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
    vcpu
}

/// A vCPU that is off, as a secondary CPU begins.
pub(crate) fn secondary(vm: &Vm, id: u32) -> Vcpu<'_> {
    initialised(vm, id, PSCI_0_2.union(VcpuFeatures::POWER_OFF))
}

pub(crate) fn initialised(vm: &Vm, id: u32, features: VcpuFeatures) -> Vcpu<'_> {
    let mut vcpu = vm.create_vcpu(id).unwrap();
    vcpu.init(Init { features }).unwrap();
    vcpu
}

/// `struct kvm_smccc_filter` by hand.
pub(crate) fn request(base: u32, nr_functions: u32, action: u8) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0..4].copy_from_slice(&base.to_le_bytes());
    bytes[4..8].copy_from_slice(&nr_functions.to_le_bytes());
    bytes[8] = action;
    bytes
}

/// `KVM_SET_DEVICE_ATTR` of the filter.
pub(crate) fn set(vm: &Vm, base: u32, nr_functions: u32, action: Action) -> Result<(), Errno> {
    vm.set_attribute(DeviceAttribute::SMCCC_FILTER, &request(base, nr_functions, action.to_uapi()))
}

pub(crate) fn forward(vm: &Vm, base: u32, nr_functions: u32) {
    set(vm, base, nr_functions, Action::Forward).unwrap();
}

pub(crate) fn deny(vm: &Vm, base: u32, nr_functions: u32) {
    set(vm, base, nr_functions, Action::Deny).unwrap();
}

/// Puts these values into x0 and so on, and junk into the rest up to x17.
pub(crate) fn load(vcpu: &mut Vcpu<'_>, values: &[u64]) {
    let mut x = JUNK;
    x[..values.len()].copy_from_slice(values);
    vcpu.set_call_registers(&x);
}

/// The guest executes the instruction at [`HERE`], with immediate 0.
pub(crate) fn call(vcpu: &mut Vcpu<'_>, class: ExceptionClass, values: &[u64], host: &impl Host) -> Next {
    load(vcpu, values);
    execute(vcpu, Syndrome::new(class, 0), Level::Guest, host)
}

/// As the CPU reports it: with PC behind an `HVC`, and at an `SMC`.
pub(crate) fn execute(vcpu: &mut Vcpu<'_>, syndrome: Syndrome, level: Level, host: &impl Host) -> Next {
    let hvc = matches!(syndrome.class(), Some(ExceptionClass::Hvc32 | ExceptionClass::Hvc64));
    vcpu.set_register(RegisterId::PC, if hvc { HERE + 4 } else { HERE }).unwrap();
    vcpu.trap(syndrome, level, host)
}

/// A call over HVC that KVM answers: x0 to x3.
pub(crate) fn hvc(vcpu: &mut Vcpu<'_>, values: &[u64]) -> [u64; 4] {
    answer(vcpu, ExceptionClass::Hvc64, values)
}

/// A call over SMC that KVM answers: x0 to x3.
pub(crate) fn smc(vcpu: &mut Vcpu<'_>, values: &[u64]) -> [u64; 4] {
    answer(vcpu, ExceptionClass::Smc64, values)
}

fn answer(vcpu: &mut Vcpu<'_>, class: ExceptionClass, values: &[u64]) -> [u64; 4] {
    assert_eq!(call(vcpu, class, values, &Lender::default()), Next::Resume);
    results(vcpu)
}

/// A call over HVC that KVM does not just answer.
pub(crate) fn hvc_next(vcpu: &mut Vcpu<'_>, values: &[u64]) -> Next {
    call(vcpu, ExceptionClass::Hvc64, values, &Lender::default())
}

/// x0 to x3.
pub(crate) fn results(vcpu: &Vcpu<'_>) -> [u64; 4] {
    let [x0, x1, x2, x3, ..] = vcpu.call_registers();
    [x0, x1, x2, x3]
}

pub(crate) fn pc(vcpu: &mut Vcpu<'_>) -> u64 {
    vcpu.get_register(RegisterId::PC).unwrap()
}

pub(crate) fn x0(vcpu: &mut Vcpu<'_>) -> u64 {
    vcpu.get_register(RegisterId::general(0).unwrap()).unwrap()
}

pub(crate) fn forwarded(function_id: u32, flags: u64) -> Next {
    Next::Exit(Exit::Hypercall(Hypercall {
        function_id: FunctionId(function_id),
        flags: HypercallFlags(flags),
    }))
}

/// A host that has everything, and memory from 1 GiB on.
pub(crate) struct Lender {
    pub(crate) entropy: [u64; 3],
    pub(crate) by_virtual_counter: Option<Time>,
    pub(crate) by_physical_counter: Option<Time>,
    /// Where stolen time was initialised last.
    pub(crate) initialised: Cell<Option<Ipa>>,
}

impl Default for Lender {
    fn default() -> Self {
        Self {
            entropy: [0xffff_ffff_ffff_ffff; 3],
            by_virtual_counter: Some(Time {
                nanoseconds: 0x1122_3344_5566_7788,
                cycles: 0x99aa_bbcc_ddee_ff00,
            }),
            by_physical_counter: Some(Time {
                nanoseconds: 0x1122_3344_5566_7788,
                cycles: 0x0123_4567_89ab_cdef,
            }),
            initialised: Cell::new(None),
        }
    }
}

impl Host for Lender {
    fn entropy(&self) -> [u64; 3] {
        self.entropy
    }

    fn time(&self, counter: Counter) -> Option<Time> {
        match counter {
            Counter::Virtual => self.by_virtual_counter,
            Counter::Physical => self.by_physical_counter,
        }
    }

    fn is_memory(&self, address: Ipa) -> bool {
        address.0 >= 0x4000_0000
    }

    fn initialise_stolen_time(&self, address: Ipa) {
        self.initialised.set(Some(address));
    }
}

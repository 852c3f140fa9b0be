//! Guests in AArch32 state. A model without a CPU keeps 64 bits of x0; the guest sees the low half.

mod common;

use common::{HERE, JUNK, Lender, execute, forward, forwarded, load, new_vm, pc, results, running_with};
use switchboard_hyp::{
    ExceptionClass, Init, Level, MpState, Next, RegisterId, Syndrome, Vcpu, VcpuFeatures, Vm,
};

const FEATURES: VcpuFeatures = VcpuFeatures::EL1_32BIT.union(VcpuFeatures::PSCI_0_2);

/// `HVC`, 32 bits long: T32 and A32.
const HVC: Syndrome = Syndrome(0x12 << 26 | 1 << 25);
/// `SMC`, 32 bits long.
const SMC: Syndrome = Syndrome(0x13 << 26 | 1 << 25);
/// `HVC` and `SMC` with `IL` clear.
const SHORT_HVC: Syndrome = Syndrome(0x12 << 26);
const SHORT_SMC: Syndrome = Syndrome(0x13 << 26);

/// Supervisor mode, A, I and F masked; A32.
const A32: u64 = 0x1d3;
/// The same in Thumb state.
const T32: u64 = 0x1f3;

fn aarch32(vm: &Vm) -> Vcpu<'_> {
    running_with(vm, 0, FEATURES)
}

fn call(vcpu: &mut Vcpu<'_>, pstate: u64, syndrome: Syndrome, values: &[u64]) -> Next {
    vcpu.set_register(RegisterId::PSTATE, pstate).unwrap();
    load(vcpu, values);
    vcpu.set_register(RegisterId::PC, HERE).unwrap();
    match syndrome.class() {
        Some(ExceptionClass::Hvc32) => execute(vcpu, syndrome, Level::Guest, &Lender::default()),
        _ => vcpu.trap(syndrome, Level::Guest, &Lender::default()),
    }
}

fn low_halves(vcpu: &Vcpu<'_>) -> [u64; 4] {
    results(vcpu).map(|value| value & 0xffff_ffff)
}

#[test]
fn the_flags_tell_conduit_and_a_16_bit_instruction() {
    let vm = new_vm();
    forward(&vm, 0x8400_0003, 1);
    let mut vcpu = aarch32(&vm);
    for pstate in [A32, T32] {
        for (syndrome, flags) in [(HVC, 0), (SMC, 1), (SHORT_HVC, 2), (SHORT_SMC, 3)] {
            let next = call(&mut vcpu, pstate, syndrome, &[0x8400_0003]);
            assert_eq!(next, forwarded(0x8400_0003, flags), "{syndrome:?}");
        }
    }
}

#[test]
fn an_smc_is_skipped_by_its_length() {
    let vm = new_vm();
    forward(&vm, 0x8400_0003, 1);
    let mut vcpu = aarch32(&vm);
    call(&mut vcpu, T32, SMC, &[0x8400_0003]);
    assert_eq!(pc(&mut vcpu), HERE + 4);
    call(&mut vcpu, T32, SHORT_SMC, &[0x8400_0003]);
    assert_eq!(pc(&mut vcpu), HERE + 2);
}

#[test]
fn a_skipped_smc_advances_the_it_block_and_an_hvc_leaves_that_to_the_cpu() {
    let vm = new_vm();
    let mut vcpu = aarch32(&vm);
    // ITTT EQ with two instructions to come: IT is 0b0000_0110, IT[7:2] in bits 15:10, IT[1:0] in bits 26:25.
    let it = |value: u64| (value & 0xfc) << 8 | (value & 3) << 25;
    for (before, after) in [(0x06, 0x0c), (0x0c, 0x18), (0x18, 0x00), (0xe4, 0xe8), (0x00, 0x00)] {
        call(&mut vcpu, T32 | it(before), SMC, &[0x8400_0000]);
        let pstate = vcpu.get_register(RegisterId::PSTATE);
        assert_eq!(pstate, Ok(T32 | it(after)), "{before:#x}");
    }
    call(&mut vcpu, T32 | it(0x06), HVC, &[0x8400_0000]);
    assert_eq!(vcpu.get_register(RegisterId::PSTATE), Ok(T32 | it(0x06)));
}

#[test]
fn the_condition_in_the_syndrome_of_an_hvc_or_smc_is_not_looked_at() {
    let vm = new_vm();
    forward(&vm, 0x8400_0003, 1);
    let mut vcpu = aarch32(&vm);
    // CV set, COND never (0b1111) or EQ (0), with Z clear.
    for condition in [0x1f << 20, 0x10 << 20] {
        for (syndrome, flags) in [(HVC, 0), (SMC, 1)] {
            let syndrome = Syndrome(syndrome.0 | condition);
            assert_eq!(call(&mut vcpu, A32, syndrome, &[0x8400_0003]), forwarded(0x8400_0003, flags));
        }
    }
}

#[test]
fn low_bits_in_the_syndrome_of_an_smc_are_no_immediate() {
    let vm = new_vm();
    forward(&vm, 0x8400_0003, 1);
    let syndrome = Syndrome(SMC.0 | 0x7);
    assert_eq!(call(&mut aarch32(&vm), A32, syndrome, &[0x8400_0003]), forwarded(0x8400_0003, 1));
}

#[test]
fn a_denied_call_is_minus_1_and_zeroes_r1_to_r3() {
    let vm = new_vm();
    common::deny(&vm, 0x8400_0000, 1);
    let mut vcpu = aarch32(&vm);
    for syndrome in [HVC, SMC, SHORT_HVC, SHORT_SMC] {
        assert_eq!(call(&mut vcpu, A32, syndrome, &[0x8400_0000]), Next::Resume);
        assert_eq!(low_halves(&vcpu), [0xffff_ffff, 0, 0, 0]);
        assert_eq!(vcpu.call_registers()[4..], JUNK[4..]);
    }
}

#[test]
fn smc64_ids_are_refused_by_psci_but_forwarded_by_the_filter() {
    let unfiltered = new_vm();
    let mut vcpu = aarch32(&unfiltered);
    for id in [0xc400_0001, 0xc400_0003, 0xc400_0004, 0xc400_0012, 0xc400_0015] {
        assert_eq!(call(&mut vcpu, A32, HVC, &[id, 0, 0, 0]), Next::Resume);
        assert_eq!(low_halves(&vcpu), [0xffff_ffff, 0, 0, 0], "{id:#x}");
    }

    // So a monitor that is given one from AArch32 state has to refuse it itself.
    let filtered = new_vm();
    forward(&filtered, 0xc400_0000, 0x20);
    let next = call(&mut aarch32(&filtered), A32, HVC, &[0xc400_0003]);
    assert_eq!(next, forwarded(0xc400_0003, 0));
}

#[test]
fn psci_features_denies_smc64_ids() {
    let vm = new_vm();
    let mut vcpu = aarch32(&vm);
    for (id, expected) in
        [(0x8400_0003, 0), (0xc400_0003, 0xffff_ffff), (0x8400_0015, 1), (0xc400_0015, 0xffff_ffff)]
    {
        call(&mut vcpu, A32, HVC, &[0x8400_000a, id]);
        assert_eq!(low_halves(&vcpu), [expected, 0, 0, 0], "{id:#x}");
    }
}

#[test]
fn trng_and_paravirtualized_time_do_not_ask_for_the_execution_state() {
    let vm = new_vm();
    let mut vcpu = aarch32(&vm);
    call(&mut vcpu, A32, HVC, &[0xc400_0053, 0]);
    assert_eq!(low_halves(&vcpu), [0, 0, 0, 0]);
    call(&mut vcpu, A32, HVC, &[0x8000_0001, 0xc500_0020]);
    assert_eq!(low_halves(&vcpu), [0, 0, 0, 0]);
}

#[test]
fn bit_0_of_an_entry_point_selects_thumb_and_is_cleared() {
    for (entry, pc_after, pstate) in [(0x4000_8001, 0x4000_8000, T32), (0x4000_8000, 0x4000_8000, A32)] {
        let vm = new_vm();
        let mut caller = aarch32(&vm);
        let mut target = vm.create_vcpu(1).unwrap();
        target.init(Init { features: FEATURES.union(VcpuFeatures::POWER_OFF) }).unwrap();
        call(&mut caller, A32, HVC, &[0x8400_0003, 1, entry, 7]);
        assert_eq!(low_halves(&caller), [0, 0, 0, 0]);
        assert_eq!(target.mp_state(), MpState::Runnable);
        assert_eq!(pc(&mut target), pc_after);
        assert_eq!(target.get_register(RegisterId::PSTATE), Ok(pstate));
    }
}

#[test]
fn a_big_endian_caller_starts_a_big_endian_cpu() {
    let vm = new_vm();
    let mut caller = aarch32(&vm);
    let mut target = vm.create_vcpu(1).unwrap();
    target.init(Init { features: FEATURES.union(VcpuFeatures::POWER_OFF) }).unwrap();
    // PSTATE.E.
    call(&mut caller, A32 | 1 << 9, HVC, &[0x8400_0003, 1, 0x4000_8000, 7]);
    assert_eq!(target.get_register(RegisterId::PSTATE), Ok(A32 | 1 << 9));
    assert_eq!(
        target.get_register(RegisterId::SCTLR_EL1),
        Ok(0x00c5_0078),
        "not the other execution state's bit"
    );
}

#[test]
fn a_mode_of_the_other_execution_state_is_einval() {
    let vm = new_vm();
    let mut vcpu = aarch32(&vm);
    for (pstate, expected) in [(0x3c5, Err(22)), (0x1d0, Ok(())), (0x1df, Ok(())), (0x1d6, Err(22))] {
        let result = vcpu.set_register(RegisterId::PSTATE, pstate).map_err(|errno| errno.0);
        assert_eq!(result, expected, "{pstate:#x}");
    }
}

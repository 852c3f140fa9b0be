//! Programs on which KVM and the model once differed, with what KVM did.

#![allow(missing_docs, reason = "tests")]

use switchboard_conform::observation::{CallObservation, Observation, Reached};
use switchboard_conform::program::{Call, Completion, Instruction};
use switchboard_conform::{Program, Step, model};
use switchboard_hyp::{KvmVersion, VcpuFeatures, VmConfig};

const CPU_SUSPEND_32: u64 = 0x8400_0001;
const CPU_ON_32: u64 = 0x8400_0003;
const TRNG_FEATURES: u64 = 0x8400_0051;
const ALREADY_ON: u64 = 0xffff_ffff_ffff_fffc;

fn init(vcpu: usize) -> Step {
    Step::Init { vcpu, features: VcpuFeatures::PSCI_0_2.0 }
}

fn call(vcpu: usize, x0: u64) -> Step {
    let mut x = [0; 18];
    x[0] = x0;
    Step::Call(Call {
        vcpu,
        instruction: Instruction::Smc64,
        immediate: 0,
        x,
        completion: Completion::Nothing,
    })
}

fn last_call(program: &Program) -> CallObservation {
    match model::run(program, &VmConfig::new(KvmVersion::V6_12), None).pop() {
        Some(Observation::Call(call)) => call,
        other => panic!("not a call: {other:?}"),
    }
}

#[test]
fn a_vcpu_is_found_though_the_map_of_affinities_leads_to_one_that_was_initialised_after_it_was_made() {
    // At the first run all three have affinity 0, and the map leads to the last of them.
    let steps = vec![init(0), call(0, 0xffff_ffff), init(2), call(2, CPU_ON_32)];
    let program = Program { vcpus: vec![0, 1, 2], steps };
    assert_eq!(last_call(&program).x[0], ALREADY_ON, "vCPU 0");
}

#[test]
fn an_initialisation_lowers_the_interrupt_line_of_a_vcpu_that_has_not_run() {
    const SUSPENDED: u32 = 10;
    let suspend = Step::SetMpState { vcpu: 0, state: SUSPENDED };
    let steps = vec![Step::SetLine { vcpu: 0, high: true }, init(0), suspend, call(0, TRNG_FEATURES)];
    assert_eq!(last_call(&Program { vcpus: vec![0], steps }).reached, Reached::Asleep, "and not woken");
}

#[test]
fn an_initialisation_leaves_the_interrupt_line_of_a_vcpu_that_has_run() {
    let steps = vec![
        init(0),
        call(0, TRNG_FEATURES),
        Step::SetLine { vcpu: 0, high: true },
        init(0),
        call(0, CPU_SUSPEND_32),
    ];
    assert_eq!(
        last_call(&Program { vcpus: vec![0], steps }).stop,
        None,
        "there is an interrupt to go on for"
    );
}

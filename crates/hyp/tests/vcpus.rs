//! Making, initialising and running vCPUs, and how an affinity leads to one.

mod common;

use common::{INVALID_PARAMETERS, PSCI_0_2, hvc, initialised, new_vm, pc, running, secondary, x0};
use switchboard_hyp::{
    Entry, Errno, Init, Interruption, KvmVersion, MpState, RegisterId, VcpuFeatures, Vm, VmConfig,
};

const MPIDR: RegisterId = RegisterId::MPIDR_EL1;

fn init(features: VcpuFeatures) -> Init {
    Init { features }
}

#[test]
fn a_vcpu_number_is_used_once_and_is_below_the_most() {
    let vm = Vm::new(VmConfig { max_vcpus: 4, ..VmConfig::new(KvmVersion::V7_2) });
    let _first = vm.create_vcpu(0).unwrap();
    assert_eq!(vm.create_vcpu(0).unwrap_err(), Errno(17));
    assert_eq!(vm.create_vcpu(4).unwrap_err(), Errno(22));
    let _last = vm.create_vcpu(3).unwrap();
    assert_eq!(new_vm().create_vcpu(512).unwrap_err(), Errno(22));
}

#[test]
fn the_affinity_is_4_8_and_8_bits_of_the_number_and_bit_31_is_1() {
    let vm = new_vm();
    for (id, mpidr) in [(0, 0x8000_0000), (15, 0x8000_000f), (16, 0x8000_0100), (511, 0x8000_1f0f)] {
        assert_eq!(initialised(&vm, id, PSCI_0_2).get_register(MPIDR), Ok(mpidr), "{id}");
    }
}

#[test]
fn an_uninitialised_vcpu_has_no_registers_and_does_not_run() {
    let vm = new_vm();
    let mut vcpu = vm.create_vcpu(0).unwrap();
    assert_eq!(vcpu.get_register(RegisterId::PC), Err(Errno(8)));
    assert_eq!(vcpu.set_register(RegisterId::PC, 0), Err(Errno(8)));
    assert_eq!(vcpu.enter(Interruption::None), Err(Errno(8)));
    assert_eq!(vcpu.mp_state(), MpState::Runnable);
}

#[test]
fn features_must_exist_go_together_and_stay_the_same() {
    let vm = new_vm();
    let mut vcpu = vm.create_vcpu(0).unwrap();
    assert_eq!(vcpu.init(init(VcpuFeatures(1 << 9))), Err(Errno(2)));
    assert_eq!(vcpu.init(init(VcpuFeatures::EL1_32BIT.union(VcpuFeatures::HAS_EL2))), Err(Errno(22)));
    assert_eq!(vcpu.init(init(PSCI_0_2)), Ok(()));
    assert_eq!(vcpu.init(init(VcpuFeatures::default())), Err(Errno(22)), "others than before");
    let mut other = vm.create_vcpu(1).unwrap();
    assert_eq!(other.init(init(VcpuFeatures::default())), Err(Errno(22)), "others than another vCPU's");
    assert_eq!(other.init(init(PSCI_0_2)), Ok(()));
}

#[test]
fn a_reset_leaves_el1h_with_exceptions_masked_and_zeroed_registers() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    common::load(&mut vcpu, &[]);
    vcpu.set_register(RegisterId::general(30).unwrap(), 1).unwrap();
    vcpu.set_register(RegisterId::PC, 0x4000_0000).unwrap();
    vcpu.set_register(RegisterId::SCTLR_EL1, 0).unwrap();
    vcpu.set_register(MPIDR, 0x8000_0007).unwrap();
    vcpu.init(init(PSCI_0_2)).unwrap();
    assert_eq!(vcpu.call_registers(), [0; 18]);
    assert_eq!(vcpu.get_register(RegisterId::general(30).unwrap()), Ok(0));
    assert_eq!(pc(&mut vcpu), 0);
    assert_eq!(vcpu.get_register(RegisterId::PSTATE), Ok(0x3c5));
    assert_eq!(vcpu.get_register(RegisterId::SCTLR_EL1), Ok(0x00c5_0078));
    assert_eq!(vcpu.get_register(MPIDR), Ok(0x8000_0000));
}

#[test]
fn registers_that_are_not_there_are_enoent_and_halves_and_modes_that_are_not_einval() {
    let vm = new_vm();
    let mut vcpu = initialised(&vm, 0, PSCI_0_2);
    assert_eq!(vcpu.get_register(RegisterId(0x6030_0000_0010_0001)), Err(Errno(22)), "half of x0");
    assert_eq!(vcpu.set_register(RegisterId(0x6030_0000_0010_0001), 0), Err(Errno(22)));
    assert_eq!(vcpu.get_register(RegisterId(0x6030_0000_0014_0004)), Err(Errno(2)));
    for (pstate, expected) in
        [(0x3c5, Ok(())), (0x3c4, Ok(())), (0x3c0, Ok(())), (0x3c9, Err(Errno(22))), (0x1d3, Err(Errno(22)))]
    {
        assert_eq!(vcpu.set_register(RegisterId::PSTATE, pstate), expected, "{pstate:#x}");
    }
}

#[test]
fn mp_states_are_0_5_and_10_and_no_other_number() {
    for (value, state) in [
        (0, Some(MpState::Runnable)),
        (5, Some(MpState::Stopped)),
        (10, Some(MpState::Suspended)),
        (1, None),
        (4, None),
        (6, None),
        (11, None),
        (0xffff_ffff, None),
    ] {
        assert_eq!(MpState::from_uapi(value), state, "{value}");
        assert!(state.is_none_or(|state| state.to_uapi() == value));
    }
}

#[test]
fn an_interrupted_run_applies_no_reset_and_the_next_one_does() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    hvc(&mut caller, &[0xc400_0003, 1, 0x4000_8000, 7]);
    assert_eq!(target.enter(Interruption::Signal), Err(Errno(4)));
    assert_eq!(target.call_registers()[0], 0, "still as it was, seen without asking KVM");
    assert_eq!(target.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!(target.call_registers()[0], 7);
}

#[test]
fn a_reset_that_was_asked_for_comes_before_any_register_access() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    target.set_register(RegisterId::general(5).unwrap(), 0x55).unwrap();
    hvc(&mut caller, &[0xc400_0003, 1, 0x4000_8000, 7]);
    target.set_register(RegisterId::general(6).unwrap(), 0x66).unwrap();
    assert_eq!(target.get_register(RegisterId::general(5).unwrap()), Ok(0), "from before the reset");
    assert_eq!(target.get_register(RegisterId::general(6).unwrap()), Ok(0x66), "from after it");
    assert_eq!((pc(&mut target), x0(&mut target)), (0x4000_8000, 7));
}

#[test]
fn stopping_a_cpu_that_was_turned_on_does_not_forget_its_reset() {
    let vm = new_vm();
    let mut caller = running(&vm, 0);
    let mut target = secondary(&vm, 1);
    hvc(&mut caller, &[0xc400_0003, 1, 0x4000_8000, 7]);
    target.set_mp_state(MpState::Stopped);
    assert_eq!(target.enter(Interruption::None), Ok(Entry::Stopped));
    target.set_mp_state(MpState::Runnable);
    assert_eq!(target.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!((pc(&mut target), x0(&mut target)), (0x4000_8000, 7));
}

#[test]
fn with_only_vcpu_0_initialised_at_the_first_run_affinity_0_is_the_last_vcpu_created() {
    let vm = new_vm();
    let mut boot = initialised(&vm, 0, PSCI_0_2);
    let mut late = [1, 2, 3].map(|id| vm.create_vcpu(id).unwrap());
    late[2].set_mp_state(MpState::Stopped);
    // The map is made now: all four have affinity 0, and the last one overwrites the others.
    assert_eq!(boot.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 0, 0x4000_8000, 7])[0], 0, "not the caller: that one is on");
    assert_eq!(late[2].mp_state(), MpState::Runnable);
    assert_eq!(boot.mp_state(), MpState::Runnable);

    // Whom the map misses is found one by one.
    late[0].init(init(PSCI_0_2.union(VcpuFeatures::POWER_OFF))).unwrap();
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 1, 0x4000_8000, 7])[0], 0);
    assert_eq!(late[0].mp_state(), MpState::Runnable);
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 2, 0x4000_8000, 7])[0], INVALID_PARAMETERS, "it has affinity 0");
}

#[test]
fn an_affinity_that_a_vcpu_gets_after_the_first_run_is_found_by_every_function() {
    let vm = new_vm();
    let mut boot = initialised(&vm, 0, PSCI_0_2);
    let mut late = [2, 1].map(|id| vm.create_vcpu(id).unwrap());
    assert_eq!(boot.enter(Interruption::None), Ok(Entry::Guest));
    late[0].init(init(PSCI_0_2.union(VcpuFeatures::POWER_OFF))).unwrap();
    assert_eq!(hvc(&mut boot, &[0xc400_0004, 2, 0]), [1, 0, 0, 0]);
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 2, 0x4000_8000, 0])[0], 0);
    assert_eq!(hvc(&mut boot, &[0xc400_0004, 2, 0]), [0, 0, 0, 0]);
}

#[test]
fn an_affinity_that_a_vcpu_had_leads_to_it_no_more() {
    let vm = new_vm();
    let mut boot = initialised(&vm, 0, PSCI_0_2);
    let mut target = secondary(&vm, 1);
    assert_eq!(boot.enter(Interruption::None), Ok(Entry::Guest));
    target.set_register(MPIDR, 0x8000_0005).unwrap();
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 1, 0x4000_8000, 0])[0], INVALID_PARAMETERS);
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 5, 0x4000_8000, 0])[0], 0);
}

#[test]
fn a_vcpu_created_after_the_first_run_is_found_without_the_map() {
    let vm = new_vm();
    let mut boot = running(&vm, 0);
    let _secondary = secondary(&vm, 1);
    let mut late = secondary(&vm, 2);
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 2, 0x4000_8000, 7]), [0, 0, 0, 0]);
    assert_eq!(pc(&mut late), 0x4000_8000);
}

#[test]
fn creating_a_vcpu_throws_the_map_away_and_its_first_run_makes_another() {
    let vm = new_vm();
    let mut boot = initialised(&vm, 0, PSCI_0_2);
    let mut last = vm.create_vcpu(1).unwrap();
    last.set_mp_state(MpState::Stopped);
    assert_eq!(boot.enter(Interruption::None), Ok(Entry::Guest));
    let mut late = vm.create_vcpu(2).unwrap();
    // Both have affinity 0. Without a map, the first that has it is found, which is on; with one, the last.
    let already_on = 0xffff_ffff_ffff_fffc;
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 0, 0x4000_8000, 0])[0], already_on);
    late.init(init(PSCI_0_2)).unwrap();
    assert_eq!(late.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 0, 0x4000_8000, 0])[0], 0);
    assert_eq!(last.mp_state(), MpState::Runnable);
}

#[test]
fn an_affinity_that_userspace_wrote_is_the_one_that_calls_name() {
    let vm = new_vm();
    let mut boot = initialised(&vm, 0, PSCI_0_2);
    let mut target = secondary(&vm, 1);
    target.set_register(MPIDR, 0x80_8102_0304).unwrap();
    assert_eq!(target.get_register(MPIDR), Ok(0x80_8002_0304), "U, MT and the reserved bits are dropped");
    assert_eq!(boot.enter(Interruption::None), Ok(Entry::Guest));
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 1, 0x4000_8000, 7])[0], INVALID_PARAMETERS);
    assert_eq!(hvc(&mut boot, &[0xc400_0004, 0x80_0002_0304, 0])[0], 1);
    assert_eq!(hvc(&mut boot, &[0xc400_0003, 0x80_0002_0304, 0x4000_8000, 7])[0], 0);
}

//! `CPU_ON` (section 5.1.4).

use super::*;

const BOTH_WIDTHS: [u32; 2] = [0x8400_0003, 0xc400_0003];

#[test]
fn cpu_on_of_a_cpu_that_is_off_is_success_and_hands_it_entry_and_context() {
    for (function, context) in [(0x8400_0003, 0xdead_beef), (0xc400_0003, 0xfeed_f00d_dead_beef)] {
        let mut machine = Machine::new();
        let outcome = machine.call(function, [0x100, ENTRY, CONTEXT]);
        assert_eq!(outcome, Outcome::Start(CpuIndex(2)));
        assert_eq!(outcome.results(), Some(Results::of(SUCCESS)));
        assert_eq!(machine.power.next(CpuIndex(2)), Next::Start(start(ENTRY, context)));
        assert_eq!(machine.power.next(CpuIndex(2)), Next::Wait, "a start is taken once");
    }
}

#[test]
fn smc32_cpu_on_narrows_target_entry_and_context() {
    let mut machine = Machine::new();
    let outcome = machine.call(0x8400_0003, [DIRTY | 1, DIRTY | ENTRY, CONTEXT]);
    assert_eq!(outcome, Outcome::Start(CpuIndex(1)));
    assert_eq!(machine.power.next(CpuIndex(1)), Next::Start(start(ENTRY, 0xdead_beef)));
}

#[test]
fn smc64_cpu_on_reaches_a_cpu_with_aff3_which_smc32_cannot_name() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(0x8400_0003, [0x1_0000_0000, ENTRY, 0]), returns(ALREADY_ON), "it names CPU 0");
    assert_eq!(machine.call(0xc400_0003, [0x1_0000_0000, ENTRY, 0]), Outcome::Start(CpuIndex(3)));
}

#[test]
fn the_new_cpu_takes_the_endianness_of_its_caller() {
    for (sctlr_el1, endianness) in [(0x0200_0000, Endianness::Big), (0xfdff_ffff, Endianness::Little)] {
        let mut machine = Machine::new();
        machine.registers.sctlr_el1 = sctlr_el1;
        machine.call(CPU_ON, [1, ENTRY, 0]);
        let Next::Start(start) = machine.power.next(CpuIndex(1)) else { panic!("it starts") };
        assert_eq!(start.endianness, endianness);
    }
}

#[test]
fn cpu_on_of_no_cpu_is_invalid_parameters() {
    let mut machine = Machine::new();
    for function in BOTH_WIDTHS {
        for target in [2, 0x200, 0x8000_0000, 0x8000_0001, 0x0100_0000, u64::MAX] {
            let outcome = machine.call(function, [target, ENTRY, 0]);
            assert_eq!(outcome, returns(INVALID_PARAMETERS), "{function:#x} {target:#x}");
        }
    }
    for bit in 40..64 {
        let outcome = machine.call(0xc400_0003, [1 << bit | 1, ENTRY, 0]);
        assert_eq!(outcome, returns(INVALID_PARAMETERS), "bit {bit}");
    }
}

#[test]
fn cpu_on_at_an_entry_outside_memory_is_invalid_address() {
    let mut machine = Machine::new();
    for function in BOTH_WIDTHS {
        for entry in [0, 0x3fff_fffc, 0x8000_0000, 0xffff_fffc] {
            let outcome = machine.call(function, [1, entry, 0]);
            assert_eq!(outcome, returns(INVALID_ADDRESS), "{function:#x} {entry:#x}");
        }
    }
    assert_eq!(machine.call(0xc400_0003, [1, 0x1_4020_0000, 0]), returns(INVALID_ADDRESS), "64 bits count");
    assert_eq!(machine.call(CPU_ON, [1, ENTRY, 0]), Outcome::Start(CpuIndex(1)), "it is still off");
}

#[test]
fn cpu_on_at_the_last_instruction_of_memory_is_success() {
    for function in BOTH_WIDTHS {
        assert_eq!(Machine::new().call(function, [1, 0x7fff_fffc, 0]), Outcome::Start(CpuIndex(1)));
    }
}

#[test]
fn cpu_on_at_an_entry_that_no_a64_instruction_can_be_at_is_invalid_address() {
    let mut machine = Machine::new();
    for function in BOTH_WIDTHS {
        for entry in [ENTRY + 1, ENTRY + 2, ENTRY + 3] {
            let outcome = machine.call(function, [1, entry, 0]);
            assert_eq!(outcome, returns(INVALID_ADDRESS), "{function:#x} {entry:#x}");
        }
    }
    assert_eq!(machine.state(1), CpuPower::Off);
}

#[test]
fn cpu_on_at_a_bad_entry_is_invalid_parameters_before_1_0_which_has_no_invalid_address() {
    let mut machine = Machine::of(PsciVersion::V0_2);
    for function in BOTH_WIDTHS {
        assert_eq!(machine.call(function, [1, 0, 0]), returns(INVALID_PARAMETERS), "{function:#x}");
    }
}

#[test]
fn cpu_on_of_a_cpu_that_is_on_is_already_on() {
    let mut machine = Machine::new();
    machine.turn_on(1);
    for function in BOTH_WIDTHS {
        assert_eq!(machine.call(function, [1, ENTRY, 0]), returns(ALREADY_ON), "{function:#x}");
        assert_eq!(machine.call(function, [0, ENTRY, 0]), returns(ALREADY_ON), "{function:#x} of its caller");
    }
}

#[test]
fn cpu_on_of_a_cpu_that_sleeps_is_already_on() {
    for power_state in [STANDBY, POWER_DOWN] {
        let mut machine = Machine::new();
        machine.turn_on(1);
        machine.call_by(1, CPU_SUSPEND, [power_state, ENTRY, 0]);
        for function in BOTH_WIDTHS {
            assert_eq!(machine.call(function, [1, ENTRY, 0]), returns(ALREADY_ON), "{function:#x}");
        }
    }
}

#[test]
fn cpu_on_is_on_pending_until_the_target_takes_its_start_then_already_on() {
    for function in BOTH_WIDTHS {
        let mut machine = Machine::new();
        machine.call(function, [1, ENTRY, 0]);
        assert_eq!(machine.call(function, [1, ENTRY, 0]), returns(ON_PENDING));
        assert_eq!(machine.call(AFFINITY_INFO, [1, 0, 0]), returns(2));
        let _ = machine.power.next(CpuIndex(1));
        assert_eq!(machine.call(function, [1, ENTRY, 0]), returns(ALREADY_ON));
        assert_eq!(machine.call(AFFINITY_INFO, [1, 0, 0]), returns(0));
    }
}

#[test]
fn cpu_on_is_on_pending_from_the_moment_another_caller_has_claimed_the_target() {
    let mut machine = Machine::new();
    let power = Arc::clone(&machine.power);
    let _claim = power.claim(CpuIndex(1)).unwrap();
    for function in BOTH_WIDTHS {
        assert_eq!(machine.call(function, [1, ENTRY, 0]), returns(ON_PENDING), "{function:#x}");
    }
}

#[test]
fn cpu_on_of_a_cpu_that_the_guest_may_not_have_is_denied_from_1_2_on() {
    for version in [PsciVersion::V1_2, PsciVersion::V1_3] {
        let mut machine = Machine::of(version);
        machine.disable(&[1]);
        for function in BOTH_WIDTHS {
            assert_eq!(machine.call(function, [1, ENTRY, 0]), returns(DENIED), "{version} {function:#x}");
        }
        assert_eq!(machine.state(1), CpuPower::Disabled);
    }
}

#[test]
fn cpu_on_of_a_cpu_that_the_guest_may_not_have_is_internal_failure_before_1_2() {
    for version in [PsciVersion::V0_2, PsciVersion::V1_0, PsciVersion::V1_1] {
        let mut machine = Machine::of(version);
        machine.disable(&[1]);
        for function in BOTH_WIDTHS {
            let outcome = machine.call(function, [1, ENTRY, 0]);
            assert_eq!(outcome, returns(INTERNAL_FAILURE), "{version} {function:#x}");
        }
    }
}

#[test]
fn cpu_on_of_a_cpu_that_the_guest_may_have_again_is_success() {
    let mut machine = Machine::new();
    machine.disable(&[1]);
    assert_eq!(machine.call(CPU_ON, [1, ENTRY, 0]), returns(DENIED));
    assert!(machine.power.enable(CpuIndex(1)));
    assert_eq!(machine.call(CPU_ON, [1, ENTRY, 0]), Outcome::Start(CpuIndex(1)));
}

#[test]
fn cpu_on_looks_at_the_target_then_at_the_entry_then_at_the_state() {
    let mut machine = Machine::new();
    machine.disable(&[1]);
    assert_eq!(machine.call(CPU_ON, [2, 0, 0]), returns(INVALID_PARAMETERS));
    assert_eq!(machine.call(CPU_ON, [1, 0, 0]), returns(INVALID_ADDRESS), "and not DENIED");
    assert_eq!(machine.call(CPU_ON, [0, 0, 0]), returns(INVALID_ADDRESS), "and not ALREADY_ON");
}

#[test]
fn cpu_on_reads_x1_to_x3_and_the_endianness_and_a_refused_one_less() {
    let mut machine = Machine::new();
    machine.call(CPU_ON, [1, ENTRY, 0]);
    assert_eq!(machine.registers.reads, [Register::X1, Register::X2, Register::X3]);
    assert_eq!(machine.registers.system_reads, 1);
    machine.call(CPU_ON, [1, ENTRY, 0]);
    assert_eq!(machine.registers.reads, [Register::X1, Register::X2]);
    assert_eq!(machine.registers.system_reads, 0);
    machine.call(CPU_ON, [7, ENTRY, 0]);
    assert_eq!(machine.registers.reads, [Register::X1]);
}

#[test]
fn a_caller_whose_registers_cannot_be_read_starts_nobody() {
    let mut machine = Machine::new();
    let mut registers = ScriptedRegisters::failing(5);
    let mut call = Call::new(FunctionId(CPU_ON), Conduit::Hvc, BOOT, &mut registers);
    machine.psci.call(&mut call, &OneGigabyte);
    assert!(call.fault().is_some());
    assert_eq!(machine.call(AFFINITY_INFO, [1, 0, 0]), returns(1), "CPU 1 is still off");
}

#[test]
fn a_claim_of_a_caller_that_is_lost_half_way_is_dropped_and_its_caller_is_alone_again() {
    let mut machine = Machine::new();
    // x1 to x3 can be read and SCTLR_EL1 cannot: the claim is taken by then.
    let mut registers = LostAtTheEnd;
    let mut call = Call::new(FunctionId(CPU_ON), Conduit::Hvc, BOOT, &mut registers);
    let outcome = machine.psci.call(&mut call, &OneGigabyte);
    assert_eq!(outcome, returns(INTERNAL_FAILURE));
    assert!(call.fault().is_some());
    assert_eq!(machine.state(1), CpuPower::Off);
    assert!(machine.power.is_alone());
    assert_eq!(machine.call(CPU_ON, [1, ENTRY, 0]), Outcome::Start(CpuIndex(1)));
}

struct LostAtTheEnd;

impl crate::Registers for LostAtTheEnd {
    fn read(&mut self, register: Register) -> Result<u64, crate::RegisterFault> {
        Ok(if register == Register::X1 { 1 } else { ENTRY })
    }

    fn write(&mut self, _: Register, _: u64) -> Result<(), crate::RegisterFault> {
        Err(crate::RegisterFault { errno: 5 })
    }

    fn read_system(&mut self, _: crate::SystemRegister) -> Result<u64, crate::RegisterFault> {
        Err(crate::RegisterFault { errno: 5 })
    }
}

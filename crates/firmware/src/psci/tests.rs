//! PSCI at the register level, with the values of the specification.

use std::{boxed::Box, sync::Arc, sync::Barrier, thread, vec, vec::Vec};

use switchboard_filter::Action;
use switchboard_smccc::{Conduit, FunctionId, Ipa, Mpidr, Register};

use super::*;
use crate::{
    Call, CpuIndex, EntryPoint, Firmware, Outcome, Results, Service,
    testing::{OneGigabyte, ScriptedRegisters},
};

const SUCCESS: u64 = 0;
const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
const INVALID_PARAMETERS: u64 = 0xffff_ffff_ffff_fffe;
const ALREADY_ON: u64 = 0xffff_ffff_ffff_fffc;
const ON_PENDING: u64 = 0xffff_ffff_ffff_fffb;
const INVALID_ADDRESS: u64 = 0xffff_ffff_ffff_fff7;

const ENTRY: u64 = 0x4020_0000;
const CONTEXT: u64 = 0xfeed_f00d_dead_beef;

/// Four CPUs with the affinities 0.0.0.0, 0.0.0.1, 0.0.1.0 and 1.0.0.0; the first is on.
struct Machine {
    psci: Psci,
    power: Arc<PowerTable>,
    registers: ScriptedRegisters,
}

impl Machine {
    fn new() -> Self {
        let affinities = [0, 1, 0x100, 0x1_0000_0000].map(Mpidr::from_register);
        let power = Arc::new(PowerTable::new(&affinities));
        power.start(CpuIndex(0), start(0, 0)).unwrap();
        power.take_start(CpuIndex(0)).unwrap();
        Self { psci: Psci::new(Arc::clone(&power)), power, registers: ScriptedRegisters::default() }
    }

    fn call(&mut self, function: u32, arguments: [u64; 3]) -> Outcome {
        let [x1, x2, x3] = arguments;
        let sctlr_el1 = self.registers.sctlr_el1;
        self.registers = ScriptedRegisters::new([(Register::X1, x1), (Register::X2, x2), (Register::X3, x3)]);
        self.registers.sctlr_el1 = sctlr_el1;
        let mut call = Call::new(FunctionId(function), Conduit::Hvc, CpuIndex(0), &mut self.registers);
        self.psci.call(&mut call, &OneGigabyte)
    }

    fn turn_on(&mut self, cpu: usize) {
        self.power.start(CpuIndex(cpu), start(ENTRY, 0)).unwrap();
        self.power.take_start(CpuIndex(cpu)).unwrap();
    }
}

fn start(address: u64, context: u64) -> Start {
    Start { entry: EntryPoint { address: Ipa(address), context }, endianness: Endianness::Little }
}

fn returns(x0: u64) -> Outcome {
    Outcome::Return(Results::of(x0))
}

#[test]
fn psci_version_is_1_3_and_reads_no_register() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(0x8400_0000, [0; 3]), returns(0x1_0003));
    assert!(machine.registers.reads.is_empty());
}

#[test]
fn migrate_info_type_says_that_there_is_nothing_to_migrate() {
    assert_eq!(Machine::new().call(0x8400_0006, [0; 3]), returns(2));
}

#[test]
fn cpu_on_hands_entry_and_context_to_the_target() {
    let mut machine = Machine::new();
    let outcome = machine.call(0xc400_0003, [0x100, ENTRY, CONTEXT]);
    assert_eq!(outcome, Outcome::Start(CpuIndex(2)));
    assert_eq!(outcome.results(), Some(Results::of(SUCCESS)));
    assert_eq!(machine.power.take_start(CpuIndex(2)), Some(start(ENTRY, CONTEXT)));
    assert_eq!(machine.power.take_start(CpuIndex(2)), None, "a start is taken once");
}

#[test]
fn cpu_on_reads_x1_to_x3_and_the_endianness_and_a_refused_one_less() {
    let mut machine = Machine::new();
    machine.call(0xc400_0003, [1, ENTRY, 0]);
    assert_eq!(machine.registers.reads, [Register::X1, Register::X2, Register::X3]);
    assert_eq!(machine.registers.system_reads, 1);
    machine.call(0xc400_0003, [1, ENTRY, 0]);
    assert_eq!(machine.registers.reads, [Register::X1, Register::X2]);
    assert_eq!(machine.registers.system_reads, 0);
    machine.call(0xc400_0003, [7, ENTRY, 0]);
    assert_eq!(machine.registers.reads, [Register::X1]);
}

#[test]
fn smc32_cpu_on_narrows_target_entry_and_context() {
    let mut machine = Machine::new();
    let dirty = 0xdead_beef_0000_0000;
    let outcome = machine.call(0x8400_0003, [dirty | 1, dirty | ENTRY, CONTEXT]);
    assert_eq!(outcome, Outcome::Start(CpuIndex(1)));
    assert_eq!(machine.power.take_start(CpuIndex(1)), Some(start(ENTRY, 0xdead_beef)));
}

#[test]
fn smc64_cpu_on_reaches_a_cpu_with_aff3_which_smc32_cannot_name() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(0x8400_0003, [0x1_0000_0000, ENTRY, 0]), returns(ALREADY_ON), "it names CPU 0");
    assert_eq!(machine.call(0xc400_0003, [0x1_0000_0000, ENTRY, 0]), Outcome::Start(CpuIndex(3)));
}

#[test]
fn the_new_cpu_takes_the_endianness_of_its_caller() {
    let mut machine = Machine::new();
    machine.registers.sctlr_el1 = 0x0200_0000;
    machine.call(0xc400_0003, [1, ENTRY, 0]);
    assert_eq!(machine.power.take_start(CpuIndex(1)).unwrap().endianness, Endianness::Big);
}

#[test]
fn cpu_on_of_no_cpu_is_invalid_parameters() {
    let mut machine = Machine::new();
    for target in [2, 0x200, 0x8000_0000, 0x8000_0001, 0x0100_0000, u64::MAX] {
        assert_eq!(machine.call(0xc400_0003, [target, ENTRY, 0]), returns(INVALID_PARAMETERS), "{target:#x}");
    }
}

#[test]
fn cpu_on_at_an_entry_outside_memory_is_invalid_address() {
    let mut machine = Machine::new();
    for entry in [0, 0x3fff_fffc, 0x8000_0000, u64::MAX] {
        assert_eq!(machine.call(0xc400_0003, [1, entry, 0]), returns(INVALID_ADDRESS), "{entry:#x}");
    }
    assert_eq!(machine.call(0xc400_0003, [1, ENTRY, 0]), Outcome::Start(CpuIndex(1)), "it is still off");
}

#[test]
fn cpu_on_is_on_pending_until_the_target_takes_its_start_then_already_on() {
    let mut machine = Machine::new();
    machine.call(0xc400_0003, [1, ENTRY, 0]);
    assert_eq!(machine.call(0xc400_0003, [1, ENTRY, 0]), returns(ON_PENDING));
    assert_eq!(machine.call(0xc400_0004, [1, 0, 0]), returns(2));
    machine.power.take_start(CpuIndex(1)).unwrap();
    assert_eq!(machine.call(0xc400_0003, [1, ENTRY, 0]), returns(ALREADY_ON));
    assert_eq!(machine.call(0xc400_0004, [1, 0, 0]), returns(0));
}

#[test]
fn cpu_off_turns_its_caller_off_and_it_can_be_started_again() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(0x8400_0002, [0x1_0000, 0, 0]), Outcome::Off);
    assert_eq!(machine.call(0xc400_0004, [0, 0, 0]), returns(1));
    assert_eq!(machine.call(0xc400_0003, [0, ENTRY, 0]), Outcome::Start(CpuIndex(0)));
}

#[test]
fn a_caller_whose_registers_cannot_be_read_starts_nobody() {
    let mut machine = Machine::new();
    let mut registers = ScriptedRegisters::failing(5);
    let mut call = Call::new(FunctionId(0xc400_0003), Conduit::Hvc, CpuIndex(0), &mut registers);
    machine.psci.call(&mut call, &OneGigabyte);
    assert!(call.fault().is_some());
    assert_eq!(machine.call(0xc400_0004, [1, 0, 0]), returns(1), "CPU 1 is still off");
}

#[test]
fn affinity_info_looks_at_all_cpus_that_share_the_levels_above() {
    let mut machine = Machine::new();
    let info = |machine: &mut Machine, target, level| machine.call(0xc400_0004, [target, level, 0]);
    assert_eq!(info(&mut machine, 1, 0), returns(1));
    assert_eq!(info(&mut machine, 1, 1), returns(0), "CPU 0 is in the same cluster, and on");
    assert_eq!(info(&mut machine, 0x1ff, 1), returns(1), "lower fields are ignored");
    assert_eq!(info(&mut machine, 0x1_0000_0000, 3), returns(1));
    assert_eq!(info(&mut machine, 0, 3), returns(0));
    machine.turn_on(3);
    assert_eq!(info(&mut machine, 0x1_0000_0000, 2), returns(0));
}

#[test]
fn affinity_info_of_no_cpu_or_no_level_is_invalid_parameters() {
    let mut machine = Machine::new();
    for (target, level) in [(7, 0), (0, 4), (0, 0xffff_ffff), (0x0100_0000, 0), (0x0002_0000, 2)] {
        let outcome = machine.call(0xc400_0004, [target, level, 0]);
        assert_eq!(outcome, returns(INVALID_PARAMETERS), "{target:#x} {level}");
    }
}

#[test]
fn standby_returns_success_once_an_interrupt_has_come() {
    let outcome = Machine::new().call(0xc400_0001, [0x0000_0001, 0, 0]);
    assert_eq!(outcome, Outcome::Standby);
    assert_eq!(outcome.results(), Some(Results::of(SUCCESS)));
}

#[test]
fn power_down_resumes_at_its_entry_with_its_context() {
    let outcome = Machine::new().call(0xc400_0001, [0x0001_0001, ENTRY, CONTEXT]);
    assert_eq!(outcome, Outcome::PowerDown(EntryPoint { address: Ipa(ENTRY), context: CONTEXT }));
    assert_eq!(outcome.results(), None);
}

#[test]
fn cpu_suspend_refuses_unknown_power_states_and_entries_outside_memory() {
    let mut machine = Machine::new();
    for power_state in [0, 2, 0x0001_0000, 0x0100_0001, 0x4000_0001, 0x8001_0001] {
        let outcome = machine.call(0xc400_0001, [power_state, ENTRY, 0]);
        assert_eq!(outcome, returns(INVALID_PARAMETERS), "{power_state:#x}");
    }
    assert_eq!(machine.call(0xc400_0001, [0x0001_0001, 0, 0]), returns(INVALID_ADDRESS));
}

#[test]
fn the_power_state_is_32_bits_wide_in_either_width() {
    let mut machine = Machine::new();
    for function in [0x8400_0001, 0xc400_0001] {
        assert_eq!(machine.call(function, [0xdead_beef_0000_0001, 0, 0]), Outcome::Standby);
    }
}

#[test]
fn system_off_and_system_reset_are_two_things() {
    assert_eq!(Machine::new().call(0x8400_0008, [0; 3]), Outcome::SystemOff);
    assert_eq!(Machine::new().call(0x8400_0009, [0; 3]), Outcome::SystemReset);
}

#[test]
fn psci_features_says_of_every_id_what_a_call_would_do() {
    let mut machine = Machine::new();
    for base in [0x8400_0000, 0xc400_0000] {
        for number in 0..0x20 {
            let id = base + number;
            let answered = machine.call(id, [0x8400_0000, 0, 0]) != returns(NOT_SUPPORTED);
            let features = machine.call(0x8400_000a, [u64::from(id), 0, 0]);
            assert_eq!(features, returns(if answered { SUCCESS } else { NOT_SUPPORTED }), "{id:#x}");
        }
    }
}

#[test]
fn psci_features_of_smccc_version_is_success_and_of_other_services_not_supported() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(0x8400_000a, [0xdead_beef_8000_0000, 0, 0]), returns(SUCCESS));
    for id in [0x8000_0001, 0x8400_0050, 0xc400_0053, 0x8600_ff01, 0x8401_0003, 0xffff_ffff] {
        assert_eq!(machine.call(0x8400_000a, [id, 0, 0]), returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn the_support_table_and_psci_features_agree() {
    let mut machine = Machine::new();
    for row in support() {
        let features = machine.call(0x8400_000a, [u64::from(row.function.id.0), 0, 0]);
        let expected = if row.implemented { SUCCESS } else { NOT_SUPPORTED };
        assert_eq!(features, returns(expected), "{}", row.function.name);
    }
}

#[test]
fn both_widths_are_forwarded_and_kvms_private_psci_is_denied() {
    let machine = Machine::new();
    let firmware = Firmware::new(vec![Box::new(machine.psci)]).unwrap();
    let action = |id| firmware.filter().action(FunctionId(id));
    for id in [0x8400_0000, 0x8400_0003, 0x8400_001f, 0xc400_0000, 0xc400_0003, 0xc400_001f] {
        assert_eq!(action(id), Action::Forward, "{id:#x}");
    }
    for id in 0x95c1_ba5e..=0x95c1_ba61 {
        assert_eq!(action(id), Action::Deny, "{id:#x}");
    }
    for id in [0x8400_0020, 0xc400_0050, 0x95c1_ba5d, 0x95c1_ba62, 0x8600_ff01] {
        assert_eq!(action(id), Action::Handle, "{id:#x}");
    }
}

#[test]
fn of_racing_cpu_ons_exactly_one_succeeds() {
    const CALLERS: usize = 4;
    const ROUNDS: usize = 10_000;
    let machine = Machine::new();
    let (psci, power) = (&machine.psci, &machine.power);
    let barrier = Barrier::new(CALLERS);
    let winners: Vec<Vec<bool>> = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| scope.spawn(|| (0..ROUNDS).map(|_| race(psci, power, &barrier)).collect()))
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    for round in 0..ROUNDS {
        assert_eq!(winners.iter().filter(|won| won[round]).count(), 1, "round {round}");
    }
}

/// One caller's part in one round: true if its CPU_ON won. The winner then plays the target's thread.
fn race(psci: &Psci, power: &PowerTable, barrier: &Barrier) -> bool {
    let mut registers = ScriptedRegisters::new([(Register::X1, 1), (Register::X2, ENTRY)]);
    barrier.wait();
    let mut call = Call::new(FunctionId(0xc400_0003), Conduit::Hvc, CpuIndex(0), &mut registers);
    let outcome = psci.call(&mut call, &OneGigabyte);
    barrier.wait();
    let won = outcome == Outcome::Start(CpuIndex(1));
    if won {
        power.take_start(CpuIndex(1)).unwrap();
        power.off(CpuIndex(1));
    } else {
        assert!([returns(ON_PENDING), returns(ALREADY_ON)].contains(&outcome));
    }
    won
}

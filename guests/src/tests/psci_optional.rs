//! `psci_optional`: what the functions return that PSCI 1.0, 1.1 and 1.3 brought and that a firmware need not have. Those
//! that sleep, freeze, reset or switch off are here asked for what they must refuse.

use super::{cpu_on, suspend};
use crate::{
    cpu,
    machine::Machine,
    psci::{self, DENIED, INVALID_ADDRESS, INVALID_PARAMETERS, NOT_SUPPORTED, SUCCESS},
    random::Random,
    secondary,
    smccc::{Conduit, Registers},
    tap::Report,
};

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    if report.any_firmware() {
        return report.skip("another firmware need not have them");
    }
    if conduit.call(Registers::new(u64::from(psci::PSCI_VERSION), [0; 3])).undefined {
        report.check(false, format_args!("{} is an undefined instruction", conduit.name()));
        return;
    }
    let version = machine.args.psci_version();
    let random = Random::new(machine.args.number("seed", 1234));
    let mut test = Optional { machine, conduit, report, random };
    if version >= psci::VERSION_1_0 {
        test.node_hw_state();
        test.suspend_mode();
        test.statistics_of_nothing();
        test.entries();
    }
    if version >= psci::VERSION_1_1 {
        test.mem_protect();
        test.mem_protect_check_range();
        test.reset_types();
    }
    if version >= psci::VERSION_1_3 {
        test.off_types();
    }
}

struct Optional<'run> {
    machine: &'run Machine,
    conduit: Conduit,
    report: &'run mut Report,
    random: Random,
}

impl Optional<'_> {
    /// Calls, and checks that x0 is this and nothing else changes.
    fn expect(&mut self, function: u32, arguments: [u64; 2], wanted: u64) {
        let mut before = Registers::random(u64::from(function), &mut self.random);
        before.0[1..3].copy_from_slice(&arguments);
        let after = self.conduit.call(before);
        let [x1, x2] = arguments;
        let what = format_args!("{function:#x} of {x1:#x}, {x2:#x}");
        self.report.equal(what, after.registers.0[0], wanted);
        let kept = before.0[1..] == after.registers.0[1..];
        self.report.check(kept, format_args!("{function:#x} changes registers: {after}"));
    }

    fn node_hw_state(&mut self) {
        let (this, absent) = (cpu::affinity(), self.machine.absent_cpu());
        for function in [psci::NODE_HW_STATE_32, psci::NODE_HW_STATE_64] {
            self.expect(function, [this, 0], psci::ON);
            self.expect(function, [this, 1], INVALID_PARAMETERS);
            self.expect(function, [absent, 0], INVALID_PARAMETERS);
            if let Some((_, other)) = self.machine.other_cpus().next() {
                self.expect(function, [other, 0], psci::OFF);
            }
        }
    }

    /// Alone, the mode goes there and back; with another CPU on, it does not come back.
    fn suspend_mode(&mut self) {
        let (set, there, back) = (psci::SET_SUSPEND_MODE, psci::OS_INITIATED, psci::PLATFORM_COORDINATED);
        for mode in [2, 0xffff_ffff] {
            self.expect(set, [mode, 0], INVALID_PARAMETERS);
        }
        for mode in [back, there, there, back, there] {
            self.expect(set, [mode, 0], SUCCESS);
        }
        let (machine, conduit) = (self.machine, self.conduit);
        cpu_on::while_another_is_on(machine, conduit, self.report, |_, report| {
            let result = conduit.call3(set, [back, 0, 0]);
            report.equal(format_args!("PSCI_SET_SUSPEND_MODE while another CPU is on"), result, DENIED);
        });
        self.expect(set, [back, 0], SUCCESS);
    }

    fn statistics_of_nothing(&mut self) {
        let (this, absent) = (cpu::affinity(), self.machine.absent_cpu());
        for function in
            [psci::STAT_COUNT_32, psci::STAT_COUNT_64, psci::STAT_RESIDENCY_32, psci::STAT_RESIDENCY_64]
        {
            self.expect(function, [absent, suspend::STANDBY], 0);
            self.expect(function, [this, 0x7cfe_ffff], 0);
        }
    }

    /// Nobody goes to sleep who could not wake up.
    fn entries(&mut self) {
        for function in [
            psci::CPU_DEFAULT_SUSPEND_32,
            psci::CPU_DEFAULT_SUSPEND_64,
            psci::SYSTEM_SUSPEND_32,
            psci::SYSTEM_SUSPEND_64,
        ] {
            for entry in [0, self.machine.hole(), secondary::resume() + 2] {
                self.expect(function, [entry, 0], INVALID_ADDRESS);
            }
        }
    }

    fn mem_protect(&mut self) {
        for (enable, before) in [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)] {
            self.expect(psci::MEM_PROTECT, [enable, 0], before);
        }
        self.expect(psci::MEM_PROTECT | 1 << 30, [1, 0], NOT_SUPPORTED);
    }

    fn mem_protect_check_range(&mut self) {
        let (entry, hole) = (secondary::entry(), self.machine.hole());
        for function in [psci::MEM_CHECK_RANGE_32, psci::MEM_CHECK_RANGE_64] {
            self.expect(function, [entry, 4], SUCCESS);
            for (base, length) in [(entry, 0), (hole, 4), (hole, 5), (0, 1)] {
                self.expect(function, [base, length], DENIED);
            }
        }
        for (base, length) in [(entry, u64::MAX), (entry, entry.wrapping_neg()), (u64::MAX, 2)] {
            self.expect(psci::MEM_CHECK_RANGE_64, [base, length], DENIED);
        }
    }

    fn reset_types(&mut self) {
        for function in [psci::SYSTEM_RESET2_32, psci::SYSTEM_RESET2_64] {
            for reset_type in [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
                self.expect(function, [reset_type, 0], INVALID_PARAMETERS);
            }
        }
    }

    fn off_types(&mut self) {
        for function in [psci::SYSTEM_OFF2_32, psci::SYSTEM_OFF2_64] {
            for (off_type, cookie) in [(2, 0), (0x8000_0001, 0), (0, 1), (psci::HIBERNATE_OFF, 1)] {
                self.expect(function, [off_type, cookie], INVALID_PARAMETERS);
            }
        }
    }
}

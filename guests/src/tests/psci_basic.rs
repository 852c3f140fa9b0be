//! `psci_basic`: what each function of PSCI returns, register by register, on one CPU.

use crate::{
    cpu,
    machine::Machine,
    psci::{self, INVALID_PARAMETERS, NOT_SUPPORTED},
    random::Random,
    secondary,
    smccc::{Conduit, Registers},
    tap::Report,
};

/// What PSCI_FEATURES says of an ID of PSCI's page, and since which version; for all others it is NOT_SUPPORTED.
const FEATURES: [(u32, u64, u64); 32] = [
    (psci::PSCI_VERSION, psci::VERSION_0_2, 0),
    // Original format of the power state, OS-initiated mode.
    (psci::CPU_SUSPEND_32, psci::VERSION_0_2, 1),
    (psci::CPU_SUSPEND_64, psci::VERSION_0_2, 1),
    (psci::CPU_OFF, psci::VERSION_0_2, 0),
    (psci::CPU_ON_32, psci::VERSION_0_2, 0),
    (psci::CPU_ON_64, psci::VERSION_0_2, 0),
    (psci::AFFINITY_INFO_32, psci::VERSION_0_2, 0),
    (psci::AFFINITY_INFO_64, psci::VERSION_0_2, 0),
    (psci::MIGRATE_INFO_TYPE, psci::VERSION_0_2, 0),
    (psci::SYSTEM_OFF, psci::VERSION_0_2, 0),
    (psci::SYSTEM_RESET, psci::VERSION_0_2, 0),
    (psci::PSCI_FEATURES, psci::VERSION_1_0, 0),
    (psci::CPU_FREEZE, psci::VERSION_1_0, 0),
    (psci::CPU_DEFAULT_SUSPEND_32, psci::VERSION_1_0, 0),
    (psci::CPU_DEFAULT_SUSPEND_64, psci::VERSION_1_0, 0),
    (psci::NODE_HW_STATE_32, psci::VERSION_1_0, 0),
    (psci::NODE_HW_STATE_64, psci::VERSION_1_0, 0),
    (psci::SYSTEM_SUSPEND_32, psci::VERSION_1_0, 0),
    (psci::SYSTEM_SUSPEND_64, psci::VERSION_1_0, 0),
    (psci::SET_SUSPEND_MODE, psci::VERSION_1_0, 0),
    (psci::STAT_RESIDENCY_32, psci::VERSION_1_0, 0),
    (psci::STAT_RESIDENCY_64, psci::VERSION_1_0, 0),
    (psci::STAT_COUNT_32, psci::VERSION_1_0, 0),
    (psci::STAT_COUNT_64, psci::VERSION_1_0, 0),
    (psci::SYSTEM_RESET2_32, psci::VERSION_1_1, 0),
    (psci::SYSTEM_RESET2_64, psci::VERSION_1_1, 0),
    (psci::MEM_PROTECT, psci::VERSION_1_1, 0),
    (psci::MEM_CHECK_RANGE_32, psci::VERSION_1_1, 0),
    (psci::MEM_CHECK_RANGE_64, psci::VERSION_1_1, 0),
    // HIBERNATE_OFF.
    (psci::SYSTEM_OFF2_32, psci::VERSION_1_3, 1),
    (psci::SYSTEM_OFF2_64, psci::VERSION_1_3, 1),
    // Not of PSCI, and asked for here.
    (psci::SMCCC_VERSION, psci::VERSION_0_2, 0),
];

/// No power state of any format: reserved bits are set (DEN0022, section 5.4.2).
const BAD_POWER_STATE: u64 = 0x7cfe_ffff;

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let random = Random::new(machine.args.number("seed", 1234));
    let mut test = Basic { machine, conduit, report, random, version: machine.args.psci_version() };
    if conduit.call(Registers::new(u64::from(psci::PSCI_VERSION), [0; 3])).undefined {
        test.report.check(false, format_args!("{} is an undefined instruction", conduit.name()));
        return;
    }
    test.version_and_migration();
    test.features();
    test.functions_of_later_versions();
    test.affinity_info();
    test.cpu_on_targets();
    test.cpu_on_entries();
    test.cpu_on_narrow();
    test.cpu_suspend();
}

struct Basic<'run> {
    machine: &'run Machine,
    conduit: Conduit,
    report: &'run mut Report,
    random: Random,
    version: u64,
}

impl Basic<'_> {
    /// Calls, and checks that nothing but x0 changes. x0.
    fn call(&mut self, function: u32, arguments: [u64; 3]) -> u64 {
        let mut before = Registers::random(u64::from(function), &mut self.random);
        before.0[1..4].copy_from_slice(&arguments);
        let after = self.conduit.call(before);
        let kept = before.0[1..4] == after.registers.0[1..4];
        self.report.check_ours(kept, format_args!("{function:#x} changes x1 to x3: {after}"));
        let kept = before.0[4..] == after.registers.0[4..];
        self.report.check(kept, format_args!("{function:#x} changes x4 to x17"));
        after.registers.0[0]
    }

    fn version_and_migration(&mut self) {
        let version = self.call(psci::PSCI_VERSION, [0; 3]);
        self.report.equal_ours(format_args!("PSCI_VERSION"), version, self.version);
        let migration = self.call(psci::MIGRATE_INFO_TYPE, [0; 3]);
        self.report.equal(format_args!("MIGRATE_INFO_TYPE"), migration, 2);
    }

    fn features(&mut self) {
        let page = (0..0x20).flat_map(|number| [0x8400_0000 + number, 0xc400_0000 + number]);
        let others = [psci::SMCCC_VERSION, 0x8000_0001, 0x8400_0050, 0x8600_ff01, 0x8401_0003, u32::MAX];
        for id in page.chain(others) {
            let dirty = self.random.dirty(id);
            for argument in [u64::from(id), dirty] {
                let features = self.call(psci::PSCI_FEATURES, [argument, 0, 0]);
                let row = FEATURES.iter().find(|&&(known, since, _)| known == id && since <= self.version);
                let wanted = match row {
                    Some(&(_, _, flags)) if self.version >= psci::VERSION_1_0 => flags,
                    // PSCI_FEATURES itself came with 1.0.
                    _ => NOT_SUPPORTED,
                };
                self.report.equal_ours(format_args!("PSCI_FEATURES of {argument:#x}"), features, wanted);
            }
        }
    }

    /// What the version has not is not there, whatever PSCI_FEATURES says.
    fn functions_of_later_versions(&mut self) {
        for (id, since, _) in FEATURES {
            if since > self.version {
                let result = self.call(id, [0; 3]);
                self.report.equal_ours(format_args!("{id:#x}, of a later version"), result, NOT_SUPPORTED);
            }
        }
    }

    fn affinity_info(&mut self) {
        let this = cpu::affinity();
        for level in 0..4 {
            let info = self.call(psci::AFFINITY_INFO_64, [this, level, 0]);
            self.report.equal_ours(
                format_args!("AFFINITY_INFO of this CPU at level {level}"),
                info,
                psci::ON,
            );
        }
        let absent = self.machine.absent_cpu();
        for (target, level) in [(this, 4), (this, 0xffff_ffff), (absent, 0), (absent, 1), (this | 1 << 31, 0)]
        {
            let info = self.call(psci::AFFINITY_INFO_64, [target, level, 0]);
            let what = format_args!("AFFINITY_INFO of {target:#x} at level {level}");
            self.report.equal_ours(what, info, INVALID_PARAMETERS);
        }
        if u32::try_from(this).is_ok() {
            let arguments = [self.random.dirty(0) | this, self.random.dirty(0), 0];
            let info = self.call(psci::AFFINITY_INFO_32, arguments);
            self.report.equal_ours(
                format_args!("SMC32 AFFINITY_INFO with dirty upper halves"),
                info,
                psci::ON,
            );
        }
    }

    fn cpu_on_targets(&mut self) {
        let (this, entry) = (cpu::affinity(), secondary::entry());
        let own = self.call(psci::CPU_ON_64, [this, entry, 0]);
        self.report.equal(format_args!("CPU_ON of this CPU"), own, psci::ALREADY_ON);
        let absent = self.machine.absent_cpu();
        let result = self.call(psci::CPU_ON_64, [absent, entry, 0]);
        self.report.equal(format_args!("CPU_ON of no CPU"), result, INVALID_PARAMETERS);
        for bit in (24..32).chain(40..64) {
            let target = this | 1 << bit;
            let result = self.call(psci::CPU_ON_64, [target, entry, 0]);
            self.report.equal_ours(format_args!("CPU_ON of {target:#x}"), result, INVALID_PARAMETERS);
        }
    }

    fn cpu_on_entries(&mut self) {
        // KVM does not look at the entry, and would start the CPU there.
        if self.report.any_firmware() {
            return;
        }
        let Some((_, target)) = self.machine.other_cpus().next() else { return };
        let wanted =
            if self.version >= psci::VERSION_1_0 { psci::INVALID_ADDRESS } else { INVALID_PARAMETERS };
        for entry in [
            0,
            self.machine.hole(),
            1 << 47,
            0xffff_ffff_ffff_fffc,
            secondary::entry() + 1,
            secondary::entry() + 2,
        ] {
            let result = self.call(psci::CPU_ON_64, [target, entry, 0]);
            self.report.equal(format_args!("CPU_ON at {entry:#x}"), result, wanted);
        }
        let info = self.call(psci::AFFINITY_INFO_64, [target, 0, 0]);
        self.report.equal(format_args!("AFFINITY_INFO after CPU_ONs that failed"), info, psci::OFF);
    }

    fn cpu_on_narrow(&mut self) {
        let this = cpu::affinity();
        if u32::try_from(this).is_err() {
            return;
        }
        let mut dirty = || self.random.dirty(0);
        let own = [dirty() | this, dirty() | secondary::entry(), dirty()];
        let absent = [dirty() | self.machine.absent_cpu(), own[1], own[2]];
        let reserved = [dirty() | this | 1 << 31, own[1], own[2]];
        for (arguments, wanted) in
            [(own, psci::ALREADY_ON), (absent, INVALID_PARAMETERS), (reserved, INVALID_PARAMETERS)]
        {
            let result = self.call(psci::CPU_ON_32, arguments);
            self.report.equal_ours(format_args!("SMC32 CPU_ON of {:#x}", arguments[0]), result, wanted);
        }
    }

    fn cpu_suspend(&mut self) {
        // KVM takes every power state for a standby, from which nothing would wake this CPU.
        if self.report.any_firmware() {
            return;
        }
        for function in [psci::CPU_SUSPEND_32, psci::CPU_SUSPEND_64] {
            let result = self.call(function, [BAD_POWER_STATE, secondary::resume(), 0]);
            let what = format_args!("{function:#x} with a power state that is none");
            self.report.equal(what, result, INVALID_PARAMETERS);
        }
    }
}

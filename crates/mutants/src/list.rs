//! The mistakes.

/// One of them: in a file of `switchboard-hyp`, a text that occurs once becomes another.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// What is wrong with it.
    pub mistake: &'static str,
    /// The file, in `crates/hyp/src`.
    pub file: &'static str,
    /// What is there.
    pub from: &'static str,
    /// What is there instead.
    pub to: &'static str,
}

const fn mutant(mistake: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Mutant {
    Mutant { mistake, file, from, to }
}

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    mutant(
        "a request after the first run is EEXIST",
        "attributes.rs",
        "Errno(error.errno())",
        "if error.errno() == 16 { Errno::EEXIST } else { Errno(error.errno()) }",
    ),
    mutant(
        "an overlapping range is EBUSY",
        "attributes.rs",
        "Errno(error.errno())",
        "if error.errno() == 17 { Errno::EBUSY } else { Errno(error.errno()) }",
    ),
    mutant(
        "an unreadable request is EINVAL",
        "attributes.rs",
        ".ok_or(Errno::EFAULT)?);",
        ".ok_or(Errno::EINVAL)?);",
    ),
    mutant(
        "an attribute that is not there is EINVAL",
        "attributes.rs",
        "_ => Err(Errno::ENXIO),",
        "_ => Err(Errno::EINVAL),",
    ),
    mutant(
        "reading an attribute is ENXIO",
        "attributes.rs",
        "Err(Errno::EINVAL)\n    }",
        "Err(Errno::ENXIO)\n    }",
    ),
    mutant(
        "PC stays at an SMC",
        "trap.rs",
        "InstructionLength::Bits16 | InstructionLength::Bits32 => 4,",
        "InstructionLength::Bits16 | InstructionLength::Bits32 => 0,",
    ),
    mutant(
        "an SMC's immediate is not looked at",
        "trap.rs",
        "if reports_immediate && syndrome.immediate() != 0 {",
        "if false {",
    ),
    mutant(
        "an SMC with an immediate clears x1 to x3",
        "trap.rs",
        "self.x[0] = smccc::NOT_SUPPORTED;\n            return Next::Resume;",
        "return self.complete([smccc::NOT_SUPPORTED, 0, 0, 0]);",
    ),
    mutant(
        "x1 to x3 survive a denial",
        "trap.rs",
        "Action::Handle | Action::Deny => self.complete([smccc::NOT_SUPPORTED, 0, 0, 0]),",
        "Action::Handle | Action::Deny => {\n                self.x[0] = smccc::NOT_SUPPORTED;\n                Next::Resume\n            }",
    ),
    mutant(
        "PC moves on after an HVC too",
        "trap.rs",
        "self.call(Conduit::Hvc, syndrome, host)",
        "{\n            self.skip(syndrome.length());\n            self.call(Conduit::Hvc, syndrome, host)\n        }",
    ),
    mutant(
        "the hint bit is masked before the filter",
        "trap.rs",
        "match self.vm.lookups().action(conduit, function_id) {",
        "match self.vm.lookups().action(conduit, function_id.without_sve_hint()) {",
    ),
    mutant(
        "a denial counts for the other width too",
        "trap.rs",
        "match self.vm.lookups().action(conduit, function_id) {",
        "match self.vm.lookups().action(conduit, FunctionId(function_id.0 & !(1 << 30))) {",
    ),
    mutant(
        "a dirty upper half of x0 makes another ID",
        "trap.rs",
        "FunctionId::from_x0(self.x[0])\n",
        "if self.x[0] >> 32 == 0 { FunctionId::from_x0(self.x[0]) } else { FunctionId(0xffff_ffff) }\n",
    ),
    mutant("the workarounds' fast path keeps x1", "trap.rs", "            self.x[1] = 0;\n", ""),
    mutant(
        "workaround 3 has no fast path",
        "trap.rs",
        "[ARCH_WORKAROUND_1, ARCH_WORKAROUND_2, ARCH_WORKAROUND_3]",
        "[ARCH_WORKAROUND_1, ARCH_WORKAROUND_2, ARCH_WORKAROUND_2]",
    ),
    mutant(
        "a forwarded SMC looks like an HVC",
        "trap.rs",
        "Conduit::Smc => HypercallFlags::SMC,",
        "Conduit::Smc => HypercallFlags(0),",
    ),
    mutant(
        "the exit's number has an upper half",
        "exit.rs",
        "u64::from(self.function_id.0).to_le_bytes()",
        "(u64::from(self.function_id.0) | 1 << 63).to_le_bytes()",
    ),
    mutant(
        "the exit holds no flags",
        "exit.rs",
        "bytes[64..].copy_from_slice(&self.flags.0.to_le_bytes());",
        "",
    ),
    mutant("handling needs no bit of a bitmap", "smccc.rs", "=> self.has_trng(),", "=> true,"),
    mutant(
        "PTP is governed by the bit of UID and features",
        "smccc.rs",
        "=> self.has_ptp(),",
        "=> self.has_vendor_features(),",
    ),
    mutant(
        "the calling convention is 1.2",
        "smccc.rs",
        "const VERSION_1_1: u64 = 0x1_0001;",
        "const VERSION_1_1: u64 = 0x1_0002;",
    ),
    mutant(
        "ARCH_FEATURES knows PSCI",
        "smccc.rs",
        "pv_time::FEATURES if vm.has_pv_time() => 0,",
        "pv_time::FEATURES if vm.has_pv_time() => 0,\n        FunctionId(0x8400_0000..=0x8400_0006) => 0,",
    ),
    mutant(
        "random bits are in x1 to x3 the other way round",
        "trng.rs",
        "[SUCCESS, words[2], words[1], words[0]]",
        "[SUCCESS, words[0], words[1], words[2]]",
    ),
    mutant(
        "bits beyond a TRNG request are not cleared",
        "trng.rs",
        "entropy[index] & lowest_bits(requested.saturating_sub(64 * place))",
        "entropy[index] | place & 0",
    ),
    mutant(
        "too long a TRNG request is NOT_SUPPORTED",
        "trng.rs",
        "return [INVALID_PARAMETERS, 0, 0, 0];",
        "return [NOT_SUPPORTED, 0, 0, 0];",
    ),
    mutant(
        "TRNG_FEATURES looks at the low half of its argument",
        "trng.rs",
        "match u32::try_from(function).map(FunctionId) {",
        "match u32::try_from(function & 0xffff_ffff).map(FunctionId) {",
    ),
    mutant(
        "a vCPU without an address has paravirtualized time",
        "pv_time.rs",
        "_ => smccc::NOT_SUPPORTED,\n    };\n    vcpu.complete",
        "_ => 0,\n    };\n    vcpu.complete",
    ),
    mutant(
        "an address of stolen time can be replaced",
        "pv_time.rs",
        "if self.stolen_time.is_some() {",
        "if self.stolen_time.is_some_and(|_| false) {",
    ),
    mutant(
        "a firmware register that has its value already is EBUSY after the first run",
        "vm.rs",
        "if self.has_ran_once() && !changes_nothing() {",
        "if self.has_ran_once() {",
    ),
    mutant(
        "firmware registers do not freeze",
        "vm.rs",
        "if self.has_ran_once() && !changes_nothing() {",
        "if self.has_ran_once() && !changes_nothing() && false {",
    ),
    mutant(
        "the PSCI version freezes",
        "firmware_registers.rs",
        "        if !can_be_chosen {\n            return Err(Errno::EINVAL);",
        "        if self.has_ran_once() {\n            return Err(Errno::EBUSY);\n        }\n        if !can_be_chosen {\n            return Err(Errno::EINVAL);",
    ),
    mutant(
        "CPU_ON of a CPU that is on is INVALID_PARAMETERS",
        "psci.rs",
        "return Status::ALREADY_ON;",
        "return Status::INVALID_PARAMETERS;",
    ),
    mutant(
        "the 32-bit CPU_ON takes 64-bit arguments",
        "psci.rs",
        "CPU_ON_32 => {\n            narrow(vcpu);",
        "CPU_ON_32 => {",
    ),
    mutant("CPU_ON hands over no context", "psci.rs", "context: vcpu.x[3]", "context: 0"),
    mutant(
        "CPU_ON starts little-endian whatever the caller is",
        "psci.rs",
        "endianness: vcpu.endianness()",
        "endianness: crate::power::Endianness::Little",
    ),
    mutant(
        "a suspended CPU is off",
        "psci.rs",
        "if states.all(|state| state == MpState::Stopped)",
        "if states.all(|state| state != MpState::Runnable)",
    ),
    mutant(
        "AFFINITY_INFO does not mask its target",
        "psci.rs",
        ".and_then(|affinity| affinity.at_level(level));",
        ".filter(|affinity| affinity.at_level(level).is_some());",
    ),
    mutant(
        "SYSTEM_OFF stops the caller alone",
        "psci.rs",
        "for slot in vcpu.vm.slots() {",
        "for slot in [vcpu.slot] {",
    ),
    mutant(
        "SYSTEM_RESET2 clears x1 to x3",
        "psci.rs",
        "vcpu.x[0] = Status::INTERNAL_FAILURE.to_x0();",
        "vcpu.complete([Status::INTERNAL_FAILURE.to_x0(), 0, 0, 0]);",
    ),
    mutant(
        "a resumed SYSTEM_OFF was a success",
        "psci.rs",
        "vcpu.complete([Status::INTERNAL_FAILURE.to_x0(), 0, 0, 0]);\n    Answer",
        "vcpu.complete([0; 4]);\n    Answer",
    ),
    mutant(
        "PSCI_FEATURES does not know SMCCC_VERSION",
        "psci.rs",
        "| PSCI_FEATURES | SMCCC_VERSION => true,",
        "| PSCI_FEATURES => true,",
    ),
    mutant(
        "PSCI 0.1 answers a guest that has 0.2",
        "psci.rs",
        "Version { major: 0, .. } => psci_0_2(vcpu, id),",
        "Version { major: 0, .. } => psci_0_1(vcpu, id),",
    ),
    mutant(
        "CPU_SUSPEND ignores an interrupt that is there",
        "psci.rs",
        "Line::High => next,",
        "Line::High => Next::WaitForInterrupt,",
    ),
    mutant(
        "a run with immediate exit does not freeze",
        "run.rs",
        "if !self.has_run {",
        "if !self.has_run && interruption == Interruption::None {",
    ),
    mutant(
        "a suspended vCPU becomes runnable by itself",
        "run.rs",
        "(MpState::Suspended, Line::High) => {",
        "(MpState::Suspended, Line::High) => {\n                self.slot.power().mp_state = MpState::Runnable;",
    ),
    mutant(
        "a reset that CPU_ON asked for waits for the next run",
        "vcpu.rs",
        "self.reset_if_requested();\n        Ok(features)",
        "Ok(features)",
    ),
    mutant(
        "INIT turns a vCPU on whatever is asked",
        "vcpu.rs",
        "if init.features.contains(VcpuFeatures::POWER_OFF) {",
        "if init.features.contains(VcpuFeatures(1 << 9)) {",
    ),
    mutant(
        "17 CPUs share an Aff1",
        "vcpu.rs",
        "id & 0xf | (id >> 4 & 0xff) << 8",
        "id & 0x1f | (id >> 5 & 0xff) << 8",
    ),
];

//! The cases of `conformance/`, which the bare-metal guest runs on real monitors, on the model of each kernel.

#![allow(missing_docs, reason = "tests")]

use std::{fs, path::PathBuf};

use switchboard_cases::{Action, Caller, Conduit, File, Given, Registers, Runner, Verdict};
use switchboard_hyp::{
    Counter, Entry, ExceptionClass, Exit, Host, Init, Interruption, KvmVersion, Level, MpState, Next,
    RegisterId, Syndrome, Time, Vcpu, VcpuFeatures, Vm, VmConfig,
};
use switchboard_smccc::Ipa;

const HERE: u64 = 0x4000_0000;
const ENTRY: u64 = 0x4020_0000;
/// SMC32 calls hand over 32 bits.
const CONTEXT: u64 = 0x1234_5678;
/// There are CPUs 0 and 1.
const ABSENT: u64 = 0xff_0101;
const CPU_OFF: u64 = 0x8400_0002;

struct LentByATest;

impl Host for LentByATest {
    fn entropy(&self) -> [u64; 3] {
        [0xdb3a_1e77_9c46_58f1, 0x8d21_f0b6_6e9a_c473, 0xa5c7_3b98_e1f4_0d62]
    }

    fn time(&self, _: Counter) -> Option<Time> {
        Some(Time { nanoseconds: 1_764_000_000_000_000_000, cycles: 0x12_3456_789a })
    }

    fn is_memory(&self, _: Ipa) -> bool {
        true
    }

    fn initialise_stolen_time(&self, _: Ipa) {}
}

struct Guest<'vm> {
    boot: Vcpu<'vm>,
    other: Vcpu<'vm>,
}

impl<'vm> Guest<'vm> {
    fn new(vm: &'vm Vm) -> Self {
        let mut boot = vm.create_vcpu(0).unwrap();
        let mut other = vm.create_vcpu(1).unwrap();
        boot.init(Init { features: VcpuFeatures::PSCI_0_2 }).unwrap();
        other.init(Init { features: VcpuFeatures::PSCI_0_2.union(VcpuFeatures::POWER_OFF) }).unwrap();
        assert_eq!(boot.enter(Interruption::None), Ok(Entry::Guest));
        Self { boot, other }
    }
}

fn execute(vcpu: &mut Vcpu<'_>, conduit: Conduit, registers: &Registers) -> (Next, Registers) {
    let (class, pc) = match conduit {
        Conduit::Hvc => (ExceptionClass::Hvc64, HERE + 4),
        Conduit::Smc => (ExceptionClass::Smc64, HERE),
    };
    vcpu.set_call_registers(registers);
    vcpu.set_register(RegisterId::PC, pc).unwrap();
    let next = vcpu.trap(Syndrome::new(class, 0), Level::Guest, &LentByATest);
    (next, vcpu.call_registers())
}

impl Caller for Guest<'_> {
    fn call(&mut self, conduit: Conduit, registers: &Registers) -> Registers {
        let (next, results) = execute(&mut self.boot, conduit, registers);
        if matches!(next, Next::Exit(Exit::SystemEvent(_)) | Next::Stopped) {
            // Cases make no call that would end the guest; what they see is a guest that goes on.
            self.boot.set_mp_state(MpState::Runnable);
        }
        results
    }

    fn given(&mut self, what: Given) -> Option<u64> {
        match what {
            Given::ThisCpu => Some(0),
            Given::OtherCpu => Some(1),
            Given::AbsentCpu => Some(ABSENT),
            Given::Entry => Some(ENTRY),
            Given::Context => Some(CONTEXT),
            Given::ResumeEntry | Given::ResumeContext | Given::StandbyState | Given::PowerDownState => None,
        }
    }

    fn perform(
        &mut self,
        action: Action,
        conduit: Conduit,
        registers: &Registers,
    ) -> Result<Registers, &'static str> {
        let mut got = [0; 18];
        match action {
            Action::PrepareOtherCpu => {}
            Action::AwaitOtherCpu => {
                assert_eq!(self.other.enter(Interruption::None), Ok(Entry::Guest));
                let register = |other: &mut Vcpu<'_>, id| other.get_register(id).unwrap();
                assert_eq!(register(&mut self.other, RegisterId::PC), ENTRY);
                got[0] = self.other.call_registers()[0];
                got[3] = register(&mut self.other, RegisterId::PSTATE);
            }
            Action::ReleaseOtherCpu => {
                let mut x = [0; 18];
                x[0] = CPU_OFF;
                assert_eq!(execute(&mut self.other, conduit, &x).0, Next::Stopped);
            }
            Action::CountInstructions => {
                got[0] = self.call(conduit, registers)[0];
                let goes_on_behind = self.boot.get_register(RegisterId::PC) == Ok(HERE + 4);
                got[1] = if goes_on_behind { 0x111 } else { 0x101 };
            }
            Action::Race => return Err("three CPUs race in the tests of two threads"),
            Action::Suspend => return Err("a model has no timer"),
        }
        Ok(got)
    }

    fn cpus(&self) -> u64 {
        2
    }
}

fn passes_on(version: KvmVersion) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    let mut passed = 0;
    for service in ["smccc", "psci", "trng", "pv-time", "kvm-vendor", "hyper-v"] {
        let text = fs::read_to_string(folder.join(format!("{service}.txt"))).unwrap();
        for case in File::parse(&text).unwrap().cases() {
            for conduit in Conduit::ALL.into_iter().filter(|&conduit| case.is_over(conduit)) {
                let vm = Vm::new(VmConfig::new(version));
                let mut guest = Guest::new(&vm);
                let verdict = Runner::new(&mut guest, 1).run(&case, conduit, &mut |failure| {
                    panic!("{service}: {} ({})\n{failure:x?}", case.name(), conduit.name());
                });
                passed += u32::from(verdict == Verdict::Passed);
            }
        }
    }
    assert!(passed >= 150, "only {passed} cases say anything about the model");
}

#[test]
fn every_case_holds_on_the_model_of_6_12() {
    passes_on(KvmVersion::V6_12);
}

#[test]
fn every_case_holds_on_the_model_of_7_2() {
    passes_on(KvmVersion::V7_2);
}

//! The cases of `conformance/psci.txt`, which the bare-metal guest runs on real monitors, on the service itself, with
//! each version.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use switchboard_cases::{Action, Caller, Conduit, File, Given, Registers as Values, Runner, Skip, Verdict};
use switchboard_filter::Action as Filtered;
use switchboard_firmware::{
    Call, CpuIndex, EntryPoint, Firmware, Host, Outcome, RegisterFault, Registers, SystemRegister,
    psci::{Endianness, Next, PowerTable, Psci, PsciVersion, Start},
};
use switchboard_smccc::{Conduit as Instruction, FunctionId, Ipa, Mpidr, Register};

const ENTRY: u64 = 0x4020_0000;
/// SMC32 calls hand over 32 bits.
const CONTEXT: u64 = 0x1234_5678;
const RESUME_CONTEXT: u64 = 0x0765_4321;
/// There are CPUs 0 to 3.
const ABSENT: u64 = 0xff_0101;
const CPU_OFF: u64 = 0x8400_0002;
/// CurrentEL, DAIF and SPSel of a CPU that starts; the machine sees to that.
const PSTATE: u64 = 0x3c5;

const BOOT: CpuIndex = CpuIndex(0);
const OTHER: CpuIndex = CpuIndex(1);

/// 1 GiB of memory at 1 GiB, and a clock on which every look takes a millisecond.
#[derive(Default)]
struct Lent(AtomicU64);

impl Host for Lent {
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        let end = address.0.checked_add(length);
        address.0 >= 0x4000_0000 && end.is_some_and(|end| end <= 0x8000_0000)
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

struct Bank(Values);

impl Registers for Bank {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        Ok(self.0[register.index()])
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.0[register.index()] = value;
        Ok(())
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(0)
    }
}

struct Machine {
    power: Arc<PowerTable>,
    psci: Arc<Psci>,
    firmware: Firmware,
    lent: Lent,
}

impl Machine {
    fn new(version: PsciVersion) -> Self {
        let power = Arc::new(PowerTable::new(&[0, 1, 2, 3].map(Mpidr::from_register)));
        let entry = EntryPoint { address: Ipa(ENTRY), context: 0 };
        power.start(BOOT, Start { entry, endianness: Endianness::Little }).unwrap();
        let _ = power.next(BOOT);
        let psci = Arc::new(Psci::new(Arc::clone(&power), version));
        let firmware = Firmware::new(vec![Box::new(Arc::clone(&psci))]).unwrap();
        Self { power, psci, firmware, lent: Lent::default() }
    }

    /// What comes of a call, and the registers after it.
    fn execute(&self, cpu: CpuIndex, conduit: Conduit, sent: &Values) -> (Option<Outcome>, Values) {
        let function = FunctionId::from_x0(sent[0]);
        let mut bank = Bank(*sent);
        if self.firmware.filter().action(function) != Filtered::Forward {
            // KVM's answer to what is not forwarded, and is not its own.
            bank.0[..4].copy_from_slice(&[u64::MAX, 0, 0, 0]);
            return (None, bank.0);
        }
        let conduit = match conduit {
            Conduit::Hvc => Instruction::Hvc,
            Conduit::Smc => Instruction::Smc,
        };
        let mut call = Call::new(function, conduit, cpu, &mut bank);
        let outcome = self.firmware.answer(&mut call, &self.lent);
        if let Some(results) = outcome.results() {
            call.complete(&results).unwrap();
        }
        (Some(outcome), bank.0)
    }

    /// A call that may suspend its CPU, which an interrupt wakes.
    fn suspend(&self, conduit: Conduit, sent: &Values) -> Values {
        let (outcome, after) = self.execute(BOOT, conduit, sent);
        let mut got = [0; 18];
        match outcome {
            Some(Outcome::PowerDown(entry)) => {
                assert_eq!(entry.address, Ipa(ENTRY));
                got[..5].copy_from_slice(&[entry.context, 1, 1, 0, PSTATE]);
                self.psci.resumed(BOOT, &self.lent);
            }
            Some(Outcome::Standby) => {
                got[..3].copy_from_slice(&[after[0], 0, 1]);
                self.psci.resumed(BOOT, &self.lent);
            }
            _ => got[0] = after[0],
        }
        got
    }
}

impl Caller for Machine {
    fn call(&mut self, conduit: Conduit, registers: &Values) -> Values {
        let (outcome, after) = self.execute(BOOT, conduit, registers);
        let returns = outcome.as_ref().is_none_or(|outcome| outcome.results().is_some());
        assert!(returns && outcome != Some(Outcome::Standby), "no case may end the guest: {outcome:?}");
        after
    }

    fn given(&mut self, what: Given) -> Option<u64> {
        Some(match what {
            Given::ThisCpu => 0,
            Given::OtherCpu | Given::StandbyState => 1,
            Given::AbsentCpu => ABSENT,
            Given::Entry | Given::ResumeEntry => ENTRY,
            Given::Context => CONTEXT,
            Given::ResumeContext => RESUME_CONTEXT,
            Given::PowerDownState => 0x0001_0001,
        })
    }

    fn perform(&mut self, action: Action, conduit: Conduit, sent: &Values) -> Result<Values, &'static str> {
        let mut got = [0; 18];
        match action {
            Action::PrepareOtherCpu => {}
            Action::AwaitOtherCpu => {
                let Next::Start(start) = self.power.next(OTHER) else { return Ok([u64::MAX; 18]) };
                assert_eq!(start.entry.address, Ipa(ENTRY));
                got[0] = start.entry.context;
                got[3] = PSTATE;
            }
            Action::ReleaseOtherCpu => {
                let mut x = [0; 18];
                x[0] = CPU_OFF;
                assert_eq!(self.execute(OTHER, conduit, &x).0, Some(Outcome::Off));
            }
            Action::CountInstructions => {
                got[0] = self.call(conduit, sent)[0];
                got[1] = 0x111;
            }
            Action::Race => return Err("three CPUs race in the tests of the service"),
            Action::Suspend => return Ok(self.suspend(conduit, sent)),
        }
        Ok(got)
    }

    fn cpus(&self) -> u64 {
        4
    }
}

/// The cases that say nothing about this version, each once.
fn skipped(version: PsciVersion) -> Vec<&'static str> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance/psci.txt");
    let text = fs::read_to_string(file).unwrap().leak();
    let mut skipped = Vec::new();
    for case in File::parse(text).unwrap().cases() {
        for conduit in Conduit::ALL.into_iter().filter(|&conduit| case.is_over(conduit)) {
            let mut machine = Machine::new(version);
            let verdict = Runner::new(&mut machine, 1).run(&case, conduit, &mut |failure| {
                panic!("{version}: {} ({})\n{failure:x?}", case.name(), conduit.name());
            });
            match verdict {
                Verdict::Passed | Verdict::Skipped(Skip::Action(Action::Race, _)) => {}
                Verdict::Skipped(_) => skipped.push(case.name()),
                Verdict::Failed => panic!("{version}: {} has shown nothing", case.name()),
            }
        }
    }
    skipped.dedup();
    skipped
}

#[test]
fn with_1_3_every_case_says_something_and_holds_but_for_those_about_0_2() {
    assert_eq!(
        skipped(PsciVersion::V1_3),
        ["PSCI 0.2 has none of the functions of later versions, PSCI_FEATURES among them"]
    );
}

#[test]
fn every_case_holds_with_every_version_and_an_older_one_has_fewer() {
    let counts: Vec<_> = PsciVersion::ALL.into_iter().map(|version| skipped(version).len()).collect();
    assert!(counts.is_sorted_by(|before, after| before >= after), "{counts:?}");
    assert!(counts[0] > counts[1] && counts[1] > counts[2] && counts[3] > counts[4], "{counts:?}");
}

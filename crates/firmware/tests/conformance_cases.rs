//! The cases of `conformance/`, which the bare-metal guest runs on real monitors, on the services themselves; those of
//! PSCI with each version.

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
    Call, CpuIndex, EntryPoint, Firmware, Host, NoEntropy, NotMemory, Outcome, RegisterFault, Registers,
    Service, SystemRegister, WallClock,
    general::GeneralQueries,
    hyperv::HyperV,
    kvm::{Implementation, KvmVendor},
    psci::{Endianness, Next, PowerTable, Psci, PsciVersion, Start},
    pv_time::PvTime,
    trng::Trng,
    watchdog::{Bite, Watchdog},
};
use switchboard_smccc::{Conduit as Instruction, FunctionId, Ipa, Mpidr, Owner, Register, pv_time, smccc};

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

/// Where the records of stolen time are.
const RECORDS: Ipa = Ipa(0x0a00_0000);

/// 1 GiB of memory at 1 GiB, a page of it for stolen time, and a clock on which every look takes a millisecond.
#[derive(Default)]
struct Lent {
    milliseconds: AtomicU64,
    entropy: AtomicU64,
}

impl Host for Lent {
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        let end = address.0.checked_add(length);
        address.0 >= 0x4000_0000 && end.is_some_and(|end| end <= 0x8000_0000)
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.milliseconds.fetch_add(1, Ordering::Relaxed)))
    }

    fn write_memory(&self, address: Ipa, bytes: &[u8]) -> Result<(), NotMemory> {
        let end = usize::try_from(address.0).unwrap() + bytes.len();
        if address >= RECORDS && end <= 0x0a00_1000 { Ok(()) } else { Err(NotMemory) }
    }

    fn wall_clock(&self) -> Option<WallClock> {
        let since_epoch = Duration::from_secs(1_800_000_000);
        Some(WallClock { since_epoch, virtual_counter: u64::MAX, physical_counter: 0 })
    }

    /// Weyl's sequence, whose words are never 0 for long.
    fn entropy(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.entropy.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
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

/// Whose the hypervisor's own services are: one of them can be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vendor {
    Kvm,
    HyperV,
}

impl Vendor {
    fn service(self) -> Box<dyn Service> {
        let n1 = Implementation { midr: 0x413f_d0c1, revidr: 0, aidr: 0 };
        match self {
            Self::Kvm => Box::new(KvmVendor::new(vec![n1])),
            Self::HyperV => Box::new(HyperV::new(4)),
        }
    }
}

struct Machine {
    power: Arc<PowerTable>,
    psci: Arc<Psci>,
    firmware: Firmware,
    lent: Lent,
}

impl Machine {
    fn new(version: PsciVersion, vendor: Vendor) -> Self {
        let power = Arc::new(PowerTable::new(&[0, 1, 2, 3].map(Mpidr::from_register)));
        let entry = EntryPoint { address: Ipa(ENTRY), context: 0 };
        power.start(BOOT, Start { entry, endianness: Endianness::Little }).unwrap();
        let _ = power.next(BOOT);
        let psci = Arc::new(Psci::new(Arc::clone(&power), version));
        let owners = [Owner::SIP, Owner::STANDARD_SECURE, Owner::STANDARD_HYPERVISOR];
        let firmware = Firmware::new(vec![
            Box::new(Arc::clone(&psci)),
            Box::new(Trng::new(None)),
            vendor.service(),
            Box::new(PvTime::new(RECORDS)),
            Box::new(Watchdog::new(Bite::Reset)),
            Box::new(GeneralQueries::new(&owners)),
        ])
        .unwrap();
        Self { power, psci, firmware, lent: Lent::default() }
    }

    /// What comes of a call, and the registers after it.
    fn execute(&self, cpu: CpuIndex, conduit: Conduit, sent: &Values) -> (Option<Outcome>, Values) {
        let function = FunctionId::from_x0(sent[0]);
        let mut bank = Bank(*sent);
        if self.firmware.filter().action(function) != Filtered::Forward {
            bank.0[..4].copy_from_slice(&[kvm_answers(function, sent[1]), 0, 0, 0]);
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

/// KVM's answer to what is not forwarded: of its own there are the architecture's calls, which it keeps for itself.
fn kvm_answers(function: FunctionId, x1: u64) -> u64 {
    match function {
        smccc::SMCCC_VERSION => 0x1_0001,
        smccc::SMCCC_ARCH_FEATURES if FunctionId::from_x0(x1) == pv_time::FEATURES => 0,
        _ => u64::MAX,
    }
}

/// The cases of a file that say nothing about this version, each once.
fn skipped(service: &str, version: PsciVersion) -> Vec<&'static str> {
    skipped_beside(service, version, Vendor::Kvm)
}

fn skipped_beside(service: &str, version: PsciVersion, vendor: Vendor) -> Vec<&'static str> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    let text = fs::read_to_string(folder.join(format!("{service}.txt"))).unwrap().leak();
    let mut skipped = Vec::new();
    for case in File::parse(text).unwrap().cases() {
        for conduit in Conduit::ALL.into_iter().filter(|&conduit| case.is_over(conduit)) {
            let mut machine = Machine::new(version, vendor);
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
        skipped("psci", PsciVersion::V1_3),
        ["PSCI 0.2 has none of the functions of later versions, PSCI_FEATURES among them"]
    );
}

#[test]
fn every_case_holds_with_every_version_and_an_older_one_has_fewer() {
    let counts: Vec<_> = PsciVersion::ALL.into_iter().map(|version| skipped("psci", version).len()).collect();
    assert!(counts.is_sorted_by(|before, after| before >= after), "{counts:?}");
    assert!(counts[0] > counts[1] && counts[1] > counts[2] && counts[3] > counts[4], "{counts:?}");
}

#[test]
fn every_case_of_trng_holds_but_for_the_one_without_a_trng() {
    assert_eq!(skipped("trng", PsciVersion::V1_3), ["without a TRNG none of its functions is supported"]);
}

#[test]
fn every_case_of_kvms_own_services_holds_but_for_those_without_a_part_of_them() {
    assert_eq!(
        skipped("kvm-vendor", PsciVersion::V1_3),
        [
            "without the bit of PTP in the features it is not supported",
            "without their bits in the features no implementations can be discovered"
        ]
    );
}

#[test]
fn every_case_of_paravirtualized_time_holds_but_for_those_without_it() {
    assert_eq!(
        skipped("pv-time", PsciVersion::V1_3),
        [
            "where SMCCC_ARCH_FEATURES does not know PV_TIME_FEATURES, none of it is supported",
            "without stolen time PV_TIME_ST is not supported"
        ]
    );
}

/// KVM's calls are skipped that [`kvm_answers`] has not, and what is about SMCCC 1.3.
#[test]
fn every_case_of_the_convention_holds() {
    assert_eq!(
        skipped("smccc", PsciVersion::V1_3),
        [
            "SMCCC_ARCH_FEATURES takes the function it is asked for from W1",
            "a workaround that is advertised leaves all registers but x0 to x3 alone",
            "an owner that has no UID has no revision",
            "from SMCCC 1.3 on bit 16 is a hint, and the function is the same"
        ]
    );
}

#[test]
fn every_case_of_hyper_v_holds_but_for_the_one_without_a_clock() {
    assert_eq!(
        skipped_beside("hyper-v", PsciVersion::V1_3, Vendor::HyperV),
        [
            "without the UID of Hyper-V there are no hypercalls",
            "without its privilege the reference time is denied"
        ]
    );
}

/// And the other way round: what is not Hyper-V has none of it, and its file says no more.
#[test]
fn beside_kvms_own_services_the_one_case_without_hyper_v_holds() {
    let text =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/hyper-v.txt")).unwrap();
    let cases = File::parse(&text).unwrap().cases().count();
    assert_eq!(skipped("hyper-v", PsciVersion::V1_3).len(), cases - 1);
}

#[test]
fn with_hyper_v_in_their_place_every_case_of_kvms_own_services_is_skipped_but_those_of_the_uid() {
    let text =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/kvm-vendor.txt")).unwrap();
    let file = File::parse(&text).unwrap();
    let skipped = skipped_beside("kvm-vendor", PsciVersion::V1_3, Vendor::HyperV);
    let held: Vec<_> = file.cases().map(|case| case.name()).filter(|name| !skipped.contains(name)).collect();
    assert_eq!(held, ["the UID of the vendor is four words of 32 bits, or not supported"]);
}

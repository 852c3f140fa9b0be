//! The cases find what they are for: a model of a correct firmware passes them all, and each known deviation, built
//! into it, fails a case that cites its row.

#![allow(missing_docs, reason = "tests")]

use std::{fs, path::PathBuf};

use switchboard_cases::{Action, Caller, Conduit, File, Given, Registers, Runner, Verdict};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    TrngWordsReversed,
    TrngNotMasked,
    UnknownIsNotAnswered,
    UnknownSucceeds,
    FeaturesForgets(u32),
    FeaturesInvents(u32),
    DeniedForNoCpu,
    AllOnesOf32Bits,
    NeverAlreadyOn,
    FunctionIdOf64Bits,
    ArgumentsOf64Bits,
    SmcIsNotSteppedOver,
    OneWidthOnly,
    HintIgnoredTooEarly,
    ExtendedFormat,
    StartsAnyCpu,
    ClobbersX4,
    AlwaysOn,
    PassesThrough,
}

const FLAWS: [(Flaw, &str); 20] = [
    (Flaw::TrngWordsReversed, "D1"),
    (Flaw::TrngNotMasked, "D1"),
    (Flaw::UnknownIsNotAnswered, "D2"),
    (Flaw::UnknownSucceeds, "D3"),
    (Flaw::FeaturesForgets(0x8400_0002), "D4"),
    (Flaw::FeaturesForgets(0xc400_0004), "D4"),
    (Flaw::FeaturesInvents(0x8400_0012), "D4"),
    (Flaw::DeniedForNoCpu, "D5"),
    (Flaw::AllOnesOf32Bits, "D5"),
    (Flaw::NeverAlreadyOn, "D6"),
    (Flaw::FunctionIdOf64Bits, "D8"),
    (Flaw::ArgumentsOf64Bits, "D8"),
    (Flaw::SmcIsNotSteppedOver, "D9"),
    (Flaw::OneWidthOnly, "D10"),
    (Flaw::HintIgnoredTooEarly, "D11"),
    (Flaw::ExtendedFormat, "D13"),
    (Flaw::PassesThrough, "D14"),
    (Flaw::StartsAnyCpu, "D15"),
    (Flaw::ClobbersX4, "D18"),
    (Flaw::AlwaysOn, "D19"),
];

const THIS: u64 = 0;
const OTHER: u64 = 1;
const ABSENT: u64 = 0xff_0101;
const ENTRY: u64 = 0x4020_0000;
const CONTEXT: u64 = 0x1357_9b01;
const POWER_DOWN: u64 = 0x0001_0001;

const NOT_SUPPORTED: u64 = u64::MAX;
const INVALID_PARAMETERS: u64 = NOT_SUPPORTED - 1;
const DENIED: u64 = NOT_SUPPORTED - 2;
const ALREADY_ON: u64 = NOT_SUPPORTED - 3;

const IMPLEMENTED: [u32; 13] = [
    0x8000_0000,
    0x8400_0000,
    0x8400_0001,
    0xc400_0001,
    0x8400_0002,
    0x8400_0003,
    0xc400_0003,
    0x8400_0004,
    0xc400_0004,
    0x8400_0006,
    0x8400_0008,
    0x8400_0009,
    0x8400_000a,
];

/// SMCCC 1.1, PSCI 1.3 and a TRNG, for two CPUs.
struct Model {
    flaw: Flaw,
    other_is_on: bool,
    entropy: u64,
}

fn low(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap()
}

impl Model {
    fn new(flaw: Flaw) -> Self {
        Self { flaw, other_is_on: false, entropy: 0x1234_5678_9abc_def1 }
    }

    fn features(&self, id: u32) -> u64 {
        let known = IMPLEMENTED.contains(&id) && self.flaw != Flaw::FeaturesForgets(id);
        if known || self.flaw == Flaw::FeaturesInvents(id) { 0 } else { NOT_SUPPORTED }
    }

    fn no_cpu(&self) -> u64 {
        if self.flaw == Flaw::DeniedForNoCpu { DENIED } else { INVALID_PARAMETERS }
    }

    fn cpu_on(&mut self, target: u64) -> u64 {
        match target {
            _ if self.flaw == Flaw::StartsAnyCpu && target == ABSENT => 0,
            THIS if self.flaw == Flaw::NeverAlreadyOn => INVALID_PARAMETERS,
            THIS => ALREADY_ON,
            OTHER if self.other_is_on => ALREADY_ON,
            OTHER => {
                self.other_is_on = true;
                0
            }
            _ => self.no_cpu(),
        }
    }

    fn affinity_info(&self, target: u64, level: u64) -> u64 {
        match (target, level) {
            (_, 4..) => INVALID_PARAMETERS,
            (THIS, _) => 0,
            (OTHER, 0) => u64::from(!self.other_is_on && self.flaw != Flaw::AlwaysOn),
            _ => self.no_cpu(),
        }
    }

    fn random(&mut self, bits: u64, width: u32, got: &mut Registers) -> u64 {
        if bits > u64::from(3 * width) {
            return INVALID_PARAMETERS;
        }
        let mut left = bits;
        for register in [3, 2, 1] {
            self.entropy = self.entropy.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0xda3e_39cb);
            let count = u32::try_from(left.min(width.into())).unwrap();
            left -= u64::from(count);
            let word = if width == 32 { self.entropy >> 32 } else { self.entropy };
            let mask = u64::MAX.checked_shr(64 - count).unwrap_or(0);
            got[register] = if self.flaw == Flaw::TrngNotMasked && count != 0 { word } else { word & mask };
        }
        if self.flaw == Flaw::TrngWordsReversed {
            got.swap(1, 3);
        }
        0
    }

    /// x0, and the other results in `got`.
    fn answer(&mut self, sent: &Registers, got: &mut Registers) -> u64 {
        let mut id = low(sent[0]);
        if self.flaw == Flaw::FunctionIdOf64Bits && sent[0] > u64::from(u32::MAX) {
            return NOT_SUPPORTED;
        }
        if self.flaw == Flaw::HintIgnoredTooEarly {
            id &= !0x1_0000;
        }
        let is_32 = id & 0x4000_0000 == 0;
        let wide = |value: u64| {
            if is_32 && self.flaw != Flaw::ArgumentsOf64Bits { u64::from(low(value)) } else { value }
        };
        let [x1, x2] = [wide(sent[1]), wide(sent[2])];
        match id {
            0x8000_0000 => 0x1_0001,
            0x8400_0000 => 0x1_0003,
            0x8400_0006 => 2,
            0x8400_000a => self.features(low(sent[1])),
            0x8400_0003 if self.flaw == Flaw::OneWidthOnly => NOT_SUPPORTED,
            0x8400_0003 | 0xc400_0003 => self.cpu_on(x1),
            0x8400_0004 | 0xc400_0004 => self.affinity_info(x1, x2),
            0x8400_0050 => 0x1_0000,
            0x8400_0051 => match low(sent[1]) {
                0x8400_0050..=0x8400_0053 | 0xc400_0053 => 0,
                _ => NOT_SUPPORTED,
            },
            0x8400_0052 => {
                got[1..4].copy_from_slice(&[1, 2, 3]);
                0x10
            }
            0x8400_0053 => self.random(x1, 32, got),
            0xc400_0053 => self.random(u64::from(low(sent[1])), 64, got),
            0xb200_ff01 if self.flaw == Flaw::PassesThrough => 0x8466_2d2c,
            _ => match self.flaw {
                Flaw::UnknownIsNotAnswered => sent[0],
                Flaw::UnknownSucceeds => 0,
                Flaw::AllOnesOf32Bits => 0xffff_ffff,
                _ => NOT_SUPPORTED,
            },
        }
    }

    fn suspend(&self, sent: &Registers) -> Registers {
        let mut got = [0; 18];
        let state = u64::from(low(sent[1]));
        let extended = self.flaw == Flaw::ExtendedFormat && state & 0x4000_0000 != 0;
        if state == POWER_DOWN || extended {
            got[..5].copy_from_slice(&[CONTEXT, 1, 1, 0, 0x3c5]);
        } else if state != 1 {
            got[0] = INVALID_PARAMETERS;
        }
        got
    }
}

impl Caller for Model {
    fn call(&mut self, _: Conduit, sent: &Registers) -> Registers {
        let mut got = *sent;
        got[0] = self.answer(sent, &mut got);
        if self.flaw == Flaw::ClobbersX4 {
            got[4] = 0;
        }
        got
    }

    fn given(&mut self, what: Given) -> Option<u64> {
        Some(match what {
            Given::ThisCpu => THIS,
            Given::OtherCpu => OTHER,
            Given::AbsentCpu => ABSENT,
            Given::Entry | Given::ResumeEntry => ENTRY,
            Given::Context | Given::ResumeContext => CONTEXT,
            Given::StandbyState => 1,
            Given::PowerDownState => POWER_DOWN,
        })
    }

    fn perform(
        &mut self,
        action: Action,
        conduit: Conduit,
        sent: &Registers,
    ) -> Result<Registers, &'static str> {
        let mut got = [0; 18];
        match action {
            Action::PrepareOtherCpu => {}
            Action::AwaitOtherCpu => got[..4].copy_from_slice(&[CONTEXT, 0, 0, 0x3c5]),
            Action::ReleaseOtherCpu => self.other_is_on = false,
            Action::Race => return Err("a model has no third CPU"),
            Action::Suspend => return Ok(self.suspend(sent)),
            Action::CountInstructions => {
                got[0] = self.call(conduit, sent)[0];
                got[1] = if self.flaw == Flaw::SmcIsNotSteppedOver { 0x101 } else { 0x111 };
            }
        }
        Ok(got)
    }

    fn cpus(&self) -> u64 {
        2
    }
}

/// The files, leaked: cases are views into them.
fn files() -> Vec<(&'static str, File<'static>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    ["smccc", "psci", "trng", "pv-time", "kvm-vendor", "hyper-v"]
        .map(|service| {
            let text = fs::read_to_string(folder.join(format!("{service}.txt"))).unwrap().leak();
            (service, File::parse(text).unwrap_or_else(|error| panic!("{service}: {error}")))
        })
        .into()
}

/// Every case that fails: its file, its name, its cites.
fn failures(
    files: &[(&'static str, File<'static>)],
    flaw: Flaw,
) -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let cases = files.iter().flat_map(|(service, file)| file.cases().map(move |case| (*service, case)));
    cases
        .filter(|(_, case)| {
            let mut model = Model::new(flaw);
            let verdict = Runner::new(&mut model, 1).run(case, Conduit::Hvc, &mut |failure| {
                if flaw == Flaw::None {
                    eprintln!("{}: {failure:x?}", case.name());
                }
            });
            verdict == Verdict::Failed
        })
        .map(|(service, case)| (service, case.name(), case.cites().collect()))
        .collect()
}

#[test]
fn a_correct_firmware_passes_every_case() {
    assert_eq!(failures(&files(), Flaw::None), []);
}

#[test]
fn each_deviation_fails_a_case_that_cites_its_row() {
    let files = files();
    for (flaw, row) in FLAWS {
        let failures = failures(&files, flaw);
        let found = failures.iter().any(|(_, _, cites)| cites.contains(&row));
        assert!(found, "{flaw:?} is not found by a case that cites {row}: {failures:#?}");
    }
}

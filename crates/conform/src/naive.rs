//! The rules read as plainly as they can be written down: one list of ranges, looked through from its start.
//!
//! It shares nothing with the filter, its compiled form or the model but the programs. It says what becomes of every
//! request and every firmware register, and of every call up to the point where a service of KVM's own decides; there
//! it knows the constant answers, and that x4 to x17 stay as they are.

use switchboard_hyp::KvmVersion;

use crate::observation::{CallObservation, Exit, Observation, Reached, Stop};
use crate::program::{Call, Completion, Program, Step};

const EINVAL: i32 = 22;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const ENXIO: i32 = 6;
const EFAULT: i32 = 14;
const ENOENT: i32 = 2;
const MINUS_ONE: u64 = 0xffff_ffff_ffff_ffff;

/// Compares what a program came to with the plain reading.
///
/// # Errors
///
/// The number of the step that differs, and what was expected of it.
pub fn check(
    program: &Program,
    version: KvmVersion,
    empty_at_0_is_invalid: bool,
    observations: &[Observation],
) -> Result<(), (usize, String)> {
    let mut reader = Reader::new(version, empty_at_0_is_invalid);
    for (number, (step, observation)) in program.steps.iter().zip(observations).enumerate() {
        reader.step(step, observation).map_err(|expected| (number, expected))?;
    }
    Ok(())
}

struct Reader {
    version: KvmVersion,
    empty_at_0_is_invalid: bool,
    /// First, last, action.
    ranges: Vec<(u64, u64, u8)>,
    ran: bool,
    /// By number: TRNG, PV time, vendor, vendor 2.
    bitmaps: [u64; 4],
}

type Checked = Result<(), String>;

fn expect<T: PartialEq + std::fmt::Debug>(expected: &T, seen: &T) -> Checked {
    if expected == seen { Ok(()) } else { Err(format!("{expected:?}")) }
}

impl Reader {
    fn new(version: KvmVersion, empty_at_0_is_invalid: bool) -> Self {
        let ranges = vec![(0x8000_0000, 0x8000_ffff, 0), (0xc000_0000, 0xc000_ffff, 0)];
        Self { version, empty_at_0_is_invalid, ranges, ran: false, bitmaps: [1, 1, 3, 0] }
    }

    fn step(&mut self, step: &Step, seen: &Observation) -> Checked {
        match (step, seen) {
            (Step::HasAttribute { group, attribute }, Observation::Done(seen)) => {
                expect(&if (*group, *attribute) == (0, 0) { Ok(()) } else { Err(ENXIO) }, seen)
            }
            (Step::GetAttribute { .. }, Observation::Done(seen)) => expect(&Err(EINVAL), seen),
            (Step::SetAttribute { group, attribute, request }, Observation::Done(seen)) => {
                let expected = match request {
                    _ if (*group, *attribute) != (0, 0) => Err(ENXIO),
                    None => Err(EFAULT),
                    Some(request) => self.insert(request),
                };
                expect(&expected, seen)
            }
            (Step::SetFirmware { id, value, .. }, Observation::Done(seen)) => {
                self.set_firmware(*id, *value, *seen)
            }
            (Step::GetFirmware { id, .. }, Observation::Value(Ok(seen))) => match self.bitmap(*id) {
                Some((number, _)) => expect(&self.bitmaps[number], seen),
                None => Ok(()),
            },
            (Step::RunImmediately { .. }, Observation::Done(Err(4))) => {
                self.ran = true;
                Ok(())
            }
            (Step::Call(call), Observation::Call(seen)) => self.call(call, seen),
            _ => Ok(()),
        }
    }

    fn insert(&mut self, request: &switchboard_filter::Request) -> Result<(), i32> {
        if request.pad != [0; 15] {
            return Err(EINVAL);
        }
        let first = u64::from(request.base);
        let (last, wraps) = match request.nr_functions {
            0 if self.empty_at_0_is_invalid || first != 0 => return Err(EINVAL),
            0 => (0xffff_ffff, false),
            count => (first + u64::from(count) - 1, first + u64::from(count) > 1 << 32),
        };
        if wraps || request.action > 2 {
            return Err(EINVAL);
        }
        if self.ran {
            return Err(EBUSY);
        }
        if self.ranges.iter().any(|&(from, to, _)| from <= last && first <= to) {
            return Err(EEXIST);
        }
        self.ranges.push((first, last, request.action));
        Ok(())
    }

    /// Its number and the bits it has.
    fn bitmap(&self, id: u64) -> Option<(usize, u64)> {
        match id {
            0x6030_0000_0016_0000 => Some((0, 1)),
            0x6030_0000_0016_0001 => Some((1, 1)),
            0x6030_0000_0016_0002 => Some((2, 3)),
            0x6030_0000_0016_0003 if self.version >= KvmVersion::new(6, 15, 0) => Some((3, 3)),
            _ => None,
        }
    }

    fn set_firmware(&mut self, id: u64, value: u64, seen: Result<(), i32>) -> Checked {
        // Of a vCPU that has not been initialised.
        if seen == Err(8) {
            return Ok(());
        }
        let Some((number, bits)) = self.bitmap(id) else {
            let is_other = matches!(id, 0x6030_0000_0014_0000..=0x6030_0000_0014_0003);
            let half = id == 0x6030_0000_0010_0001;
            return if is_other { Ok(()) } else { expect(&Err(if half { EINVAL } else { ENOENT }), &seen) };
        };
        let expected = if value & !bits != 0 {
            Err(EINVAL)
        } else if self.ran && value != self.bitmaps[number] {
            Err(EBUSY)
        } else {
            Ok(())
        };
        if expected.is_ok() {
            self.bitmaps[number] = value;
        }
        expect(&expected, &seen)
    }

    fn call(&mut self, call: &Call, seen: &CallObservation) -> Checked {
        if !matches!(seen.reached, Reached::Error(8)) {
            self.ran = true;
        }
        if seen.reached != Reached::Guest {
            return Ok(());
        }
        expect(&4, &seen.goes_on_at)?;
        let id = call.x[0] & 0xffff_ffff;
        let is_smc = call.instruction.is_smc();
        if !is_smc && [0x8000_8000, 0x8000_7fff, 0x8000_3fff].contains(&id) {
            return self.results(call, seen, &[0, 0]);
        }
        // An SMC in AArch32 state does not report its immediate.
        if is_smc && call.immediate != 0 && !call.instruction.is_aarch32() {
            return self.results(call, seen, &[MINUS_ONE]);
        }
        let action = self.ranges.iter().find(|(from, to, _)| (*from..=*to).contains(&id));
        match action.map(|(_, _, action)| *action) {
            Some(1) => self.results(call, seen, &[MINUS_ONE, 0, 0, 0]),
            Some(2) => self.forwarded(call, seen, id),
            _ if !self.is_served(id) => self.results(call, seen, &[MINUS_ONE, 0, 0, 0]),
            _ => self.served(call, seen, id),
        }
    }

    fn is_served(&self, id: u64) -> bool {
        match id {
            0x8000_0000 | 0x8000_0001 | 0x95c1_ba5e..=0x95c1_ba61 => true,
            0x8400_0050..=0x8400_0053 | 0xc400_0053 => self.bitmaps[0] & 1 != 0,
            0xc500_0020 | 0xc500_0021 => self.bitmaps[1] & 1 != 0,
            0x8600_0000 | 0x8600_ff01 => self.bitmaps[2] & 1 != 0,
            0x8600_0001 => self.bitmaps[2] & 2 != 0,
            _ => id >> 24 & 0x3f == 4 && id & 0xffff <= 0x1f,
        }
    }

    fn forwarded(&self, call: &Call, seen: &CallObservation, id: u64) -> Checked {
        let mut exit = [0; 72];
        exit[..8].copy_from_slice(&id.to_le_bytes());
        exit[64] = u8::from(call.instruction.is_smc());
        let stop = Stop { exit: Exit::Hypercall(exit), pc: 4, mp_state: 0 };
        expect(&Some(stop), &seen.stop)?;
        match call.completion {
            Completion::Nothing => self.registers(call, seen, &[]),
            Completion::X0(x0) => self.registers(call, seen, &[x0]),
            Completion::X0ToX3(x) => self.registers(call, seen, &x),
        }
    }

    fn served(&self, call: &Call, seen: &CallObservation, id: u64) -> Checked {
        let vendor_2 = if self.version >= KvmVersion::new(6, 15, 0) { self.bitmaps[3] } else { 0 };
        match id {
            0x8000_0000 => self.results(call, seen, &[0x1_0001, 0, 0, 0]),
            0x8400_0050 => self.results(call, seen, &[0x1_0000, 0, 0, 0]),
            0x8400_0052 => self.results(call, seen, &[0x00e0_210d, 0xeb11_8443, 0x4452_7080, 0x4c5a_4e55]),
            0x8600_0000 => self.results(call, seen, &[self.bitmaps[2], 0, vendor_2, 0]),
            0x8600_ff01 => self.results(call, seen, &[0xb66f_b428, 0xe911_c52e, 0x564b_caa9, 0x743a_004d]),
            // Of the others, only that they leave x4 to x17 alone.
            _ => {
                let first: [u64; 4] = std::array::from_fn(|number| seen.x[number]);
                self.registers(call, seen, &first)
            }
        }
    }

    /// Answered without an exit.
    fn results(&self, call: &Call, seen: &CallObservation, results: &[u64]) -> Checked {
        expect(&None, &seen.stop)?;
        self.registers(call, seen, results)
    }

    fn registers(&self, call: &Call, seen: &CallObservation, results: &[u64]) -> Checked {
        let mut x = call.x;
        x[..results.len()].copy_from_slice(results);
        if call.instruction.is_aarch32() {
            x = std::array::from_fn(|number| if number < 8 { x[number] & 0xffff_ffff } else { 0 });
        }
        expect(&x, &seen.x)
    }
}

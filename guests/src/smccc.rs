//! Calls of firmware: SMC Calling Convention (Arm DEN0028).

use core::{
    fmt,
    sync::atomic::{AtomicU8, Ordering},
};

/// SMCCC, section 7.1: -1, sign-extended to 64 bits whatever the width of the call (as KVM does).
pub const NOT_SUPPORTED: u64 = u64::MAX;

/// The instruction that carries a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Conduit {
    Hvc,
    Smc,
}

/// The conduit that the FDT names, or else the command line: for what the guest itself needs.
static DEFAULT: AtomicU8 = AtomicU8::new(NONE);
const NONE: u8 = 0;
const HVC: u8 = 1;
const SMC: u8 = 2;

/// x0 to x17, before a call and after it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Registers(pub [u64; 18]);

/// What came of a call.
#[derive(Clone, Copy)]
pub struct Return {
    pub registers: Registers,
    /// The instruction was undefined; the registers are those before the call.
    pub undefined: bool,
    /// A digit for each instruction around the call: [`EACH_ONCE`].
    pub executed: u64,
}

/// `Return::executed` if the instruction before the call and the two behind it were executed once each.
pub const EACH_ONCE: u64 = 0x111;

/// What the routines in `entry.s` return.
#[repr(C)]
pub struct CallEnd {
    undefined: u64,
    executed: u64,
}

/// What the guarded ones return.
#[repr(C)]
struct GuardedEnd {
    checksum: u64,
    executed: u64,
}

/// Set in `GuardedEnd::executed` if the instruction was undefined.
const UNDEFINED: u64 = 0x1000;

unsafe extern "C" {
    fn call_hvc(registers: *mut Registers) -> CallEnd;
    fn call_smc(registers: *mut Registers) -> CallEnd;
    fn guarded_hvc(registers: *mut Registers, seed: u64) -> GuardedEnd;
    fn guarded_smc(registers: *mut Registers, seed: u64) -> GuardedEnd;
}

pub type CallRoutine = unsafe extern "C" fn(*mut Registers) -> CallEnd;

impl Conduit {
    pub fn set_default(self) {
        DEFAULT.store(if self == Self::Hvc { HVC } else { SMC }, Ordering::Relaxed);
    }

    /// `None` before the FDT is read.
    pub fn default() -> Option<Self> {
        match DEFAULT.load(Ordering::Relaxed) {
            HVC => Some(Self::Hvc),
            SMC => Some(Self::Smc),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Hvc => "hvc",
            Self::Smc => "smc",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Hvc, Self::Smc].into_iter().find(|conduit| conduit.name() == name)
    }

    pub fn routine(self) -> CallRoutine {
        match self {
            Self::Hvc => call_hvc,
            Self::Smc => call_smc,
        }
    }

    /// Makes a call with these registers.
    pub fn call(self, mut registers: Registers) -> Return {
        // SAFETY: the routine reads and writes `registers` and preserves what a function must; memory that the
        // firmware might change is none that Rust knows.
        let end = unsafe { self.routine()(&raw mut registers) };
        Return { registers, undefined: end.undefined != 0, executed: end.executed }
    }

    /// Makes a call with numbers that count up from `seed` in x19 to x30; and a checksum of these and of SP, which is
    /// [`guarded_checksum`] if they survive.
    pub fn call_guarded(self, mut registers: Registers, seed: u64) -> (Return, u64) {
        let routine = match self {
            Self::Hvc => guarded_hvc,
            Self::Smc => guarded_smc,
        };
        // SAFETY: as in `call`.
        let end = unsafe { routine(&raw mut registers, seed) };
        let (undefined, executed) = (end.executed & UNDEFINED != 0, end.executed & !UNDEFINED);
        (Return { registers, undefined, executed }, end.checksum)
    }

    /// Makes a call with up to three arguments; x0.
    pub fn call3(self, function: u32, arguments: [u64; 3]) -> u64 {
        self.call(Registers::new(u64::from(function), arguments)).registers.0[0]
    }
}

/// As `entry.s` makes it, of x30, then x19 to x29, then the distance of SP.
pub fn guarded_checksum(seed: u64) -> u64 {
    let words = (0..11).map(|at| seed.wrapping_add(at)).chain([0]);
    words.fold(seed.wrapping_add(11), |checksum, word| word ^ checksum.rotate_right(7))
}

impl Registers {
    pub const fn new(x0: u64, arguments: [u64; 3]) -> Self {
        let mut registers = [0; 18];
        registers[0] = x0;
        registers[1] = arguments[0];
        registers[2] = arguments[1];
        registers[3] = arguments[2];
        Self(registers)
    }

    /// x0, and all others random.
    pub fn random(x0: u64, random: &mut crate::random::Random) -> Self {
        let mut registers = [(); 18].map(|()| random.next());
        registers[0] = x0;
        Self(registers)
    }
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.undefined {
            return f.write_str("undefined instruction");
        }
        let [x0, x1, x2, x3, ..] = self.registers.0;
        write!(f, "x0={x0:#x} x1={x1:#x} x2={x2:#x} x3={x3:#x}")
    }
}

//! A window: a stretch of time in which every register of a CPU holds a number that is known. What interrupts it must
//! leave them so.

use super::faults::{self, Subject};
use crate::{random::Random, secondary::address, smccc::Conduit};

/// As `sdei.s` lays it out.
#[repr(C, align(16))]
struct Block {
    wanted: State,
    got: State,
    /// How far SP is from where it was.
    sp_distance: u64,
}

#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct State {
    /// x0 to x30.
    x: [u64; 32],
    /// q0 to q31, the lower half first.
    q: [u64; 64],
    nzcv: u64,
    daif: u64,
    elr: u64,
    spsr: u64,
}

const ZERO: State = State { x: [0; 32], q: [0; 64], nzcv: 0, daif: 0, elr: 0, spsr: 0 };

/// What the CPU does in a window.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It counts.
    Count,
    /// It calls `PSCI_VERSION`, which may change x0 to x3.
    Call(Conduit),
}

/// PSTATE.DAIF in a window.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Interrupts {
    /// All masked. ELR_EL1 and SPSR_EL1 must be kept.
    Masked,
    /// None masked: a handler may use COMPLETE_AND_RESUME.
    Unmasked,
}

/// Instructions are repeated so often: much longer than what is around a window takes.
const COUNT: u64 = 60_000;
const CALLS: u64 = 16;

const DAIF_ALL: u64 = 0xf << 6;
/// SPSR_EL1.M: EL1h.
const EL1H: u64 = 5;

unsafe extern "C" {
    fn sdei_window_plain(block: *mut Block);
    fn sdei_window_hvc(block: *mut Block);
    fn sdei_window_smc(block: *mut Block);
    fn sdei_window_plain_begin();
    fn sdei_window_plain_end();
    fn sdei_window_hvc_begin();
    fn sdei_window_hvc_end();
    fn sdei_window_smc_begin();
    fn sdei_window_smc_end();
}

/// Is it an address at which every register of a window with [`Work::Count`] holds what [`register`] says?
pub fn is_inside(pc: u64) -> bool {
    (address(sdei_window_plain_begin)..=address(sdei_window_plain_end)).contains(&pc)
}

/// Likewise, of a window with any work.
pub fn is_inside_any(pc: u64) -> bool {
    is_inside(pc)
        || (address(sdei_window_hvc_begin)..=address(sdei_window_hvc_end)).contains(&pc)
        || (address(sdei_window_smc_begin)..=address(sdei_window_smc_end)).contains(&pc)
}

/// What xN holds in a window with this seed, up to x28: x29 and x30 count.
pub fn register(seed: u64, n: u32) -> u64 {
    seed.rotate_left(n) ^ u64::from(n).wrapping_mul(0x0101_0101_0101_0101)
}

fn index(n: usize) -> u32 {
    u32::try_from(n).expect("a register's number")
}

/// Opens a window, and keeps what is not as it was as a fault of this CPU. True if all is.
pub fn open(cpu: usize, seed: u64, work: Work, interrupts: Interrupts) -> bool {
    let mut wanted = ZERO;
    for (n, x) in wanted.x.iter_mut().enumerate() {
        *x = register(seed, index(n));
    }
    let mut random = Random::new(seed.rotate_left(17));
    wanted.q = wanted.q.map(|_| random.next());
    wanted.nzcv = (seed & 0xf) << 28;
    wanted.daif = if interrupts == Interrupts::Masked { DAIF_ALL } else { 0 };
    // Whatever an address may be.
    wanted.elr = random.next() & 0x0000_ffff_ffff_fffc;
    wanted.spsr = (seed >> 4 & 0xf) << 28 | DAIF_ALL | EL1H;
    let count = if work == Work::Count { COUNT } else { CALLS };
    wanted.x[29] = 0;
    wanted.x[30] = count;
    let mut block = Block { wanted, got: ZERO, sp_distance: 0 };
    let routine = match work {
        Work::Count => sdei_window_plain,
        Work::Call(Conduit::Hvc) => sdei_window_hvc,
        Work::Call(Conduit::Smc) => sdei_window_smc,
    };
    // SAFETY: the routine uses the block only, and preserves what a function must.
    unsafe { routine(&raw mut block) };
    block.wanted.x[29] = count;
    block.wanted.x[30] = 0;
    check(cpu, &block, work, interrupts)
}

fn check(cpu: usize, block: &Block, work: Work, interrupts: Interrupts) -> bool {
    let place = u64::try_from(cpu).unwrap_or(u64::MAX);
    let mut is_right = true;
    let mut compare = |subject, wanted, got| {
        is_right &= wanted == got;
        faults::expect(subject, place, wanted, got);
    };
    let (wanted, got) = (&block.wanted, &block.got);
    compare(Subject::StackPointer, 0, block.sp_distance);
    // SMCCC 1.1: results are in x0 to x3.
    let first = if work == Work::Count { 0 } else { 4 };
    for n in first..=30 {
        compare(Subject::Register(n), wanted.x[usize::from(n)], got.x[usize::from(n)]);
    }
    for n in 0..64 {
        compare(Subject::Half(n), wanted.q[usize::from(n)], got.q[usize::from(n)]);
    }
    compare(Subject::Nzcv, wanted.nzcv, got.nzcv);
    compare(Subject::Daif, wanted.daif, got.daif);
    if interrupts == Interrupts::Masked {
        compare(Subject::ElrEl1, wanted.elr, got.elr);
        compare(Subject::SpsrEl1, wanted.spsr, got.spsr);
    }
    is_right
}

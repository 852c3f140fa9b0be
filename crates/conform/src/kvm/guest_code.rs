//! What the guest executes: for call after call it loads x0 to x17, goes to the instruction, and stores them again.

use std::sync::atomic::{AtomicU64, Ordering};

use switchboard_kvm::raw::{synchronise_data, synchronise_instructions};

use crate::program::{Call, Instruction};
use crate::{GUEST_SIZE, GUEST_START};

/// Where the instructions of calls are: each is followed by one that leads back.
const STUBS: u64 = 0x200;
const STUB_SIZE: u64 = 8;
/// Where the calls' registers are.
const BLOCKS: u64 = 0x1000;
/// x0 to x17 and the address of the instruction.
const BLOCK_WORDS: usize = 19;
/// As many as fit before the record of stolen time.
pub(super) const MOST_CALLS: usize = 25;

const BLOCK_POINTER: u32 = 28;
const STUB_POINTER: u32 = 29;
const BREAKPOINT_A64: u32 = 0xd420_0000;
const BREAKPOINT_A32: u32 = 0xe120_0070;
const BREAKPOINT_T32: u32 = 0xbe00;

/// The guest's memory, as the guest and we see it. All accesses are of 64 bits.
#[derive(Clone, Copy)]
pub(super) struct GuestMemory {
    pub(super) words: &'static [AtomicU64],
    caches: Caches,
}

/// What is between the guest, which has its caches off, and us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caches {
    /// Real ones: what one side wrote must be pushed to where the other sees it.
    Real,
    /// Those of an emulated CPU, which hide nothing. Maintaining them would cost more than all the rest.
    Emulated,
}

/// The byte order in which the guest accesses data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl GuestMemory {
    /// Memory of a page's alignment that is never given back.
    pub(super) fn allocate(caches: Caches) -> Self {
        let words = usize::try_from(GUEST_SIZE / 8).expect("a small number");
        let page = 4096 / 8;
        let memory: &'static [AtomicU64] = Vec::leak((0..words + page).map(|_| AtomicU64::new(0)).collect());
        let start = memory.as_ptr().align_offset(4096);
        Self { words: &memory[start..start + words], caches }
    }

    /// Writes the loop, and the instruction of every call of a program.
    pub(super) fn write_code<'a>(self, calls: impl Iterator<Item = &'a Call>) {
        let mut code = driver();
        code.resize(usize::try_from(STUBS / 4).expect("a small number"), 0);
        for (number, call) in calls.enumerate() {
            let at = STUBS + STUB_SIZE * u64::try_from(number).expect("a small number");
            code.extend(stub(call, at));
        }
        code.push(0);
        for (word, pair) in self.words.iter().zip(code.chunks_exact(2)) {
            word.store(u64::from(pair[0]) | u64::from(pair[1]) << 32, Ordering::Relaxed);
        }
        if self.caches == Caches::Real {
            synchronise_instructions(self.words);
        }
    }

    /// Writes the registers of these calls, by the number of their instruction.
    pub(super) fn write_blocks<'a>(self, calls: impl Iterator<Item = (usize, &'a Call)>, order: ByteOrder) {
        let mut at = word(BLOCKS);
        for (number, call) in calls {
            for value in call.x.into_iter().chain([stub_address(number)]) {
                self.words[at].store(order.swap(value), Ordering::Relaxed);
                at += 1;
            }
        }
        // The end: no address.
        self.words[at + BLOCK_WORDS - 1].store(0, Ordering::Relaxed);
        self.synchronise();
    }

    /// Before the guest's registers are read, and after they are written.
    pub(super) fn synchronise(self) {
        if self.caches == Caches::Real {
            synchronise_data(&self.words[word(BLOCKS)..]);
        }
    }

    /// What the call at this place of the list has left.
    pub(super) fn read_block(self, place: usize, order: ByteOrder) -> [u64; 18] {
        let at = word(BLOCKS) + place * BLOCK_WORDS;
        std::array::from_fn(|number| order.swap(self.words[at + number].load(Ordering::Relaxed)))
    }
}

impl ByteOrder {
    const fn swap(self, value: u64) -> u64 {
        match self {
            Self::Little => value,
            Self::Big => value.swap_bytes(),
        }
    }
}

fn word(offset: u64) -> usize {
    usize::try_from(offset / 8).expect("a small number")
}

/// Where the instruction with this number is.
pub(super) fn stub_address(number: usize) -> u64 {
    GUEST_START + STUBS + STUB_SIZE * u64::try_from(number).expect("a small number")
}

/// The number of the instruction at or behind which PC is, and how far.
pub(super) fn stub_at(pc: u64) -> Option<(usize, u64)> {
    let offset = pc.checked_sub(GUEST_START + STUBS)?;
    Some((usize::try_from(offset / STUB_SIZE).ok()?, offset % STUB_SIZE))
}

/// Where the loop goes on after an instruction, in bytes.
const AFTER: u32 = 4 * 13;

/// The loop, in A64.
fn driver() -> Vec<u32> {
    let pair = |base: u32, first: u32| base | first << 15 | (first + 1) << 10 | BLOCK_POINTER << 5 | first;
    let mut code = vec![
        // adr x28, BLOCKS
        0x1000_0000 | (0x1000 >> 2) << 5 | BLOCK_POINTER,
        // ldr x29, [x28, #144]
        0xf940_0000 | 18 << 10 | BLOCK_POINTER << 5 | STUB_POINTER,
        // cbz x29, to the breakpoint: 22 instructions on
        0xb400_0000 | 22 << 5 | STUB_POINTER,
    ];
    // ldp
    code.extend((0..18).step_by(2).map(|first| pair(0xa940_0000, first)));
    // br x29
    code.push(0xd61f_0000 | STUB_POINTER << 5);
    // stp
    code.extend((0..18).step_by(2).map(|first| pair(0xa900_0000, first)));
    // add x28, x28, #152
    code.push(0x9100_0000 | 152 << 10 | BLOCK_POINTER << 5 | BLOCK_POINTER);
    // b, to the ldr
    code.push(branch(4 * 23, 4));
    code.push(BREAKPOINT_A64);
    code
}

/// `b`, between offsets from the start of the code.
fn branch(from: u32, to: u32) -> u32 {
    0x1400_0000 | (to.wrapping_sub(from) >> 2 & 0x03ff_ffff)
}

fn stub(call: &Call, at: u64) -> [u32; 2] {
    let immediate = u32::from(call.immediate);
    let back = branch(u32::try_from(at).expect("a small number") + 4, AFTER);
    match call.instruction {
        Instruction::Hvc64 => [0xd400_0002 | immediate << 5, back],
        Instruction::Smc64 => [0xd400_0003 | immediate << 5, back],
        Instruction::HvcA32 => [0xe140_0070 | (immediate >> 4) << 8 | immediate & 0xf, BREAKPOINT_A32],
        Instruction::SmcA32 => [0xe160_0070 | immediate & 0xf, BREAKPOINT_A32],
        // In Thumb the halfword at the lower address is the first.
        Instruction::HvcT32 => [0x8000_f7e0 | immediate >> 12 | (immediate & 0xfff) << 16, BREAKPOINT_T32],
        Instruction::SmcT32 => [0x8000_f7f0 | immediate & 0xf, BREAKPOINT_T32],
    }
}

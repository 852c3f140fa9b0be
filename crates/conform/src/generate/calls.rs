//! Calls: of every function that KVM serves, beside them, and at the edges of ranges.

use crate::generate::Kind;
use crate::program::{Call, Completion, Instruction};
use crate::random::Random;

/// What the calls of a program depend on.
#[derive(Debug)]
pub(super) struct Context {
    /// The numbers of the vCPUs.
    pub(super) vcpus: Vec<u32>,
    /// First and last function ID of the ranges that may be in the filter.
    pub(super) ranges: Vec<(u32, u32)>,
}

/// Every function of KVM's own services, and IDs that look like one.
const FUNCTIONS: [u32; 58] = [
    0x8000_0000,
    0x8000_0001,
    0x8000_0002,
    0xc000_0002,
    0x8000_8000,
    0x8000_7fff,
    0x8000_3fff,
    0x8400_0000,
    0x8400_0001,
    0xc400_0001,
    0x8400_0002,
    0x8400_0003,
    0xc400_0003,
    0x8400_0003,
    0xc400_0003,
    0x8400_0004,
    0xc400_0004,
    0x8400_0005,
    0xc400_0005,
    0x8400_0006,
    0x8400_0007,
    0xc400_0007,
    0x8400_0008,
    0x8400_0009,
    0x8400_000a,
    0x8400_000a,
    0x8400_000b,
    0x8400_000c,
    0xc400_000c,
    0x8400_000d,
    0x8400_000e,
    0xc400_000e,
    0x8400_000f,
    0x8400_0010,
    0x8400_0011,
    0x8400_0012,
    0xc400_0012,
    0x8400_0013,
    0x8400_0014,
    0x8400_0015,
    0xc400_0015,
    0x8400_001f,
    0x8400_0020,
    0x8400_0050,
    0x8400_0051,
    0x8400_0052,
    0x8400_0053,
    0xc400_0053,
    0xc500_0020,
    0xc500_0021,
    0x8600_ff01,
    0x8600_0000,
    0x8600_0001,
    0xc600_0040,
    0x95c1_ba5e,
    0x95c1_ba5f,
    0x95c1_ba60,
    0x95c1_ba61,
];

/// What is asked of other CPUs, and has more to go wrong.
const OTHER_CPUS: [u32; 4] = [0x8400_0003, 0xc400_0003, 0x8400_0004, 0xc400_0004];

/// Functions that ask for features.
const ASKING: [u32; 4] = [0x8000_0001, 0x8400_000a, 0x8400_0051, 0xc500_0020];

/// Numbers of bits that TRNG is asked for.
const BITS: [u64; 18] =
    [0, 1, 31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128, 129, 191, 192, 193, 0x1_0000_0020];

/// Values that something hangs on.
const VALUES: [u64; 14] = [
    0,
    0,
    1,
    2,
    3,
    4,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    u64::MAX,
    0xdead_beef_0000_0000,
];

pub(super) fn call(random: &mut Random, context: &Context, kind: Kind) -> Call {
    let instruction = match kind {
        Kind::AArch64 => random.pick(&[Instruction::Hvc64, Instruction::Smc64]),
        Kind::AArch32 => {
            random.pick(&[Instruction::HvcA32, Instruction::SmcA32, Instruction::HvcT32, Instruction::SmcT32])
        }
    };
    let function = function(random, context);
    let mut x = std::array::from_fn(|_| random.bits());
    x[0] = u64::from(function) | dirt(random, 25);
    arguments(random, context, function, &mut x);
    if kind == Kind::AArch32 {
        x = std::array::from_fn(|number| if number < 8 { x[number] & 0xffff_ffff } else { 0 });
    }
    Call {
        vcpu: if random.percent(75) { 0 } else { random.index(context.vcpus.len()) },
        instruction,
        immediate: if random.percent(90) { 0 } else { random.pick(&[1, 2, 0x80, 0x1000, 0xffff]) },
        x,
        completion: match random.below(4) {
            0 => Completion::Nothing,
            1 | 2 => Completion::X0(random.bits()),
            _ => Completion::X0ToX3(std::array::from_fn(|_| random.bits())),
        },
    }
}

fn function(random: &mut Random, context: &Context) -> u32 {
    let plain = match random.below(20) {
        0..=3 if !context.ranges.is_empty() => {
            let (first, last) = random.pick(&context.ranges);
            let edge = random.pick(&[first, last, first.wrapping_sub(1), last.wrapping_add(1)]);
            if random.percent(80) { edge } else { first.wrapping_add(last.wrapping_sub(first) / 2) }
        }
        4 => random.word(),
        5 => random.pick(&[0x7fff_ffff, 0x8000_ffff, 0x8001_0000, 0xbfff_ffff, 0xc000_0000, 0xc001_0000]),
        6..=8 if context.vcpus.len() > 1 => random.pick(&OTHER_CPUS),
        9..=10 => random.pick(&ASKING),
        _ => random.pick(&FUNCTIONS),
    };
    match random.below(25) {
        // Its other width, the SVE hint, a yielding call, a reserved bit, a neighbour.
        0 => plain ^ 1 << 30,
        1 => plain ^ 1 << 16,
        2 => plain ^ 1 << 31,
        3 => plain ^ 1 << (17 + random.below(7)),
        4 => plain.wrapping_add(random.pick(&[1, u32::MAX])),
        _ => plain,
    }
}

/// Arguments that the function means something by.
fn arguments(random: &mut Random, context: &Context, function: u32, x: &mut [u64; 18]) {
    if random.percent(10) {
        for argument in &mut x[1..4] {
            *argument = random.pick(&VALUES);
        }
        return;
    }
    match function & 0xff00_ffff & !(1 << 30) {
        // CPU_ON, of 0.1 too.
        0x8400_0003 | 0x9500_ba60 => {
            x[1] = target(random, context) | dirt(random, 15);
            x[2] = random.bits();
        }
        0x8400_0004 => {
            x[1] = target(random, context) | dirt(random, 15);
            x[2] = random.pick(&[0, 0, 1, 2, 3, 4, u64::MAX]) | dirt(random, 15);
        }
        // FEATURES of anything.
        0x8400_000a | 0x8000_0001 | 0x8400_0051 | 0x8500_0020 => {
            let asked =
                if random.percent(60) { related(random, function) } else { self::function(random, context) };
            x[1] = u64::from(asked) | dirt(random, 20);
        }
        0x8400_0053 => x[1] = random.pick(&BITS) | dirt(random, 10),
        0x8600_0001 => x[1] = random.pick(&[0, 0, 1, 1, 2]) | dirt(random, 15),
        0x8400_0012 | 0x8400_0015 => {
            x[1] = random.pick(&VALUES) | dirt(random, 10);
            x[2] = if random.percent(60) { 0 } else { random.pick(&VALUES) };
        }
        _ => {}
    }
}

/// A function that one who asks for features may be told of.
fn related(random: &mut Random, asking: u32) -> u32 {
    match asking & 0xffff {
        0x0001 => random.pick(&[0x8000_8000, 0x8000_7fff, 0x8000_3fff, 0xc500_0020, 0x8000_0000]),
        0x0051 => random.pick(&[0x8400_0050, 0x8400_0051, 0x8400_0052, 0x8400_0053, 0xc400_0053]),
        0x0020 => random.pick(&[0xc500_0020, 0xc500_0021]),
        _ if random.percent(15) => 0x8000_0000,
        _ => random.pick(&[0x8400_0000, 0xc400_0000]) + random.word() % 0x20,
    }
}

/// The affinity of a vCPU there is, or something near it.
fn target(random: &mut Random, context: &Context) -> u64 {
    let id = u64::from(random.pick(&context.vcpus));
    let affinity = id & 0xf | (id >> 4 & 0xff) << 8;
    match random.below(12) {
        0 => affinity | 0x8000_0000,
        1 => affinity | 1 << 40,
        2 => affinity ^ 1,
        3 => affinity ^ 0x100,
        4 => affinity ^ 1 << 32,
        5 => random.bits(),
        _ => affinity,
    }
}

/// Something in the upper half, in so many of a hundred cases.
fn dirt(random: &mut Random, percent: u64) -> u64 {
    if random.percent(percent) { random.bits() << 32 } else { 0 }
}

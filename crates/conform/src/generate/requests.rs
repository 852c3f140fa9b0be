//! Filter requests: good ones, and every kind of bad one.

use switchboard_filter::Request;

use crate::random::Random;

/// Bases that ranges begin at or beside: those of the specifications, and of what KVM reserves.
const BASES: [u32; 20] = [
    0x8400_0000,
    0x8400_0000,
    0xc400_0000,
    0xc400_0000,
    0x8400_0050,
    0xc400_0050,
    0x8600_0000,
    0xc600_0000,
    0xc500_0020,
    0x8600_ff00,
    0x95c1_ba5e,
    0x8000_0000,
    0x8000_8000,
    0x8001_0000,
    0xc000_0000,
    0xc000_ffff,
    0xc001_0000,
    0x0000_0000,
    0x7fff_ffff,
    0xffff_ffff,
];

/// The corner values of section 1.5 of the facts: base and number.
const CORNERS: [(u32, u32); 12] = [
    (0xffff_ffff, 1),
    (0xffff_ffff, 2),
    (0xffff_ffff, 0xffff_ffff),
    (5, 0),
    (0, 0),
    (1, 0xffff_ffff),
    (0, 0xffff_ffff),
    (0, 0x8000_0000),
    (0x8001_0000, 0x3fff_0000),
    (0xc001_0000, 0x3fff_0000),
    (0x7fff_ffff, 2),
    (0xbfff_ffff, 1),
];

/// A request. What may have come into force goes to `ranges`, by its ends, so that calls can be made there.
pub(super) fn request(random: &mut Random, ranges: &mut Vec<(u32, u32)>) -> Request {
    let (base, nr_functions) = extent(random, ranges);
    let action = match random.below(20) {
        0 => random.pick(&[3, 4, 0x7f, 0x80, 0xff]),
        1..=3 => 0,
        4..=10 => 1,
        _ => 2,
    };
    let mut pad = [0; 15];
    if random.percent(4) {
        let byte = random.index(pad.len());
        pad[byte] = random.pick(&[1, 0x80, 0xff]);
    }
    if let Some(last) = nr_functions.checked_sub(1).and_then(|more| base.checked_add(more)) {
        ranges.push((base, last));
    }
    Request { base, nr_functions, action, pad }
}

fn extent(random: &mut Random, ranges: &[(u32, u32)]) -> (u32, u32) {
    match random.below(20) {
        0..=1 => random.pick(&CORNERS),
        // The same again, a neighbour, or one that overlaps.
        2..=4 if !ranges.is_empty() => {
            let (first, last) = random.pick(ranges);
            let count = last.wrapping_sub(first).wrapping_add(1);
            match random.below(4) {
                0 => (first, count),
                1 => (last.wrapping_add(1), 1 + length(random)),
                2 => (first.wrapping_sub(4), 4),
                _ => (last, length(random)),
            }
        }
        5 => (random.word(), random.word()),
        _ => {
            let offset = random.pick(&[0, 0, 0, 1, 2, 3, 4, 0x10, u32::MAX]);
            (random.pick(&BASES).wrapping_add(offset), length(random))
        }
    }
}

fn length(random: &mut Random) -> u32 {
    random.pick(&[0, 1, 1, 1, 2, 3, 4, 8, 0x10, 0x20, 0x20, 0x40, 0x100, 0x1_0000])
}

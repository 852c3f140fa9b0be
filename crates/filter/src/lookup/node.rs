//! The runs of pages with more than one boundary: words within a cache line, and trees of such lines.

use super::entry::{NUMBER_BITS, Run};
use crate::Action;

/// How many runs a line has room for: the last word ends none but holds the actions of all, in 30 bits.
pub(super) const RUNS: usize = 15;

/// How many children a line has room for: the last word ends none but says where they are.
pub(super) const CHILDREN: usize = 16;

/// One cache line of 16 words: the runs of up to five pages, or the children of one line.
///
/// Each word but the last is a key: the end of a run, or of a child's last run. The last number in the run is in bits
/// `[16:0]`, and in the bits above it the page's [`Slot`], so that the keys of pages that share a line ascend like those
/// of one page. The last word holds the actions of the runs, 2 bits each, the first run's lowest; or the index of the
/// first child, whose siblings follow it. Bit 30 is set in it and in words that are not used. That makes them greater
/// than any key, so they may be compared like the others and are never counted.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([i32; 16]);

/// A cache line it is.
const _: () = assert!(size_of::<Line>() == 64);

/// Which of the pages that share a line: the first is 0. A page with a node has three runs at least, so there are at
/// most five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(pub(super) u32);

/// A number within a page, with the page's slot above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(i32);

const BIT_30: u32 = 1 << 30;
const ABOVE_ALL: i32 = BIT_30.cast_signed();

impl Slot {
    #[inline]
    pub(super) const fn key(self, number: u32) -> Key {
        Key((self.0 << NUMBER_BITS | number).cast_signed())
    }
}

impl Line {
    /// No run.
    pub(super) const fn empty() -> Self {
        Self([ABOVE_ALL; 16])
    }

    /// Up to 15 runs of a page that shares the line with none.
    pub(super) fn of_runs(runs: &[Run]) -> Self {
        let mut line = Self::empty();
        line.add_runs(0, Slot(0), runs);
        line
    }

    /// Adds the runs of a page after those of the pages in the slots before: those are `used` of 15.
    pub(super) fn add_runs(&mut self, used: usize, slot: Slot, runs: &[Run]) {
        let [ends @ .., actions] = &mut self.0;
        for ((word, index), run) in ends.iter_mut().zip(0..).skip(used).zip(runs) {
            *word = slot.key(run.end).0;
            *actions |= i32::from(run.action.to_uapi()) << (2 * index);
        }
    }

    /// The keys at which up to 16 children end, and the index of the first of them: less than 2^30.
    pub(super) fn of_children(ends: &[u32], first: u32) -> Self {
        let mut line = Self::empty();
        let [words @ .., last] = &mut line.0;
        for (word, &end) in words.iter_mut().zip(ends) {
            *word = Slot(0).key(end).0;
        }
        *last |= first.cast_signed();
        line
    }

    /// The action of the run that a key is in, from a line that holds runs.
    #[inline]
    pub(super) fn action(&self, key: Key) -> Action {
        let [.., actions] = self.0;
        let [action, ..] = (actions >> (2 * self.count_below(key))).to_le_bytes();
        Action::from_uapi(action & 3).unwrap_or(Action::Handle)
    }

    /// The index of the line that is next, from a line that does not.
    #[inline]
    pub(super) fn child(&self, key: Key) -> u32 {
        let [.., first] = self.0;
        (first.cast_unsigned() & !BIT_30) + self.count_below(key)
    }

    /// How many words are less than a key: which run or child it is in. All 16 are compared, which compilers turn
    /// into a few vector instructions and no branch. The sign of the difference is the comparison; none overflows,
    /// for keys are small and words not negative. From `<` LLVM makes a bit mask and counts its bits one by one.
    #[inline]
    fn count_below(&self, key: Key) -> u32 {
        self.0.iter().map(|&word| word.wrapping_sub(key.0).cast_unsigned() >> 31).sum()
    }
}

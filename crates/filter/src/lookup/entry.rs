//! A page of function IDs in 32 bits.

use switchboard_smccc::FunctionId;

use super::node::Slot;
use crate::Action;

/// How many bits of a function ID are its number within its page.
pub(super) const NUMBER_BITS: u32 = 17;

/// How many pages there are.
pub(super) const PAGES: usize = 1 << (32 - NUMBER_BITS);

/// The last number within a page.
pub(super) const LAST_NUMBER: u32 = (1 << NUMBER_BITS) - 1;

/// One page: up to two runs of function IDs, or the way to a node.
///
/// | bits | up to two runs | a node |
/// |---|---|---|
/// | `[1:0]` | the action of the first run | 3 |
/// | `[3:2]` | the action of the second run | 3 |
/// | `[6:4]` | 0 | the number of levels, 1 to 5 |
/// | `[9:7]` | 0 | its slot, 0 to 4 |
/// | `[14:10]` | 0 | bits `[4:0]` of its index among the roots |
/// | `[31:15]` | the last number in the first run | bits `[21:5]` |
///
/// The end of the first run, not the start of the second: where there is no second, the first ends with the page, and
/// no number is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u32);

/// Where a page with more runs begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root {
    /// The index of its line among the roots. No page has two, so it is less than 2^15.
    pub(super) line: u32,
    /// Its share of that line.
    pub(super) slot: Slot,
    /// How many lines there are on the way to an action: 1 to 5, since 15 * 16^4 runs are more than a page can have.
    pub(super) levels: u32,
}

/// A run of numbers within a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The last number in it.
    pub(super) end: u32,
    /// What happens to them.
    pub(super) action: Action,
}

const NODE: u32 = 0b1111;
const LEVELS_SHIFT: u32 = 4;
const SLOT_SHIFT: u32 = 7;
const LINE_SHIFT: u32 = 10;
/// Where the end of the first run begins. A function ID, shifted left by as much, loses all but its number.
const END_SHIFT: u32 = 32 - NUMBER_BITS;

/// The index of a function ID's page.
#[inline]
pub(super) fn page_of(id: FunctionId) -> usize {
    let [_, _, low, high] = id.0.to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]) >> (NUMBER_BITS - 16))
}

/// A function ID's number within its page.
#[inline]
pub(super) const fn number_of(id: FunctionId) -> u32 {
    id.0 & LAST_NUMBER
}

impl Entry {
    /// A page with one run.
    pub(super) const fn one(action: Action) -> Self {
        Self::two(Run { end: LAST_NUMBER, action }, action)
    }

    /// A page with two runs, of which the second ends with the page.
    pub(super) const fn two(first: Run, second: Action) -> Self {
        let [first_action, second] = [widen(first.action.to_uapi()), widen(second.to_uapi())];
        Self(first.end << END_SHIFT | second << 2 | first_action)
    }

    /// A page that goes on elsewhere.
    pub(super) const fn node(root: Root) -> Self {
        Self(root.line << LINE_SHIFT | root.slot.0 << SLOT_SHIFT | root.levels << LEVELS_SHIFT | NODE)
    }

    /// The action of a function ID in this page; `None` if the page goes on at [`Entry::root`].
    ///
    /// A conditional move, no branch: nobody can predict which side of a boundary a call is on. What is below the
    /// end does not matter to the comparison, because the number has zeros there.
    #[inline]
    pub(super) const fn action(self, id: FunctionId) -> Option<Action> {
        let actions = if self.0 < id.0 << END_SHIFT { self.0 >> 2 } else { self.0 };
        let [action, ..] = (actions & 3).to_le_bytes();
        Action::from_uapi(action)
    }

    /// Where the page goes on, if there is no action for a function ID in it.
    #[inline]
    pub(super) const fn root(self) -> Root {
        Root {
            line: self.0 >> LINE_SHIFT,
            slot: Slot(self.0 >> SLOT_SHIFT & 7),
            levels: self.0 >> LEVELS_SHIFT & 7,
        }
    }
}

const fn widen(byte: u8) -> u32 {
    u32::from_le_bytes([byte, 0, 0, 0])
}

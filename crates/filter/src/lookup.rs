//! The compiled filter: what happens to a call, at a cost that does not depend on the number of ranges.

mod compile;
mod entry;
mod node;

use alloc::boxed::Box;
use core::fmt;

use switchboard_smccc::FunctionId;

use self::{
    entry::{Entry, PAGES, Root, number_of, page_of},
    node::Line,
};
use crate::{Action, Segments};

/// A frozen filter, compiled.
///
/// A *page* is 131,072 function IDs that share bits `[31:17]`; a *boundary* is a function ID within it whose action
/// differs from that of the ID before. Every page has an entry of 32 bits with room for one boundary and the actions
/// before and after it: one load, one comparison, no branch that depends on the function ID. The entry of a page with
/// more boundaries leads to a cache line of 16 words that are compared all at once. Pages with few share a line; one
/// with more than 14 has a 16-way tree of lines.
///
/// | what | bound |
/// |---|---|
/// | memory accesses, page with 0 or 1 boundary | 1 |
/// | ... with 2 to 14 | 2 |
/// | ... with up to 239; 3,839; 61,439; any number of them | 3; 4; 5; 6 |
/// | memory accesses, any filter of up to 4,096 ranges | 5 |
/// | bytes, any filter of `n` ranges, which have at most 2 `n` boundaries | 131,176 + 26 `n` |
/// | bytes, any filter of up to 4,096 ranges | 237,672, less than 256 KiB |
///
/// An access is a load from one cache line of 64 bytes. The tests build the placements that cost most.
#[derive(Clone)]
pub struct Lookup {
    /// By page.
    pages: Box<[Entry; PAGES]>,
    /// The nodes that entries lead to.
    roots: Box<[Line]>,
    /// The nodes that nodes lead to.
    lower: Box<[Line]>,
}

impl Lookup {
    /// Compiles segments: all function IDs in order.
    pub(crate) fn of(segments: Segments<'_>) -> Self {
        compile::compile(segments)
    }

    /// What happens to a call with this (raw) function ID.
    #[inline]
    #[must_use]
    pub fn action(&self, id: FunctionId) -> Action {
        let entry = self.pages[page_of(id)];
        match entry.action(id) {
            Some(action) => action,
            None => self.search(entry, id),
        }
    }

    /// The way on in a page with more than one boundary. Every index here is in bounds; were one not, the call would
    /// be handled, as without a filter.
    #[inline(never)]
    fn search(&self, entry: Entry, id: FunctionId) -> Action {
        let Root { line, slot, levels } = entry.root();
        let key = slot.key(number_of(id));
        let Some(mut line) = get(&self.roots, line) else { return Action::Handle };
        for _ in 1..levels {
            let Some(child) = get(&self.lower, line.child(key)) else { return Action::Handle };
            line = child;
        }
        line.action(key)
    }

    /// The memory that it occupies, in bytes: this struct and what it owns.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of_val(self) + size_of_val(&*self.pages) + size_of_val(&*self.roots) + size_of_val(&*self.lower)
    }
}

#[inline]
fn get(lines: &[Line], index: u32) -> Option<&Line> {
    lines.get(usize::try_from(index).ok()?)
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup")
            .field("nodes", &(self.roots.len() + self.lower.len()))
            .field("bytes", &self.memory())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use switchboard_smccc::FunctionId;

    use super::*;
    use crate::{Filter, Range, lookup::node::Slot};

    /// How many loads the lookup of function ID 0 takes, where the first IDs have this many boundaries.
    fn accesses(boundaries: u32) -> u32 {
        let mut filter = Filter::new();
        for (id, action) in (0..boundaries).zip([Action::Deny, Action::Forward].into_iter().cycle()) {
            filter.insert(Range::literal(FunctionId(id), 1), action).unwrap();
        }
        let entry = filter.compile().pages[0];
        match entry.action(FunctionId(0)) {
            Some(_) => 1,
            None => 1 + entry.root().levels,
        }
    }

    #[test]
    fn a_lookup_takes_as_many_memory_accesses_as_documented() {
        for (boundaries, expected) in
            [(0, 1), (1, 1), (2, 2), (14, 2), (15, 3), (239, 3), (240, 4), (3_839, 4)]
        {
            assert_eq!(accesses(boundaries), expected, "{boundaries}");
        }
        if !cfg!(miri) {
            for (boundaries, expected) in [(3_840, 5), (8_192, 5), (61_439, 5), (61_440, 6), (131_071, 6)] {
                assert_eq!(accesses(boundaries), expected, "{boundaries}");
            }
        }
    }

    #[test]
    fn an_entry_has_room_for_the_last_of_all_roots() {
        let root = Root { line: 0x7fff, slot: Slot(4), levels: 5 };
        let entry = Entry::node(root);
        assert_eq!(entry.root(), root);
        for id in [0, 0x1_ffff, 0xffff_ffff] {
            assert_eq!(entry.action(FunctionId(id)), None);
        }
    }

    #[test]
    fn debug_is_one_short_line() {
        let lookup = Filter::new().compile();
        assert_eq!(std::format!("{lookup:?}"), "Lookup { nodes: 0, bytes: 131112, .. }");
    }
}

//! Which service owns a function ID: a lookup in at most four steps, whatever is declared.

use alloc::{vec, vec::Vec};

use switchboard_filter::Range;
use switchboard_smccc::FunctionId;

/// A tree over the four bytes of a function ID, most significant first. A slot whose whole span has one owner
/// says so itself; only where owners change within the span does it lead to a further node.
pub(crate) struct Owners {
    nodes: Vec<Node>,
}

type Node = [Slot; 256];

#[derive(Debug, Clone, Copy)]
enum Slot {
    Nobody,
    Owner(u16),
    Node(u16),
}

/// How far the byte a level looks at is shifted: level 0 looks at bits `[31:24]`.
const SHIFTS: [u32; 4] = [24, 16, 8, 0];

impl Owners {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![[Slot::Nobody; 256]] }
    }

    /// Gives a range to an owner. Ranges must be disjoint; the filter has seen to that.
    pub(crate) fn give(&mut self, range: Range, owner: u16) {
        self.give_in(0, 0, 0, range, owner);
    }

    /// Who owns it.
    pub(crate) fn of(&self, id: FunctionId) -> Option<u16> {
        let mut node = &self.nodes[0];
        // A node is `[_; 256]` and its index a byte: no bounds are checked here.
        for byte in id.0.to_be_bytes() {
            match node[usize::from(byte)] {
                Slot::Nobody => return None,
                Slot::Owner(owner) => return Some(owner),
                Slot::Node(next) => node = &self.nodes[usize::from(next)],
            }
        }
        None
    }

    fn give_in(&mut self, node: u16, level: usize, base: u32, range: Range, owner: u16) {
        let shift = SHIFTS[level];
        let span = (1_u32 << shift) - 1;
        for byte in 0..=u8::MAX {
            let first = base | u32::from(byte) << shift;
            let last = first + span;
            if last < range.first().0 || range.last().0 < first {
                continue;
            }
            if range.first().0 <= first && last <= range.last().0 {
                self.nodes[usize::from(node)][usize::from(byte)] = Slot::Owner(owner);
            } else {
                let next = self.descend(node, byte);
                self.give_in(next, level + 1, first, range, owner);
            }
        }
    }

    /// The node below a slot, made if need be. Two partly covered slots a level and range: a handful of nodes
    /// for each range, so their number fits 16 bits as long as that of the ranges stays below ten thousand.
    fn descend(&mut self, node: u16, byte: u8) -> u16 {
        let slot = self.nodes[usize::from(node)][usize::from(byte)];
        if let Slot::Node(next) = slot {
            return next;
        }
        let next = u16::try_from(self.nodes.len()).expect("fewer than ten thousand ranges are declared");
        self.nodes.push([slot; 256]);
        self.nodes[usize::from(node)][usize::from(byte)] = Slot::Node(next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_range_are_exact() {
        let mut owners = Owners::new();
        owners.give(Range::literal(FunctionId(0x83ff_fffe), 0x0002_0004), 7);
        assert_eq!(owners.of(FunctionId(0x83ff_fffd)), None);
        assert_eq!(owners.of(FunctionId(0x83ff_fffe)), Some(7));
        assert_eq!(owners.of(FunctionId(0x8400_1234)), Some(7));
        assert_eq!(owners.of(FunctionId(0x8402_0001)), Some(7));
        assert_eq!(owners.of(FunctionId(0x8402_0002)), None);
    }

    #[test]
    fn the_whole_of_all_ids_can_have_one_owner() {
        let mut owners = Owners::new();
        owners.give(Range::literal(FunctionId(0), u32::MAX), 1);
        owners.give(Range::literal(FunctionId(u32::MAX), 1), 2);
        assert_eq!(owners.of(FunctionId(0)), Some(1));
        assert_eq!(owners.of(FunctionId(u32::MAX - 1)), Some(1));
        assert_eq!(owners.of(FunctionId(u32::MAX)), Some(2));
    }

    #[test]
    fn neighbours_in_one_page_keep_apart() {
        let mut owners = Owners::new();
        for (owner, base) in [(0_u16, 0x8400_0000), (1, 0x8400_0020), (2, 0x8400_0040)] {
            owners.give(Range::literal(FunctionId(base), 0x20), owner);
        }
        assert_eq!(owners.of(FunctionId(0x8400_001f)), Some(0));
        assert_eq!(owners.of(FunctionId(0x8400_0020)), Some(1));
        assert_eq!(owners.of(FunctionId(0x8400_005f)), Some(2));
        assert_eq!(owners.of(FunctionId(0x8400_0060)), None);
    }
}

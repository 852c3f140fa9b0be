//! From segments to the compiled form.

use alloc::{vec, vec::Vec};
use core::iter::Peekable;

use switchboard_smccc::FunctionId;

use super::{
    Lookup,
    entry::{Entry, LAST_NUMBER, NUMBER_BITS, PAGES, Root, Run, number_of},
    node::{CHILDREN, Line, RUNS, Slot},
};
use crate::{Action, Segments};

/// Compiles segments: all function IDs in order.
pub(super) fn compile(segments: Segments<'_>) -> Lookup {
    let mut segments = segments.peekable();
    let mut nodes = Nodes::default();
    let mut runs = Vec::new();
    // A vector first: an array of this size has no business on a small stack.
    let mut pages = vec![Entry::one(Action::Handle); PAGES].into_boxed_slice();
    for (page, entry) in (0..).zip(&mut pages) {
        take_page(&mut segments, FunctionId(page << NUMBER_BITS | LAST_NUMBER), &mut runs);
        *entry = match *runs {
            [only] => Entry::one(only.action),
            [first, second] => Entry::two(first, second.action),
            _ => Entry::node(nodes.add(&runs)),
        };
    }
    Lookup {
        pages: pages.try_into().expect("it was made with that length"),
        roots: nodes.roots.into_boxed_slice(),
        lower: nodes.lower.into_boxed_slice(),
    }
}

/// Takes the runs of the page that ends with this function ID; those of the pages before it have been taken.
fn take_page(segments: &mut Peekable<Segments<'_>>, page_last: FunctionId, runs: &mut Vec<Run>) {
    runs.clear();
    while let Some(segment) = segments.peek() {
        let last = segment.range.last();
        runs.push(Run { end: number_of(last.min(page_last)), action: segment.action });
        if last <= page_last {
            segments.next();
        }
        if last >= page_last {
            return;
        }
    }
}

/// Nodes as they grow.
#[derive(Default)]
struct Nodes {
    roots: Vec<Line>,
    lower: Vec<Line>,
    /// The line among the roots that the next page may share.
    open: Option<Open>,
}

/// A line with room.
#[derive(Clone, Copy)]
struct Open {
    line: usize,
    /// How many runs are in it.
    used: usize,
    /// The slot that is next.
    slot: Slot,
}

impl Nodes {
    /// Adds a page with three runs or more.
    fn add(&mut self, runs: &[Run]) -> Root {
        if runs.len() > RUNS { self.add_tree(runs) } else { self.add_to_line(runs) }
    }

    /// Adds a page to the line before, if there is room, or else to a new one. Any two lines in turn hold more than
    /// 15 runs, and so more than 10 boundaries, because a page has fewer boundaries than runs by one and at least
    /// three runs: at most 12 bytes a boundary.
    fn add_to_line(&mut self, runs: &[Run]) -> Root {
        let open = self.open.filter(|open| open.used + runs.len() <= RUNS);
        let Open { line, used, slot } = open.unwrap_or_else(|| {
            self.roots.push(Line::empty());
            Open { line: self.roots.len() - 1, used: 0, slot: Slot(0) }
        });
        self.roots[line].add_runs(used, slot, runs);
        self.open = Some(Open { line, used: used + runs.len(), slot: Slot(slot.0 + 1) });
        Root { line: index(line), slot, levels: 1 }
    }

    /// Adds a tree, from the lowest level up. Each level is in one piece, so that a line knows its children by the
    /// first of them; the level of one line is the root.
    fn add_tree(&mut self, runs: &[Run]) -> Root {
        let mut level: Vec<Line> = runs.chunks(RUNS).map(Line::of_runs).collect();
        let mut ends = last_of_each(runs.chunks(RUNS), |run| run.end);
        let mut levels = 1;
        while level.len() > 1 {
            let firsts = (index(self.lower.len())..).step_by(CHILDREN);
            self.lower.append(&mut level);
            level = ends
                .chunks(CHILDREN)
                .zip(firsts)
                .map(|(ends, first)| Line::of_children(ends, first))
                .collect();
            ends = last_of_each(ends.chunks(CHILDREN), |&end| end);
            levels += 1;
        }
        let line = index(self.roots.len());
        self.roots.append(&mut level);
        Root { line, slot: Slot(0), levels }
    }
}

fn index(lines: usize) -> u32 {
    u32::try_from(lines).expect("2^32 function IDs have fewer than 2^29 lines")
}

fn last_of_each<'a, T: 'a>(chunks: impl Iterator<Item = &'a [T]>, end: impl Fn(&T) -> u32) -> Vec<u32> {
    chunks.filter_map(<[T]>::last).map(end).collect()
}

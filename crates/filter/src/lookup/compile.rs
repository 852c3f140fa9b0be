//! From segments to the compiled form.

use alloc::{vec, vec::Vec};
use core::iter::Peekable;

use switchboard_smccc::FunctionId;

use super::{
    Lookup,
    entry::{Entry, LAST_NUMBER, PAGES, Root, Run, number_of, page_of},
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
    let mut page = 0;
    while let Some(segment) = segments.peek().copied() {
        let whole = page..pages_before(segment.range.last());
        if whole.is_empty() {
            pages[page] = take_page(&mut segments, page, &mut runs, &mut nodes);
            page += 1;
        } else {
            // Most filters have few ranges, and most pages one action.
            page = whole.end;
            pages[whole].fill(Entry::one(segment.action));
            if page_of(segment.range.last()) < page {
                segments.next();
            }
        }
    }
    Lookup {
        pages: pages.try_into().expect("it was made with that length"),
        roots: nodes.roots.into_boxed_slice(),
        lower: nodes.lower.into_boxed_slice(),
    }
}

/// How many pages end at or before this function ID.
fn pages_before(last: FunctionId) -> usize {
    page_of(last) + usize::from(number_of(last) == LAST_NUMBER)
}

/// Makes the entry of a page that its first segment does not fill; those of the pages before it have been made.
fn take_page(
    segments: &mut Peekable<Segments<'_>>,
    page: usize,
    runs: &mut Vec<Run>,
    nodes: &mut Nodes,
) -> Entry {
    runs.clear();
    while let Some(segment) = segments.peek() {
        let last = segment.range.last();
        let goes_on = page_of(last) > page;
        runs.push(Run { end: if goes_on { LAST_NUMBER } else { number_of(last) }, action: segment.action });
        if goes_on {
            break;
        }
        let ends_page = number_of(last) == LAST_NUMBER;
        segments.next();
        if ends_page {
            break;
        }
    }
    match **runs {
        [only] => Entry::one(only.action),
        [first, second] => Entry::two(first, second.action),
        _ => Entry::node(nodes.add(runs)),
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

//! The text of a policy, and places in it.

use serde::Serialize;

/// The text of one policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path or name that people see.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Which of the files that a policy is made of: the one that is extended by nothing comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceId(pub(crate) usize);

/// Bytes of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) source: SourceId,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A place in a file, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The path or name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
}

impl Source {
    /// A policy of this name and text.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Where the lines start.
    pub(crate) fn lines(&self) -> Vec<usize> {
        let after = self.text.match_indices('\n').map(|(newline, _)| newline + 1);
        core::iter::once(0).chain(after).collect()
    }

    /// The place of a byte, with the starts of all lines.
    pub(crate) fn place(&self, at: usize, lines: &[usize]) -> Place {
        let line = lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| lines.get(line)).copied().unwrap_or(0);
        let column = self.text.get(start..at).unwrap_or("").chars().count() + 1;
        Place { file: self.name.clone(), line: line.max(1), column }
    }

    /// A span inside the text and at the edges of characters, whatever a parser has said.
    pub(crate) fn clamp(&self, span: core::ops::Range<usize>) -> core::ops::Range<usize> {
        let floor = |mut at: usize| {
            at = at.min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = floor(span.start);
        start..floor(span.end).max(start)
    }
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

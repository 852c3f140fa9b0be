//! What can be wrong with a file of cases.

use core::fmt;

/// A file that is not one of cases: what is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseError<'text> {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem<'text>,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem<'text> {
    /// No line begins with this word.
    UnknownStatement(&'text str),
    /// Something else belongs here.
    Expected {
        /// What belongs here.
        what: &'static str,
        /// What is here.
        found: &'text str,
    },
    /// A number that 64 bits do not hold, or that is none.
    Number(&'text str),
    /// A register that is none of x0 to x17.
    Register(&'text str),
    /// A range whose end comes before its start.
    EmptyRange,
    /// A name that stands for nothing.
    UnknownName(&'text str),
    /// An action that there is not.
    UnknownAction(&'text str),
    /// A probe that there is not, or only further down.
    UnknownProbe(&'text str),
    /// A name that is taken.
    Duplicate(&'text str),
    /// A line in a place where it means nothing.
    Misplaced(&'static str),
    /// A case or a probe that lacks something.
    Incomplete {
        /// Its name.
        name: &'text str,
        /// What it lacks.
        lacks: &'static str,
    },
}

impl<'text> ParseError<'text> {
    pub(crate) fn new(text: &'text str, at: usize, problem: Problem<'text>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).unwrap_or("").chars().count() + 1;
        Self { line, column, problem }
    }
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.problem)
    }
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownStatement(word) => write!(f, "no line begins with `{word}`"),
            Self::Expected { what, found: "" } => write!(f, "{what} is missing at the end of the line"),
            Self::Expected { what, found } => write!(f, "{what} belongs here, not `{found}`"),
            Self::Number(word) => write!(f, "`{word}` is no number of 64 bits"),
            Self::Register(word) => write!(f, "`{word}` is none of the registers x0 to x17"),
            Self::EmptyRange => f.write_str("the range ends before it starts"),
            Self::UnknownName(name) => {
                write!(f, "`{name}` stands for nothing: define it with `let` at the top of the file")
            }
            Self::UnknownAction(name) => write!(f, "there is no action `{name}`"),
            Self::UnknownProbe(name) => write!(f, "there is no probe \"{name}\" before this line"),
            Self::Duplicate(name) => write!(f, "there is a \"{name}\" already"),
            Self::Misplaced(why) => f.write_str(why),
            Self::Incomplete { name, lacks } => write!(f, "\"{name}\" has no {lacks}"),
        }
    }
}

impl core::error::Error for ParseError<'_> {}

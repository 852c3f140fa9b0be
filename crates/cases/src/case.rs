//! A file and the cases in it.

use crate::{
    Conduit, ParseError, Problem,
    lexer::{Lexer, Parsed},
    statement::{Line, Statement},
    value::{Expression, definition},
};

/// A file of cases that has been checked from its first line to its last.
#[derive(Debug, Clone, Copy)]
pub struct File<'text> {
    text: &'text str,
}

/// One case of a [`File`].
#[derive(Debug, Clone, Copy)]
pub struct Case<'text> {
    block: Block<'text>,
}

/// The cases of a file, in its order.
#[derive(Debug, Clone)]
pub struct Cases<'text>(Blocks<'text>);

/// A case or a probe: its first line, and those up to the next one's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'text> {
    pub(crate) kind: Kind,
    pub(crate) name: &'text str,
    pub(crate) at: usize,
    body: Lexer<'text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Case,
    Probe,
}

/// The blocks of a file that has been checked up to where they are asked for: a line that begins with such a word is
/// then never the continuation of another.
#[derive(Debug, Clone)]
struct Blocks<'text>(Lexer<'text>);

impl<'text> File<'text> {
    /// Checks a file.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn parse(text: &'text str) -> Result<Self, ParseError<'text>> {
        let mut lexer = Lexer::new(text);
        let mut block: Option<Check<'text>> = None;
        while let Some(line) = Line::read(&mut lexer)? {
            let started = match line.statement {
                Statement::Case(name) => Some(Block { kind: Kind::Case, name, at: line.at, body: lexer }),
                Statement::Probe(name) => Some(Block { kind: Kind::Probe, name, at: line.at, body: lexer }),
                _ => None,
            };
            match (started, &mut block) {
                (Some(next), _) => {
                    block.map_or(Ok(()), |block| block.end(lexer))?;
                    if let Some(other) = find(text, next.kind, next.name).filter(|other| other.at < next.at) {
                        return lexer.error(next.at, Problem::Duplicate(other.name));
                    }
                    block = Some(Check::new(next));
                }
                (None, Some(block)) => block.line(lexer, line)?,
                (None, None) => define(lexer, line)?,
            }
        }
        block.map_or(Ok(()), |block| block.end(lexer))?;
        Ok(Self { text })
    }

    /// Its cases.
    #[must_use]
    pub const fn cases(self) -> Cases<'text> {
        Cases(Blocks(Lexer::new(self.text)))
    }
}

impl<'text> Case<'text> {
    /// What it says: a sentence.
    #[must_use]
    pub const fn name(&self) -> &'text str {
        self.block.name
    }

    /// Where that is written: documents with sections, rows of a table. At least one.
    pub fn cites(&self) -> impl Iterator<Item = &'text str> {
        self.block.lines().filter_map(|line| match line.statement {
            Statement::Cite(text) => Some(text),
            _ => None,
        })
    }

    /// Is it to be run over this conduit?
    #[must_use]
    pub fn is_over(&self, conduit: Conduit) -> bool {
        let mut over = self.block.lines().filter_map(|line| match line.statement {
            Statement::Over(conduit) => Some(conduit),
            _ => None,
        });
        over.next().is_none_or(|first| first == conduit || over.any(|other| other == conduit))
    }

    pub(crate) const fn block(&self) -> Block<'text> {
        self.block
    }
}

impl<'text> Iterator for Cases<'text> {
    type Item = Case<'text>;

    fn next(&mut self) -> Option<Case<'text>> {
        self.0.find(|block| block.kind == Kind::Case).map(|block| Case { block })
    }
}

impl<'text> Iterator for Blocks<'text> {
    type Item = Block<'text>;

    fn next(&mut self) -> Option<Block<'text>> {
        loop {
            let at = self.0.at();
            let line = self.0.physical_line()?;
            let (word, sentence) = line.trim().split_once(char::is_whitespace).unwrap_or_default();
            let kind = match word {
                "case" => Kind::Case,
                "probe" => Kind::Probe,
                _ => continue,
            };
            let indent = line.len() - line.trim_start().len();
            return Some(Block { kind, name: sentence.trim(), at: at + indent, body: self.0 });
        }
    }
}

impl<'text> Block<'text> {
    /// Its lines without the first.
    pub(crate) fn lines(self) -> impl Iterator<Item = Line<'text>> + Clone {
        let mut lexer = self.body;
        core::iter::from_fn(move || match Line::read(&mut lexer) {
            Ok(Some(line)) if !matches!(line.statement, Statement::Case(_) | Statement::Probe(_)) => {
                Some(line)
            }
            _ => None,
        })
    }

    /// The text between two places.
    pub(crate) fn text(self, start: usize, end: usize) -> &'text str {
        self.body.file().get(start..end).unwrap_or("")
    }

    /// The probe of this name in the same file.
    pub(crate) fn probe(self, name: &str) -> Option<Self> {
        find(self.body.file(), Kind::Probe, name)
    }

    fn uses_each(self) -> bool {
        self.lines().any(|line| line.statement.uses_each())
    }
}

fn find<'text>(text: &'text str, kind: Kind, name: &str) -> Option<Block<'text>> {
    Blocks(Lexer::new(text)).find(|block| block.kind == kind && block.name == name)
}

/// A line before the first case.
fn define<'text>(lexer: Lexer<'text>, line: Line<'text>) -> Parsed<'text, ()> {
    let Statement::Let(name) = line.statement else {
        return lexer.error(line.at, Problem::Misplaced("this line belongs to no case"));
    };
    let before = lexer.file().get(..line.at).unwrap_or("");
    match definition(before, name.text) {
        Some(_) => lexer.error(name.at, Problem::Duplicate(name.text)),
        None => Ok(()),
    }
}

/// What has been seen of a block while it is checked.
struct Check<'text> {
    block: Block<'text>,
    cited: Seen,
    each: Seen,
    /// The line that names a probe which needs `each`.
    needs_each: Option<usize>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    Yes,
}

/// The last line that does something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    None,
    /// A call, which must be followed by what is expected of it.
    Call,
    Do,
    Expected,
}

impl<'text> Check<'text> {
    const fn new(block: Block<'text>) -> Self {
        Self { block, cited: Seen::No, each: Seen::No, needs_each: None, step: Step::None }
    }

    fn line(&mut self, lexer: Lexer<'text>, line: Line<'text>) -> Parsed<'text, ()> {
        let misplaced = |why| lexer.error(line.at, Problem::Misplaced(why));
        line.statement.expressions().try_for_each(Expression::check)?;
        match line.statement {
            Statement::Let(..) => return misplaced("definitions come before the first case"),
            Statement::Call(_) | Statement::Await(_) | Statement::Do(..) if self.step == Step::Call => {
                return misplaced("the call before this line has no `expect`");
            }
            Statement::Call(_) | Statement::Await(_) => self.step = Step::Call,
            Statement::Do(..) => self.step = Step::Do,
            Statement::Expect(_) if matches!(self.step, Step::None | Step::Expected) => {
                return misplaced("`expect` follows a `call`, `await` or `do`");
            }
            Statement::Or(_) if self.step != Step::Expected => return misplaced("`or` follows `expect`"),
            Statement::Expect(_) | Statement::Or(_) => self.step = Step::Expected,
            _ if self.step != Step::None => return misplaced("this line comes before the first call"),
            _ => self.head(lexer, line)?,
        }
        if line.statement.uses_each() && self.block.kind == Kind::Case && self.each == Seen::No {
            return misplaced("`each` has no values in this case");
        }
        Ok(())
    }

    /// A line before the first call.
    fn head(&mut self, lexer: Lexer<'text>, line: Line<'text>) -> Parsed<'text, ()> {
        if self.block.kind == Kind::Probe {
            return lexer
                .error(line.at, Problem::Misplaced("a probe has one call and what is expected of it"));
        }
        match line.statement {
            Statement::Cite(_) => self.cited = Seen::Yes,
            Statement::Each(_) if line.statement.uses_each() => {
                return lexer.error(line.at, Problem::Misplaced("`each` is not made of itself"));
            }
            Statement::Each(_) => self.each = Seen::Yes,
            Statement::Requires(name) | Statement::Unless(name) => {
                let Some(probe) = self.block.probe(name).filter(|probe| probe.at < line.at) else {
                    return lexer.error(line.at, Problem::UnknownProbe(name));
                };
                if probe.uses_each() {
                    self.needs_each.get_or_insert(line.at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(self, lexer: Lexer<'text>) -> Parsed<'text, ()> {
        if let (Some(at), Seen::No) = (self.needs_each, self.each) {
            let why = "the probe needs `each`, which has no values in this case";
            return lexer.error(at, Problem::Misplaced(why));
        }
        let lacks = match (self.block.kind, self.cited, self.step) {
            (Kind::Case, Seen::No, _) => "`cite`",
            (_, _, Step::None) => "call",
            (_, _, Step::Call) => "`expect` after its last call",
            _ => return Ok(()),
        };
        lexer.error(self.block.at, Problem::Incomplete { name: self.block.name, lacks })
    }
}

//! The lines of a file.

use crate::{
    Action, Conduit, Problem, REGISTERS,
    lexer::{Lexer, Parsed, Sign, Token},
    value::{self, Expression},
};

/// A line that is not empty, with those it continues on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'text> {
    /// Where its first word is.
    pub(crate) at: usize,
    /// Where it ends.
    pub(crate) end: usize,
    pub(crate) statement: Statement<'text>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Statement<'text> {
    Let(Token<'text>),
    Probe(&'text str),
    Case(&'text str),
    Cite(&'text str),
    Over(Conduit),
    Cpus(u64),
    Repeat(u64),
    Each(Values<'text>),
    Requires(&'text str),
    Unless(&'text str),
    Call(Inputs<'text>),
    Await(Inputs<'text>),
    Do(Action, Inputs<'text>),
    Expect(Conditions<'text>),
    Or(Conditions<'text>),
}

/// `VALUE`, or `VALUE..VALUE` with both ends in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'text> {
    pub(crate) first: Expression<'text>,
    pub(crate) last: Option<Expression<'text>>,
}

/// `xN = VALUE`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'text> {
    pub(crate) register: usize,
    pub(crate) value: Expression<'text>,
}

/// `xN[..xM] [& MASK] = ALTERNATIVE [or ALTERNATIVE]...`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition<'text> {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) mask: Option<Expression<'text>>,
    pub(crate) comparison: Comparison,
    alternatives: Lexer<'text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// One of the alternatives holds.
    Equals,
    /// None of them does.
    Differs,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Alternative<'text> {
    /// What was in the register before.
    Unchanged,
    Any,
    Within(Span<'text>),
}

macro_rules! list {
    ($list:ident of $item:ident) => {
        /// A list with commas: checked when the file was read, taken apart when the case runs.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $list<'text>(Lexer<'text>);

        impl<'text> $list<'text> {
            fn parse(lexer: &mut Lexer<'text>) -> Parsed<'text, Self> {
                let list = Self(*lexer);
                loop {
                    $item::parse(lexer)?;
                    if !lexer.accept(Sign::Comma) {
                        return Ok(list);
                    }
                }
            }

            pub(crate) fn iter(self) -> impl Iterator<Item = $item<'text>> {
                let mut lexer = self.0;
                let mut more = lexer.peek().sign != Sign::End;
                core::iter::from_fn(move || {
                    let item = more.then(|| $item::parse(&mut lexer).ok())?;
                    more = lexer.accept(Sign::Comma);
                    item
                })
            }
        }
    };
}
list!(Values of Span);
list!(Inputs of Input);
list!(Conditions of Condition);

impl<'text> Line<'text> {
    /// The next line; `None` at the end of the file.
    pub(crate) fn read(lexer: &mut Lexer<'text>) -> Parsed<'text, Option<Self>> {
        let word = lexer.next_line();
        if word.sign == Sign::End {
            return Ok(None);
        }
        let statement = Statement::parse(word, lexer)?;
        lexer.expect(Sign::End, "the end of the line")?;
        Ok(Some(Self { at: word.at, end: lexer.at(), statement }))
    }
}

impl<'text> Statement<'text> {
    fn parse(word: Token<'text>, lexer: &mut Lexer<'text>) -> Parsed<'text, Self> {
        Ok(match word.text {
            "let" => {
                let name = lexer.expect(Sign::Word, "a name")?;
                lexer.expect(Sign::Equals, "`=`")?;
                value::number(lexer)?;
                Self::Let(name)
            }
            "probe" => Self::Probe(lexer.sentence("a sentence")?),
            "case" => Self::Case(lexer.sentence("a sentence")?),
            "cite" => Self::Cite(lexer.sentence("a document and a section")?),
            "over" => Self::Over(conduit(lexer)?),
            "cpus" => Self::Cpus(value::number(lexer)?),
            "repeat" => Self::Repeat(value::number(lexer)?),
            "each" => Self::Each(Values::parse(lexer)?),
            "requires" => Self::Requires(lexer.sentence("the name of a probe")?),
            "unless" => Self::Unless(lexer.sentence("the name of a probe")?),
            "call" => Self::Call(Inputs::parse(lexer)?),
            "await" => Self::Await(Inputs::parse(lexer)?),
            "do" => Self::perform(lexer)?,
            "expect" => Self::Expect(Conditions::parse(lexer)?),
            "or" => Self::Or(Conditions::parse(lexer)?),
            other => return lexer.error(word.at, Problem::UnknownStatement(other)),
        })
    }

    /// Does a value of it depend on `each`?
    pub(crate) fn uses_each(self) -> bool {
        self.expressions().any(Expression::uses_each)
    }

    /// Every value in it.
    pub(crate) fn expressions(self) -> impl Iterator<Item = Expression<'text>> {
        let (values, inputs, conditions) = match self {
            Self::Each(values) => (Some(values), None, None),
            Self::Call(inputs) | Self::Await(inputs) | Self::Do(_, inputs) => (None, Some(inputs), None),
            Self::Expect(conditions) | Self::Or(conditions) => (None, None, Some(conditions)),
            _ => (None, None, None),
        };
        let values = values.into_iter().flat_map(Values::iter).flat_map(Span::expressions);
        let inputs = inputs.into_iter().flat_map(Inputs::iter).map(|input| input.value);
        let conditions = conditions.into_iter().flat_map(Conditions::iter).flat_map(Condition::expressions);
        values.chain(inputs).chain(conditions)
    }

    fn perform(lexer: &mut Lexer<'text>) -> Parsed<'text, Self> {
        let name = lexer.expect(Sign::Word, "an action")?;
        let Some(action) = Action::from_name(name.text) else {
            return lexer.error(name.at, Problem::UnknownAction(name.text));
        };
        let with = lexer.next();
        match (with.sign, with.text) {
            (Sign::End, _) => Ok(Self::Do(action, Inputs(*lexer))),
            (_, "with") => Ok(Self::Do(action, Inputs::parse(lexer)?)),
            (_, found) => lexer.error(with.at, Problem::Expected { what: "`with`", found }),
        }
    }
}

impl<'text> Span<'text> {
    fn expressions(self) -> impl Iterator<Item = Expression<'text>> {
        [Some(self.first), self.last].into_iter().flatten()
    }

    fn parse(lexer: &mut Lexer<'text>) -> Parsed<'text, Self> {
        let first = Expression::parse(lexer)?;
        let last = if lexer.accept(Sign::Range) { Some(Expression::parse(lexer)?) } else { None };
        Ok(Self { first, last })
    }
}

impl<'text> Input<'text> {
    fn parse(lexer: &mut Lexer<'text>) -> Parsed<'text, Self> {
        let register = register(lexer)?;
        lexer.expect(Sign::Equals, "`=`")?;
        Ok(Self { register, value: Expression::parse(lexer)? })
    }
}

impl<'text> Condition<'text> {
    fn parse(lexer: &mut Lexer<'text>) -> Parsed<'text, Self> {
        let start = lexer.peek().at;
        let first = register(lexer)?;
        let last = if lexer.accept(Sign::Range) { register(lexer)? } else { first };
        if last < first {
            return lexer.error(start, Problem::EmptyRange);
        }
        let mask = if lexer.accept(Sign::Ampersand) { Some(Expression::parse(lexer)?) } else { None };
        let sign = lexer.next();
        let comparison = match sign.sign {
            Sign::Equals => Comparison::Equals,
            Sign::Differs => Comparison::Differs,
            _ => {
                return lexer.error(sign.at, Problem::Expected { what: "`=` or `!=`", found: sign.text });
            }
        };
        let alternatives = *lexer;
        Alternative::parse(lexer)?;
        while lexer.peek().text == "or" {
            lexer.next();
            Alternative::parse(lexer)?;
        }
        Ok(Self { first, last, mask, comparison, alternatives })
    }

    fn expressions(self) -> impl Iterator<Item = Expression<'text>> {
        let spans = self.alternatives().filter_map(|alternative| match alternative {
            Alternative::Within(span) => Some(span),
            Alternative::Unchanged | Alternative::Any => None,
        });
        self.mask.into_iter().chain(spans.flat_map(Span::expressions))
    }

    pub(crate) fn alternatives(self) -> impl Iterator<Item = Alternative<'text>> {
        let mut lexer = self.alternatives;
        let mut more = true;
        core::iter::from_fn(move || {
            let alternative = more.then(|| Alternative::parse(&mut lexer).ok())?;
            more = lexer.next().text == "or";
            alternative
        })
    }
}

impl<'text> Alternative<'text> {
    fn parse(lexer: &mut Lexer<'text>) -> Parsed<'text, Self> {
        match lexer.peek().text {
            "unchanged" => lexer.expect(Sign::Word, "a value").map(|_| Self::Unchanged),
            "any" => lexer.expect(Sign::Word, "a value").map(|_| Self::Any),
            _ => Span::parse(lexer).map(Self::Within),
        }
    }
}

fn register<'text>(lexer: &mut Lexer<'text>) -> Parsed<'text, usize> {
    let word = lexer.expect(Sign::Word, "a register")?;
    let number: Option<usize> = word.text.strip_prefix('x').and_then(|digits| digits.parse().ok());
    match number {
        Some(number) if number < REGISTERS => Ok(number),
        _ => lexer.error(word.at, Problem::Register(word.text)),
    }
}

fn conduit<'text>(lexer: &mut Lexer<'text>) -> Parsed<'text, Conduit> {
    let word = lexer.expect(Sign::Word, "`hvc` or `smc`")?;
    match Conduit::ALL.into_iter().find(|conduit| conduit.name() == word.text) {
        Some(conduit) => Ok(conduit),
        None => lexer.error(word.at, Problem::Expected { what: "`hvc` or `smc`", found: word.text }),
    }
}

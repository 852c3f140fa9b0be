//! Values: numbers, names and what is made of them.

use crate::{
    Caller, Given, Problem, Skip,
    lexer::{Lexer, Parsed, Sign, Token},
    random::Random,
};

/// `[dirty] TERM [| TERM]...`: its names are looked up when it is worked out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expression<'text> {
    start: Lexer<'text>,
}

/// What a term is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Number(u64),
    Given(Given),
    Each,
}

/// What an expression is worked out with.
pub(crate) struct Scope<'run, C> {
    pub(crate) caller: &'run mut C,
    pub(crate) random: &'run mut Random,
    /// The value of `each`.
    pub(crate) each: u64,
}

const DIRTY: &str = "dirty";
const EACH: &str = "each";
const LOWER_HALF: u64 = 0xffff_ffff;

impl<'text> Expression<'text> {
    /// Reads one.
    pub(crate) fn parse(lexer: &mut Lexer<'text>) -> Parsed<'text, Self> {
        let start = *lexer;
        if lexer.peek().text == DIRTY {
            lexer.next();
        }
        loop {
            lexer.expect(Sign::Word, "a value")?;
            if !lexer.accept(Sign::Bar) {
                return Ok(Self { start });
            }
        }
    }

    /// Does each of its words stand for something?
    pub(crate) fn check(self) -> Parsed<'text, ()> {
        self.words().try_for_each(|word| term(self.start, word).map(|_| ()))
    }

    /// Does it depend on `each`?
    pub(crate) fn uses_each(self) -> bool {
        self.words().any(|word| word.text == EACH)
    }

    /// Works it out.
    pub(crate) fn value<C: Caller>(self, scope: &mut Scope<'_, C>) -> Result<u64, Skip<'text>> {
        let mut value = 0;
        for word in self.words() {
            value |= match term(self.start, word) {
                Ok(Term::Number(number)) => number,
                Ok(Term::Given(given)) => scope.caller.given(given).ok_or(Skip::Given(given))?,
                Ok(Term::Each) => scope.each,
                // It was checked when the file was read.
                Err(_) => 0,
            };
        }
        if self.start.peek().text == DIRTY {
            value = value & LOWER_HALF | (scope.random.next() | 1) << 32;
        }
        Ok(value)
    }

    fn words(self) -> impl Iterator<Item = Token<'text>> {
        let mut lexer = self.start;
        if lexer.peek().text == DIRTY {
            lexer.next();
        }
        let mut more = true;
        core::iter::from_fn(move || {
            let word = more.then(|| lexer.next())?;
            more = lexer.accept(Sign::Bar);
            Some(word)
        })
    }
}

/// A number: decimal or `0x...`, with underscores, and a sign if it is a status code.
pub(crate) fn number<'text>(lexer: &mut Lexer<'text>) -> Parsed<'text, u64> {
    let word = lexer.expect(Sign::Word, "a number")?;
    parse_number(*lexer, word)
}

fn parse_number<'text>(lexer: Lexer<'text>, word: Token<'text>) -> Parsed<'text, u64> {
    match number_of(word.text) {
        Some(number) => Ok(number),
        None => lexer.error(word.at, Problem::Number(word.text)),
    }
}

fn number_of(word: &str) -> Option<u64> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let (radix, digits) = match digits.strip_prefix("0x") {
        Some(digits) => (16, digits),
        None => (10, digits),
    };
    let mut value = None;
    for digit in digits.chars().filter(|&digit| digit != '_') {
        let digit = u64::from(digit.to_digit(radix)?);
        value = Some(value.unwrap_or(0_u64).checked_mul(u64::from(radix))?.checked_add(digit)?);
    }
    value.map(|value| if negative { value.wrapping_neg() } else { value })
}

fn term<'text>(lexer: Lexer<'text>, word: Token<'text>) -> Parsed<'text, Term> {
    if word.text.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return parse_number(lexer, word).map(Term::Number);
    }
    if word.text == EACH {
        return Ok(Term::Each);
    }
    if let Some(given) = Given::from_name(word.text) {
        return Ok(Term::Given(given));
    }
    match definition(lexer.file(), word.text) {
        Some(value) => Ok(Term::Number(value)),
        None => lexer.error(word.at, Problem::UnknownName(word.text)),
    }
}

/// The value of a name that the top of the file defines.
pub(crate) fn definition(file: &str, name: &str) -> Option<u64> {
    let mut lexer = Lexer::new(file);
    while lexer.next_line().text == "let" {
        let is_it = lexer.next().text == name;
        lexer.next();
        let value = lexer.next();
        if is_it {
            return number_of(value.text);
        }
    }
    None
}

//! A file as words and signs. A comment goes from `#` to the end of its line; a comma at the end of a line makes the
//! next line part of it.

use crate::{ParseError, Problem};

/// A place in a file. Copies of it look ahead, or come back later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexer<'text> {
    text: &'text str,
    at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Word,
    Comma,
    Equals,
    Differs,
    Ampersand,
    Bar,
    Range,
    /// Of the line, or of the file.
    End,
    /// None of the above.
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'text> {
    pub(crate) sign: Sign,
    pub(crate) text: &'text str,
    pub(crate) at: usize,
}

pub(crate) type Parsed<'text, T> = Result<T, ParseError<'text>>;

impl<'text> Lexer<'text> {
    pub(crate) const fn new(text: &'text str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) const fn file(self) -> &'text str {
        self.text
    }

    pub(crate) const fn at(self) -> usize {
        self.at
    }

    pub(crate) fn error<T>(self, at: usize, problem: Problem<'text>) -> Parsed<'text, T> {
        Err(ParseError::new(self.text, at, problem))
    }

    /// The first token of the next line that has any; an [`Sign::End`] at the end of the file.
    pub(crate) fn next_line(&mut self) -> Token<'text> {
        loop {
            let token = self.next();
            if token.sign != Sign::End || self.rest().is_empty() {
                return token;
            }
            self.at += 1;
        }
    }

    /// The next token of this line. Its end is not passed.
    pub(crate) fn next(&mut self) -> Token<'text> {
        self.skip_blank();
        let rest = self.rest();
        let (sign, length) = match rest.as_bytes() {
            [] | [b'\n', ..] => (Sign::End, 0),
            [b',', ..] => (Sign::Comma, 1),
            [b'=', ..] => (Sign::Equals, 1),
            [b'!', b'=', ..] => (Sign::Differs, 2),
            [b'&', ..] => (Sign::Ampersand, 1),
            [b'|', ..] => (Sign::Bar, 1),
            [b'.', b'.', ..] => (Sign::Range, 2),
            _ => match rest.bytes().take_while(|&byte| is_in_word(byte)).count() {
                0 => (Sign::Other, rest.chars().next().map_or(0, char::len_utf8)),
                length => (Sign::Word, length),
            },
        };
        let token = Token { sign, text: &rest[..length], at: self.at };
        self.at += length;
        if sign == Sign::Comma {
            self.skip_line_ends();
        }
        token
    }

    /// The next token, without passing it.
    pub(crate) fn peek(mut self) -> Token<'text> {
        self.next()
    }

    /// Passes the next token if it is this sign.
    pub(crate) fn accept(&mut self, sign: Sign) -> bool {
        let is_there = self.peek().sign == sign;
        if is_there {
            self.next();
        }
        is_there
    }

    /// Passes the next token, which must be this sign.
    pub(crate) fn expect(&mut self, sign: Sign, what: &'static str) -> Parsed<'text, Token<'text>> {
        let token = self.next();
        if token.sign == sign {
            return Ok(token);
        }
        self.error(token.at, Problem::Expected { what, found: token.text })
    }

    /// The rest of the line as it stands: a sentence.
    pub(crate) fn sentence(&mut self, what: &'static str) -> Parsed<'text, &'text str> {
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or("");
        let start = self.at;
        self.at += line.len();
        match line.trim() {
            "" => self.error(start, Problem::Expected { what, found: "" }),
            sentence => Ok(sentence),
        }
    }

    /// The rest of the line as it stands, whatever it holds, and its end is passed. `None` at the end of the file.
    pub(crate) fn physical_line(&mut self) -> Option<&'text str> {
        let line = self.rest().split_inclusive('\n').next()?;
        self.at += line.len();
        Some(line)
    }

    fn rest(self) -> &'text str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        if self.rest().starts_with('#') {
            let rest = self.rest();
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    fn skip_line_ends(&mut self) {
        self.skip_blank();
        while self.rest().starts_with('\n') {
            self.at += 1;
            self.skip_blank();
        }
    }
}

const fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

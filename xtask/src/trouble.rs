//! Errors for people: what, where and why, what to do about it, and the exit status.

use std::error::Error;
use std::fmt;

/// The exit status when a command of ours fails, as opposed to what it runs.
pub(crate) const FAILED: u8 = 125;
/// The exit status when `--timeout` has ended a command; that of `timeout(1)`.
pub(crate) const TIMED_OUT: u8 = 124;

/// An error that knows what to do about it.
#[derive(Debug)]
pub(crate) struct Trouble {
    what: String,
    hint: Option<String>,
}

impl Trouble {
    /// An error without advice.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// Adds the advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl Error for Trouble {}

/// The whole message: the error, its causes, and the hint of the first of them that has one.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  caused by: {cause}"));
    }
    let hint = error.chain().find_map(|cause| cause.downcast_ref::<Trouble>()?.hint.as_deref());
    if let Some(hint) = hint.or_else(|| error.downcast_ref::<Trouble>()?.hint.as_deref()) {
        text.push_str(&format!("\n\nhint: {hint}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_stands_after_a_blank_line_whatever_wraps_the_error() {
        let error =
            anyhow::Error::new(Trouble::new("no kernel").hint("fetch one")).context("starting the lab");
        assert_eq!(describe(&error), "error: starting the lab\n  caused by: no kernel\n\nhint: fetch one");
        let error = anyhow::Error::new(Trouble::new("no kernel").hint("fetch one"));
        assert_eq!(describe(&error), "error: no kernel\n\nhint: fetch one");
        assert_eq!(describe(&anyhow::anyhow!("plain")), "error: plain");
    }
}

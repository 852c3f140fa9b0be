//! Printing reports.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

/// A report as JSON, for programs.
pub(crate) fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("reports are plain data");
    text.push('\n');
    text
}

/// Prints a report. A reader who has seen enough and closed the pipe is no error.
pub(crate) fn print(mut output: impl Write, text: &str) -> io::Result<()> {
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

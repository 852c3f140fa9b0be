//! The output of Rust's test programs, passed on and counted.

use std::io::{self, Write};

/// How many tests had which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// They passed.
    pub(crate) passed: u64,
    /// They failed.
    pub(crate) failed: u64,
    /// They did not run.
    pub(crate) ignored: u64,
}

impl Counts {
    /// One thing that passed.
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, ignored: 0 };
    /// One thing that failed.
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, ignored: 0 };

    /// Adds others.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// Reads `test result: ok. 5 passed; 0 failed; 1 ignored; ...`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |name: &str| {
            let field = counts.split(';').find_map(|field| field.trim().strip_suffix(name))?;
            field.trim().parse().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
    }
}

/// Begins a line that says which program starts (`begin NAME`) or ended (`end STATUS`); nobody else prints it.
pub(crate) const MARK: &str = "@@switchboard-test ";

/// One test program's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Its name.
    pub(crate) name: String,
    /// Its tests.
    pub(crate) counts: Counts,
    /// Whether it ended, and well.
    pub(crate) well: bool,
}

/// Passes the output of several test programs on, line by line, and reads it.
pub(crate) struct Reader<W> {
    to: W,
    line: Vec<u8>,
    programs: Vec<Program>,
    has_failure: bool,
    /// Called for each program that starts.
    announce: fn(&str) -> String,
}

impl<W: Write> Reader<W> {
    /// Output goes to `to`, with what `announce` makes of the name before each program's.
    pub(crate) fn new(to: W, announce: fn(&str) -> String) -> Self {
        Self { to, line: Vec::new(), programs: Vec::new(), has_failure: false, announce }
    }

    /// What was read.
    pub(crate) fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// Whether any test has failed, even if its program has not ended.
    pub(crate) fn has_failure(&self) -> bool {
        self.has_failure
    }

    fn end_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        // A test that prints without a line end must not hide what follows it.
        if let Some(at) = text.find(MARK) {
            let (before, mark) = text.split_at(at);
            self.to.write_all(before.as_bytes())?;
            return self.mark(mark[MARK.len()..].trim_end());
        }
        self.has_failure |= text.starts_with("test ") && text.trim_end().ends_with("FAILED");
        if let (Some(counts), Some(program)) = (Counts::parse(text.trim_end()), self.programs.last_mut()) {
            program.counts.add(counts);
        }
        self.to.write_all(&line)?;
        self.to.flush()
    }

    fn mark(&mut self, mark: &str) -> io::Result<()> {
        match (mark.split_once(' '), self.programs.last_mut()) {
            (Some(("begin", name)), _) => {
                self.programs.push(Program { name: name.into(), counts: Counts::default(), well: false });
                self.to.write_all((self.announce)(name).as_bytes())
            }
            (Some(("end", status)), Some(program)) => {
                program.well = status == "0";
                self.has_failure |= !program.well;
                // A crash, or an end before any test began, would count for nothing.
                if !program.well && program.counts.failed == 0 {
                    program.counts.add(Counts::FAILED);
                    writeln!(self.to, "{} ended with status {status}", program.name)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl<W: Write> Write for Reader<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(line);
            if line.ends_with(b"\n") {
                self.end_line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str =
        "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.1s";

    #[test]
    fn results_are_counted() {
        assert_eq!(Counts::parse(OK), Some(Counts { passed: 5, failed: 0, ignored: 1 }));
        let failed = "test result: FAILED. 5 passed; 7 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(Counts::parse(failed), Some(Counts { passed: 5, failed: 7, ignored: 0 }));
        assert_eq!(Counts::parse("test a::b ... ok"), None);
        assert_eq!(Counts::parse("test result: ok. many passed"), None);
    }

    #[test]
    fn a_failure_is_known_before_its_program_has_ended() {
        let mut reader = Reader::new(Vec::new(), |_| String::new());
        write!(reader, "{MARK}begin one\ntest a ... ok\n{OK}\n{MARK}end 0\n{MARK}begin two\ntest b ... ok\n")
            .unwrap();
        assert!(!reader.has_failure());
        writeln!(reader, "test c ... FAILED").unwrap();
        assert!(reader.has_failure());
    }

    #[test]
    fn a_program_that_ended_badly_is_a_failure() {
        let mut reader = Reader::new(Vec::new(), |_| String::new());
        write!(reader, "{MARK}begin one\n{MARK}end 139\n").unwrap();
        assert!(reader.has_failure());
    }

    #[test]
    fn programs_are_told_apart_and_crashes_count() {
        let mut shown = Vec::new();
        let mut reader = Reader::new(&mut shown, |name| format!("[{name}]\n"));
        let text = format!(
            "{MARK}begin one\n{OK}\nhalf a line{MARK}end 0\n{MARK}begin two\ntest x\n{MARK}end 139\n{MARK}begin three\n"
        );
        for byte in text.bytes() {
            reader.write_all(&[byte]).unwrap();
        }
        let expected = [
            Program { name: "one".into(), counts: Counts { passed: 5, failed: 0, ignored: 1 }, well: true },
            Program { name: "two".into(), counts: Counts::FAILED, well: false },
            Program { name: "three".into(), counts: Counts::default(), well: false },
        ];
        assert_eq!(reader.programs(), expected);
        let shown = String::from_utf8(shown).unwrap();
        assert_eq!(
            shown,
            format!("[one]\n{OK}\nhalf a line[two]\ntest x\ntwo ended with status 139\n[three]\n")
        );
    }
}

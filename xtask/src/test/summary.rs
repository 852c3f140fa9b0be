//! What ran where, and how it ended.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

use super::libtest::Counts;

/// The rows of the closing table, and what else must not be overlooked.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    rows: Vec<Row>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Row {
    place: String,
    what: String,
    counts: Counts,
}

impl Summary {
    /// Adds a row.
    pub(crate) fn add(&mut self, place: impl Into<String>, what: impl Into<String>, counts: Counts) {
        self.rows.push(Row { place: place.into(), what: what.into(), counts });
    }

    /// Adds a row for something that passes or fails as a whole.
    pub(crate) fn add_check(&mut self, place: &str, what: &str, passed: bool) {
        self.add(place, what, if passed { Counts::PASSED } else { Counts::FAILED });
    }

    /// Adds a sentence about something that no number shows.
    pub(crate) fn note(&mut self, sentence: String) {
        self.notes.push(sentence);
    }

    /// How much failed.
    pub(crate) fn failed(&self) -> u64 {
        self.rows.iter().map(|row| row.counts.failed).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["where", "what", "passed", "failed", "ignored"]);
        for row in &self.rows {
            let Counts { passed, failed, ignored } = row.counts;
            table.add_row([
                &row.place,
                &row.what,
                &passed.to_string(),
                &failed.to_string(),
                &ignored.to_string(),
            ]);
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let passed: u64 = self.rows.iter().map(|row| row.counts.passed).sum();
        write!(formatter, "\n{}\n", table.trim_fmt())?;
        for note in &self.notes {
            write!(formatter, "\nnote: {note}")?;
        }
        if !self.notes.is_empty() {
            formatter.write_str("\n")?;
        }
        write!(formatter, "\n{passed} passed, {} failed", self.failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_everything() {
        let mut summary = Summary::default();
        summary.add("6.12", "lab_kvm", Counts { passed: 3, failed: 1, ignored: 2 });
        summary.add_check("here", "format", true);
        let text = summary.to_string();
        assert_eq!(text.lines().last(), Some("4 passed, 1 failed"));
        assert!(text.contains("lab_kvm"));
        assert_eq!(summary.failed(), 1);
        summary.note("max: froze once".into());
        assert!(summary.to_string().ends_with("\n\nnote: max: froze once\n\n4 passed, 1 failed"));
    }
}

//! Disjoint ranges with their actions.

use alloc::vec::Vec;
use core::fmt;

use switchboard_smccc::FunctionId;

use crate::{Action, Range};

/// A range and what happens to the calls in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Which function IDs.
    pub range: Range,
    /// What happens to them.
    pub action: Action,
}

/// A filter under construction: what a monitor asks of KVM before the first vCPU runs.
///
/// Ranges never overlap, and none can be removed again. A function ID in no range is handled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Sorted by range.
    rules: Vec<Rule>,
}

/// Why a range cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertError {
    /// It shares a function ID with a range that is there. KVM: EEXIST.
    Overlap {
        /// The range that was to be added.
        range: Range,
        /// The first range, by function ID, that is in the way.
        existing: Range,
    },
    /// It shares a function ID with the Arm Architecture Calls, which KVM keeps to itself. KVM: EEXIST.
    Reserved {
        /// The range that was to be added.
        range: Range,
        /// The reserved range that is in the way.
        reserved: Range,
    },
}

impl Filter {
    /// The ranges KVM reserves: the Arm Architecture Calls in both widths, so that no monitor misrepresents
    /// to its guest which CPU vulnerabilities are mitigated.
    pub const RESERVED: [Range; 2] = [
        Range::literal(FunctionId(0x8000_0000), 0x1_0000),
        Range::literal(FunctionId(0xc000_0000), 0x1_0000),
    ];

    /// A filter that changes nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { rules: Vec::new() }
    }

    /// Adds a range, all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`InsertError`] if it overlaps a range that is there or a reserved one. An identical range with the
    /// identical action overlaps too.
    pub fn insert(&mut self, range: Range, action: Action) -> Result<(), InsertError> {
        if let Some(reserved) = Self::RESERVED.into_iter().find(|reserved| reserved.overlaps(range)) {
            return Err(InsertError::Reserved { range, reserved });
        }
        // The ranges are disjoint, so the first that does not end before this one is the only candidate.
        let at = self.rules.partition_point(|rule| rule.range.last() < range.first());
        match self.rules.get(at) {
            Some(rule) if rule.range.overlaps(range) => {
                Err(InsertError::Overlap { range, existing: rule.range })
            }
            _ => {
                self.rules.insert(at, Rule { range, action });
                Ok(())
            }
        }
    }

    /// What happens to a call with this (raw) function ID.
    #[must_use]
    pub fn action(&self, id: FunctionId) -> Action {
        let at = self.rules.partition_point(|rule| rule.range.last() < id);
        match self.rules.get(at) {
            Some(rule) if rule.range.contains(id) => rule.action,
            _ => Action::Handle,
        }
    }

    /// What has been added, by function ID; the reserved ranges are not among it.
    pub fn rules(&self) -> impl Iterator<Item = Rule> + '_ {
        self.rules.iter().copied()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in &self.rules {
            writeln!(f, "{} {}", rule.range, rule.action)?;
        }
        Ok(())
    }
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap { range, existing } => write!(f, "the range {range} overlaps {existing}"),
            Self::Reserved { range, reserved } => {
                write!(
                    f,
                    "the range {range} overlaps {reserved}, the Arm Architecture Calls, which KVM reserves"
                )
            }
        }
    }
}

impl core::error::Error for InsertError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    const PSCI: Range = Range::literal(FunctionId(0x8400_0000), 0x20);

    #[test]
    fn an_id_in_no_range_is_handled() {
        let mut filter = Filter::new();
        filter.insert(PSCI, Action::Forward).unwrap();
        assert_eq!(filter.action(FunctionId(0x83ff_ffff)), Action::Handle);
        assert_eq!(filter.action(FunctionId(0x8400_0000)), Action::Forward);
        assert_eq!(filter.action(FunctionId(0x8400_001f)), Action::Forward);
        assert_eq!(filter.action(FunctionId(0x8400_0020)), Action::Handle);
    }

    #[test]
    fn an_identical_range_is_refused() {
        let mut filter = Filter::new();
        filter.insert(PSCI, Action::Forward).unwrap();
        assert_eq!(
            filter.insert(PSCI, Action::Forward),
            Err(InsertError::Overlap { range: PSCI, existing: PSCI })
        );
    }

    #[test]
    fn a_refused_range_changes_nothing() {
        let mut filter = Filter::new();
        filter.insert(PSCI, Action::Forward).unwrap();
        let before = filter.clone();
        filter.insert(Range::literal(FunctionId(0x83ff_0000), 0x2_0000), Action::Deny).unwrap_err();
        assert_eq!(filter, before);
    }

    #[test]
    fn a_range_touching_a_reserved_one_is_refused_even_to_be_handled() {
        let mut filter = Filter::new();
        for (base, count) in [(0x8000_8000, 1), (0xc000_0000, 1), (0x7fff_ffff, 2), (0xc000_ffff, 1)] {
            let range = Range::literal(FunctionId(base), count);
            assert!(
                matches!(filter.insert(range, Action::Handle), Err(InsertError::Reserved { .. })),
                "{range}"
            );
        }
        assert_eq!(filter, Filter::new());
    }

    #[test]
    fn everything_but_the_reserved_ranges_fits_in_three() {
        let mut filter = Filter::new();
        for (base, count) in [(0, 0x8000_0000), (0x8001_0000, 0x3fff_0000), (0xc001_0000, 0x3fff_0000)] {
            filter.insert(Range::literal(FunctionId(base), count), Action::Forward).unwrap();
        }
        assert_eq!(filter.action(FunctionId(0x8000_ffff)), Action::Handle);
        assert_eq!(filter.action(FunctionId(0x8001_0000)), Action::Forward);
        assert_eq!(filter.action(FunctionId(0xffff_ffff)), Action::Forward);
    }

    #[test]
    fn a_filter_prints_a_line_a_range_in_order() {
        let mut filter = Filter::new();
        filter.insert(Range::literal(FunctionId(0xc400_0000), 0x20), Action::Forward).unwrap();
        filter.insert(PSCI, Action::Deny).unwrap();
        assert_eq!(filter.to_string(), "0x84000000..=0x8400001f deny\n0xc4000000..=0xc400001f forward\n");
    }
}

//! Disjoint ranges with their actions, put together by KVM's rules.

use alloc::vec::Vec;
use core::fmt;

use switchboard_smccc::FunctionId;

use crate::{
    Action, EmptyRangeRule, InsertError, Lookup, Range, Request, RequestError, Segments, segments::segments,
};

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
/// Ranges never overlap, and none can be removed again. A function ID in no range is handled. [`Filter::freeze`]
/// ends the construction and makes the [`Lookup`] that answers calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Sorted by range.
    rules: Vec<Rule>,
    empty_range: EmptyRangeRule,
    frozen: bool,
}

impl Filter {
    /// The ranges KVM reserves: the Arm Architecture Calls in both widths, so that no monitor misrepresents
    /// to its guest which CPU vulnerabilities are mitigated.
    pub const RESERVED: [Range; 2] = [
        Range::literal(FunctionId(0x8000_0000), 0x1_0000),
        Range::literal(FunctionId(0xc000_0000), 0x1_0000),
    ];

    /// A filter that changes nothing, by the rules of current kernels.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_rule(EmptyRangeRule::Invalid)
    }

    /// A filter that changes nothing, by the rules of the kernels that `empty_range` describes.
    #[must_use]
    pub const fn with_rule(empty_range: EmptyRangeRule) -> Self {
        Self { rules: Vec::new(), empty_range, frozen: false }
    }

    /// Does what `KVM_SET_DEVICE_ATTR` does with this argument, in the order in which KVM checks it: padding,
    /// range and action, frozen, overlap. (EFAULT, an argument that cannot be read, is the caller's.)
    ///
    /// # Errors
    ///
    /// [`RequestError`], whose [`errno`](RequestError::errno) is KVM's. Nothing has been inserted then.
    pub fn request(&mut self, request: &Request) -> Result<(), RequestError> {
        let rule = request.rule(self.empty_range)?;
        self.insert(rule.range, rule.action).map_err(RequestError::Insert)
    }

    /// Adds a range, all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`InsertError`] if the filter is frozen, or else if the range overlaps one that is there or a reserved
    /// one. An identical range with the identical action overlaps too.
    pub fn insert(&mut self, range: Range, action: Action) -> Result<(), InsertError> {
        if self.frozen {
            return Err(InsertError::Frozen { range });
        }
        // KVM stores the reserved ranges, as handled, at the first attempt that comes this far, be it refused.
        // Nobody can see the difference to never storing them: an ID in no range is handled too.
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

    /// Ends the construction, as the first run of a vCPU does, and compiles the filter. Further insertions fail,
    /// for ever. Freezing again gives an equal lookup.
    pub fn freeze(&mut self) -> Lookup {
        self.frozen = true;
        self.compile()
    }

    /// Compiles the filter as it is now and leaves it open.
    #[must_use]
    pub fn compile(&self) -> Lookup {
        Lookup::of(self.segments())
    }

    /// Has [`Filter::freeze`] been called?
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// What happens to a call with this (raw) function ID. This one searches; [`Lookup::action`] does not.
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

    /// All 2^32 function IDs, in order, as the fewest possible ranges of one action each: what is in no range is
    /// handled, and neighbours with the same action are one.
    pub fn segments(&self) -> Segments<'_> {
        segments(&self.rules)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules.iter().try_for_each(|rule| writeln!(f, "{rule}"))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.range, self.action)
    }
}

#[cfg(test)]
mod tests;

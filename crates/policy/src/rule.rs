//! A rule, understood.

use core::{fmt, num::NonZeroU32, time::Duration};

use serde::Serialize;
use switchboard_firmware::Conduits;
use switchboard_smccc::{FunctionId, Register, Width};

use crate::{range::IdSet, services::ServiceId, source::Span};

/// Which of the rules of a policy, exceptions and extended policies included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RuleId(pub(crate) u32);

/// A rule or an exception.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// The list of calls.
    pub(crate) span: Span,
    pub(crate) action: Span,
    /// What says over which conduit.
    pub(crate) conduit: Option<Span>,
    pub(crate) service: Option<Span>,
    pub(crate) items: Vec<Item>,
    pub(crate) calls: IdSet,
    pub(crate) conduits: Conduits,
    pub(crate) verdict: Verdict,
    /// The rule that this is an exception to.
    pub(crate) exception_to: Option<RuleId>,
}

/// One entry of a list of calls.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) span: Span,
    pub(crate) text: String,
    /// What is written: the other width that comes with an ID is not in here.
    pub(crate) written: IdSet,
    /// What the rule is about by this entry.
    pub(crate) covered: IdSet,
    pub(crate) kind: ItemKind,
}

/// How an entry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Name,
    Id,
    Range,
    Group,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Handle,
    Deny(Log),
    Forward { service: Option<ServiceId>, guard: Guard },
}

/// What must hold for a forwarded call to reach its service; else it is denied. And whether it is logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Guard {
    /// All of them must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// How many calls there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Is every call logged?
    pub log: Log,
}

/// Is a call logged?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// No.
    #[default]
    Off,
    /// Every one.
    On,
}

/// What must hold of an argument: `register & mask == equals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Which argument.
    pub register: Register,
    /// Which bits count.
    pub mask: u64,
    /// What they are.
    pub equals: u64,
}

/// So many calls in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Rate {
    /// How many calls.
    pub calls: NonZeroU32,
    /// In how much time.
    pub per: Duration,
}

impl Condition {
    /// Does it hold of this value of the register? Of an SMC32 call, the lower half is the argument.
    #[must_use]
    pub const fn holds(&self, value: u64, width: Width) -> bool {
        let argument = match width {
            Width::Smc32 => value & 0xffff_ffff,
            Width::Smc64 => value,
        };
        argument & self.mask == self.equals
    }
}

impl Guard {
    /// Do all conditions hold? Each register is asked for when it is needed.
    pub fn admits(&self, width: Width, mut argument: impl FnMut(Register) -> u64) -> bool {
        self.conditions.iter().all(|condition| condition.holds(argument(condition.register), width))
    }
}

impl Rule {
    /// The entry by which the rule is about this call.
    pub(crate) fn entry(&self, id: FunctionId) -> Span {
        self.items.iter().find(|item| item.covered.contains(id)).map_or(self.span, |item| item.span)
    }

    /// What allows a call that was denied: to be answered by KVM or in userspace.
    pub(crate) fn allows(&self) -> bool {
        !matches!(self.verdict, Verdict::Deny(_))
    }
}

impl Rate {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (calls, unit) = text.split_once('/')?;
        let per = Duration::from_secs(match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return None,
        });
        let digits = calls.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| calls.parse().ok()).flatten().map(|calls| Self { calls, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "min",
            _ => "h",
        };
        write!(f, "{}/{unit}", self.calls)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} & {:#x} == {:#x}", self.register, self.mask, self.equals)
    }
}

impl Serialize for Condition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, condition) in self.conditions.iter().enumerate() {
            write!(f, "{} {condition}", if index == 0 { ", when" } else { " and" })?;
        }
        if let Some(rate) = self.rate {
            write!(f, ", at most {rate}")?;
        }
        match self.log {
            Log::On => f.write_str(", logged"),
            Log::Off => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_positive_number_and_a_unit() {
        assert_eq!(Rate::parse("100/s").map(|rate| rate.to_string()).as_deref(), Some("100/s"));
        for wrong in ["", "/", "0/s", "+5/s", "5/d", "5", "99999999999/s", "1/s/s"] {
            assert_eq!(Rate::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_upper_half_of_an_argument_does_not_count_in_an_smc32_call() {
        let condition = Condition { register: Register::X1, mask: u64::MAX, equals: 7 };
        assert!(condition.holds(0xdead_beef_0000_0007, Width::Smc32));
        assert!(!condition.holds(0xdead_beef_0000_0007, Width::Smc64));
    }
}

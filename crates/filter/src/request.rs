//! The argument of the ioctl: `struct kvm_smccc_filter`, 24 bytes.

use switchboard_smccc::FunctionId;

use crate::{Action, Range, RangeError, RequestError, Rule};

/// `struct kvm_smccc_filter` (Linux, `arch/arm64/include/uapi/asm/kvm.h`), valid or not: whatever userspace wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Request {
    /// Offset 0: the first function ID.
    pub base: u32,
    /// Offset 4: how many.
    pub nr_functions: u32,
    /// Offset 8: `enum kvm_smccc_filter_action`; the values are those of [`Action::to_uapi`].
    pub action: u8,
    /// Offset 9: must be zero.
    pub pad: [u8; 15],
}

/// What a kernel makes of a request for zero functions.
///
/// KVM computes the inclusive end `base + nr_functions - 1` in 32 bits and refuses an end before the start. With
/// `base` 0 and `nr_functions` 0 that end is 0xffffffff, which is after the start. Mainline commit 64dc6f1db7e6,
/// in stable 7.2.9, tests for zero first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EmptyRangeRule {
    /// EINVAL, whatever the base: kernels from the fix on.
    #[default]
    Invalid,
    /// Base 0 means all 2^32 function IDs, and so EEXIST, because the reserved ranges are among them (EBUSY once
    /// a vCPU has run). Any other base: EINVAL. Kernels from 6.4 up to the fix.
    WrapsAtZero,
}

impl Request {
    /// The size of the struct in bytes.
    pub const SIZE: usize = 24;

    /// The request in these bytes, in the layout of arm64 (little-endian). Every 24 bytes are one.
    #[must_use]
    pub const fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let [b0, b1, b2, b3, n0, n1, n2, n3, action, pad @ ..] = *bytes;
        Self {
            base: u32::from_le_bytes([b0, b1, b2, b3]),
            nr_functions: u32::from_le_bytes([n0, n1, n2, n3]),
            action,
            pad,
        }
    }

    /// The bytes of the struct: the inverse of [`Request::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let (base, rest) = bytes.split_at_mut(4);
        let (nr_functions, rest) = rest.split_at_mut(4);
        let (action, pad) = rest.split_at_mut(1);
        base.copy_from_slice(&self.base.to_le_bytes());
        nr_functions.copy_from_slice(&self.nr_functions.to_le_bytes());
        action.copy_from_slice(&[self.action]);
        pad.copy_from_slice(&self.pad);
        bytes
    }

    /// The rule it asks for: KVM's checks that need no filter, in its order.
    pub(crate) fn rule(&self, empty_range: EmptyRangeRule) -> Result<Rule, RequestError> {
        if let Some((index, &value)) = self.pad.iter().enumerate().find(|&(_, &value)| value != 0) {
            return Err(RequestError::Padding { index, value });
        }
        let range = self.range(empty_range)?;
        let action = Action::from_uapi(self.action).ok_or(RequestError::Action { value: self.action })?;
        Ok(Rule { range, action })
    }

    fn range(&self, empty_range: EmptyRangeRule) -> Result<Range, RequestError> {
        let Self { base, nr_functions, .. } = *self;
        match (Range::new(FunctionId(base), nr_functions), empty_range) {
            (Err(RangeError::Empty), EmptyRangeRule::WrapsAtZero) if base == 0 => Ok(Range::ALL),
            (range, _) => range.map_err(|reason| RequestError::Range { base, nr_functions, reason }),
        }
    }
}

impl From<Rule> for Request {
    /// The request that adds this rule. [`Range::ALL`], which no filter takes, has 2^32 functions: the field keeps
    /// the lower 32 bits of that, zero, as KVM's arithmetic does.
    fn from(rule: Rule) -> Self {
        let base = rule.range.first().0;
        let nr_functions = (rule.range.last().0 - base).wrapping_add(1);
        Self { base, nr_functions, action: rule.action.to_uapi(), pad: [0; 15] }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_fields_are_little_endian_at_the_offsets_of_the_header() {
        let mut bytes = [0; 24];
        bytes[..9].copy_from_slice(&[0x03, 0x00, 0x00, 0xc4, 0x20, 0x01, 0x00, 0x00, 2]);
        bytes[9] = 0xa0;
        bytes[23] = 0xae;
        let request = Request::from_bytes(&bytes);
        assert_eq!((request.base, request.nr_functions, request.action), (0xc400_0003, 0x120, 2));
        assert_eq!((request.pad[0], request.pad[14]), (0xa0, 0xae));
        assert_eq!(request.to_bytes(), bytes);
    }

    #[test]
    fn a_rule_becomes_the_request_that_adds_it() {
        let rule = Rule { range: Range::literal(FunctionId(0xc001_0000), 0x3fff_0000), action: Action::Deny };
        let request = Request::from(rule);
        assert_eq!(
            request,
            Request { base: 0xc001_0000, nr_functions: 0x3fff_0000, action: 1, pad: [0; 15] }
        );
        assert_eq!(request.rule(EmptyRangeRule::Invalid), Ok(rule));
    }

    #[test]
    fn all_ids_become_the_empty_request_that_older_kernels_take_for_all() {
        let rule = Rule { range: Range::ALL, action: Action::Handle };
        let request = Request::from(rule);
        assert_eq!((request.base, request.nr_functions), (0, 0));
        assert_eq!(request.rule(EmptyRangeRule::WrapsAtZero), Ok(rule));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 512 }))]

        #[test]
        fn any_24_bytes_survive_a_round_trip_and_get_an_answer(bytes: [u8; 24]) {
            let request = Request::from_bytes(&bytes);
            prop_assert_eq!(request.to_bytes(), bytes);
            for empty_range in [EmptyRangeRule::Invalid, EmptyRangeRule::WrapsAtZero] {
                if let Ok(rule) = request.rule(empty_range) {
                    prop_assert_eq!(Request::from(rule), request);
                }
            }
        }

        #[test]
        fn a_well_formed_request_is_its_rule(base: u32, nr_functions: u32, action in 0..3_u8) {
            let request = Request { base, nr_functions, action, pad: [0; 15] };
            // KVM's own arithmetic: an inclusive end in 32 bits.
            let end = base.wrapping_add(nr_functions).wrapping_sub(1);
            let expected = nr_functions != 0 && end >= base;
            let rule = request.rule(EmptyRangeRule::Invalid);
            prop_assert_eq!(rule.is_ok(), expected);
            if let Ok(rule) = rule {
                prop_assert_eq!((rule.range.first().0, rule.range.last().0), (base, end));
            }
        }
    }
}

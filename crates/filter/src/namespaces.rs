//! One filter for both conduits, as KVM has it, or one for each.

use switchboard_smccc::{Conduit, FunctionId};

use crate::{Action, EmptyRangeRule, Filter, InsertError, Lookup, Range, Request, RequestError};

/// The filters of one guest.
///
/// KVM has one filter: a function ID meets the same action over HVC and over SMC. Two filters, HVC and SMC apart,
/// are an extension that KVM does not have. All that holds for [`Filter`] holds for each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespaces(State<Filter>);

/// What is compiled from [`Namespaces`].
#[derive(Debug, Clone)]
pub struct Lookups(State<Lookup>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State<T> {
    One(T),
    Two { hvc: T, smc: T },
}

impl<T> State<T> {
    #[inline]
    const fn of(&self, conduit: Conduit) -> &T {
        match (self, conduit) {
            (Self::One(both), _) => both,
            (Self::Two { hvc, .. }, Conduit::Hvc) => hvc,
            (Self::Two { smc, .. }, Conduit::Smc) => smc,
        }
    }

    const fn of_mut(&mut self, conduit: Conduit) -> &mut T {
        match (self, conduit) {
            (Self::One(both), _) => both,
            (Self::Two { hvc, .. }, Conduit::Hvc) => hvc,
            (Self::Two { smc, .. }, Conduit::Smc) => smc,
        }
    }
}

impl Namespaces {
    /// One filter for both conduits, as KVM has it. Empty.
    #[must_use]
    pub const fn one(empty_range: EmptyRangeRule) -> Self {
        Self(State::One(Filter::with_rule(empty_range)))
    }

    /// A filter for each conduit. Empty.
    #[must_use]
    pub const fn two(empty_range: EmptyRangeRule) -> Self {
        Self(State::Two { hvc: Filter::with_rule(empty_range), smc: Filter::with_rule(empty_range) })
    }

    /// The filter that calls over this conduit meet: the same for both, if there is but one.
    #[must_use]
    pub const fn filter(&self, conduit: Conduit) -> &Filter {
        self.0.of(conduit)
    }

    /// [`Filter::request`] for the filter of this conduit: of both, if there is but one.
    ///
    /// # Errors
    ///
    /// Those of [`Filter::request`].
    pub fn request(&mut self, conduit: Conduit, request: &Request) -> Result<(), RequestError> {
        self.0.of_mut(conduit).request(request)
    }

    /// [`Filter::insert`] for the filter of this conduit: of both, if there is but one.
    ///
    /// # Errors
    ///
    /// Those of [`Filter::insert`].
    pub fn insert(&mut self, conduit: Conduit, range: Range, action: Action) -> Result<(), InsertError> {
        self.0.of_mut(conduit).insert(range, action)
    }

    /// Freezes what there is, together, and compiles it.
    pub fn freeze(&mut self) -> Lookups {
        Lookups(match &mut self.0 {
            State::One(both) => State::One(both.freeze()),
            State::Two { hvc, smc } => State::Two { hvc: hvc.freeze(), smc: smc.freeze() },
        })
    }

    /// Has [`Namespaces::freeze`] been called?
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.0.of(Conduit::Hvc).is_frozen()
    }
}

impl Default for Namespaces {
    /// One filter, by the rules of current kernels.
    fn default() -> Self {
        Self::one(EmptyRangeRule::default())
    }
}

impl Lookups {
    /// What happens to a call over this conduit with this (raw) function ID: [`Lookup::action`] of its filter.
    #[inline]
    #[must_use]
    pub fn action(&self, conduit: Conduit, id: FunctionId) -> Action {
        self.0.of(conduit).action(id)
    }

    /// The memory that it occupies, in bytes: [`Lookup::memory`] of one or two.
    #[must_use]
    pub fn memory(&self) -> usize {
        match &self.0 {
            State::One(both) => both.memory(),
            State::Two { hvc, smc } => hvc.memory() + smc.memory(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PSCI: Range = Range::literal(FunctionId(0x8400_0000), 0x20);
    const CPU_OFF: FunctionId = FunctionId(0x8400_0002);

    #[test]
    fn one_namespace_does_the_same_over_either_conduit() {
        let mut namespaces = Namespaces::default();
        namespaces.insert(Conduit::Hvc, PSCI, Action::Forward).unwrap();
        let again = namespaces.insert(Conduit::Smc, PSCI, Action::Deny);
        assert_eq!(again, Err(InsertError::Overlap { range: PSCI, existing: PSCI }));
        let lookups = namespaces.freeze();
        assert_eq!(lookups.action(Conduit::Hvc, CPU_OFF), Action::Forward);
        assert_eq!(lookups.action(Conduit::Smc, CPU_OFF), Action::Forward);
    }

    #[test]
    fn two_namespaces_do_not_know_of_each_other() {
        let mut namespaces = Namespaces::two(EmptyRangeRule::Invalid);
        namespaces.insert(Conduit::Hvc, PSCI, Action::Forward).unwrap();
        namespaces.insert(Conduit::Smc, PSCI, Action::Deny).unwrap();
        let lookups = namespaces.freeze();
        assert_eq!(lookups.action(Conduit::Hvc, CPU_OFF), Action::Forward);
        assert_eq!(lookups.action(Conduit::Smc, CPU_OFF), Action::Deny);
    }

    #[test]
    fn both_of_two_namespaces_freeze_at_once_and_obey_the_rules() {
        let mut namespaces = Namespaces::two(EmptyRangeRule::WrapsAtZero);
        let all = Request { base: 0, nr_functions: 0, action: 2, pad: [0; 15] };
        assert_eq!(namespaces.request(Conduit::Smc, &all).unwrap_err().errno(), 17);
        namespaces.freeze();
        assert!(namespaces.is_frozen());
        for conduit in [Conduit::Hvc, Conduit::Smc] {
            assert!(namespaces.filter(conduit).is_frozen());
            assert_eq!(namespaces.request(conduit, &all).unwrap_err().errno(), 16);
        }
    }
}

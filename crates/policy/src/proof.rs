//! Who answers each of the 2^32 function IDs over each conduit.

use core::fmt;

use serde::Serialize;
use switchboard_filter::{Action, Range};
use switchboard_smccc::{Conduit, FunctionId};

use crate::{
    decide::{Cell, Decision, Standing, actions},
    map::{Map, membership},
    plan::RouteId,
    policy::Policy,
    range::CONDUITS,
    rule::{Guard, RuleId},
    source::Place,
    view::{self, RangeView},
};

/// What becomes of a call, as the two halves carry a plan out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Fate {
    /// KVM's own service answers it.
    Kvm,
    /// It is left to KVM, which does not have it: NOT_SUPPORTED.
    KvmHasNone,
    /// KVM denies it: NOT_SUPPORTED, and no exit.
    DeniedInKernel,
    /// It comes to userspace and is NOT_SUPPORTED.
    DeniedInUserspace {
        /// Is it logged?
        #[serde(flatten)]
        guard: Guard,
        /// What there is to report.
        standing: Standing,
    },
    /// A service in userspace answers it.
    Service {
        /// Which one.
        service: String,
        /// What must hold; otherwise it is NOT_SUPPORTED.
        #[serde(flatten)]
        guard: Guard,
        /// What there is to report.
        standing: Standing,
    },
}

/// A run of calls with one fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// Which function IDs.
    #[serde(flatten)]
    pub range: RangeView,
    /// Over which conduit.
    #[serde(serialize_with = "view::conduit")]
    pub conduit: Conduit,
    /// What becomes of them.
    #[serde(flatten)]
    pub fate: Fate,
    /// The line that says so; none where no rule names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Place>,
}

/// All 2^32 function IDs over HVC, then over SMC: each in exactly one interval.
///
/// It is made from the plan, not from the rules, and there is one only if they agree. What KVM answers is what KVM of
/// Linux 7.2 does; an older one answers less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Proof {
    /// In order; for each conduit, the first begins at 0 and the last ends at 0xffffffff.
    pub intervals: Vec<Interval>,
}

/// The plan does not do what the rules say. This is a mistake in this crate, not in the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "over {conduit}, the plan does otherwise with {first} than the policy says; hint: report this as a bug"
)]
pub struct Disproof {
    /// The first call for which they differ.
    pub first: FunctionId,
    /// Over which conduit.
    pub conduit: Conduit,
}

/// A fate that refers to its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inner {
    Kvm,
    KvmHasNone,
    DeniedInKernel,
    Route(RouteId),
}

impl Policy {
    /// Says who answers each call, and that the plan does for each what the rules say.
    ///
    /// # Errors
    ///
    /// [`Disproof`] if it does not.
    pub fn proof(&self) -> Result<Proof, Disproof> {
        let mut intervals = Vec::new();
        for (index, conduit) in CONDUITS.into_iter().enumerate() {
            let fates = self.fates(index, conduit);
            let cells = self.cells.get(index).cloned().unwrap_or_default();
            let rules = cells.map(|_, cell| cell.rule);
            self.compare(&fates, &cells, conduit)?;
            let joined = fates.zip(&rules).map(|_, pair| *pair);
            intervals.extend(
                joined
                    .entries()
                    .iter()
                    .map(|(range, (fate, rule))| self.interval(*range, conduit, *fate, *rule)),
            );
        }
        Ok(Proof { intervals })
    }

    /// What filter, registers and router make of all calls.
    pub(crate) fn fates(&self, index: usize, conduit: Conduit) -> Map<Inner> {
        let plan = self.plan();
        let routes = plan.router.by_conduit().get(index).cloned().unwrap_or_default();
        let routes = routes.map(|_, route| Some(*route)).completed(&None);
        let answered = membership(&self.answered_by_kvm(conduit));
        actions(&plan.filter).zip(&answered).zip(&routes).map(|_, ((action, answered), route)| {
            match (action, answered, route) {
                (Action::Forward, _, Some(route)) => Inner::Route(*route),
                // The router has every call that is forwarded, and NOT_SUPPORTED is what it says of others.
                (Action::Deny, ..) | (Action::Forward, _, None) => Inner::DeniedInKernel,
                (Action::Handle, true, _) => Inner::Kvm,
                (Action::Handle, false, _) => Inner::KvmHasNone,
            }
        })
    }

    fn compare(&self, fates: &Map<Inner>, cells: &Map<Cell>, conduit: Conduit) -> Result<(), Disproof> {
        let mut next = Some(FunctionId(0));
        for (range, (fate, cell)) in fates.zip(cells).entries() {
            if next != Some(range.first()) || !self.agree(*fate, *cell) {
                return Err(Disproof { first: next.unwrap_or(range.first()), conduit });
            }
            next = crate::range::following(*range);
        }
        next.map_or(Ok(()), |first| Err(Disproof { first, conduit }))
    }

    /// Does the plan do what was decided?
    fn agree(&self, fate: Inner, cell: Cell) -> bool {
        let route = match fate {
            Inner::Route(route) => self.plan().router.get(route),
            _ => None,
        };
        match (cell.decision, fate) {
            (Decision::Handle, Inner::Kvm | Inner::KvmHasNone)
            | (Decision::Deny, Inner::DeniedInKernel | Inner::KvmHasNone) => true,
            (Decision::Deny, Inner::Route(_)) => route.is_some_and(|route| route.service.is_none()),
            (Decision::Forward { to, standing }, Inner::Route(_)) => route.is_some_and(|route| {
                route.service == to.map(|to| self.services.name(to)) && route.standing == standing
            }),
            _ => false,
        }
    }

    fn interval(&self, range: Range, conduit: Conduit, fate: Inner, rule: Option<RuleId>) -> Interval {
        let rule = rule.and_then(|rule| self.rule(rule));
        Interval {
            range: RangeView::new(range),
            conduit,
            fate: self.fate(fate),
            rule: rule.map(|rule| self.place(rule, range.first())),
        }
    }

    /// A fate that stands for itself.
    pub(crate) fn fate(&self, fate: Inner) -> Fate {
        let route = match fate {
            Inner::Kvm => return Fate::Kvm,
            Inner::KvmHasNone => return Fate::KvmHasNone,
            Inner::DeniedInKernel => return Fate::DeniedInKernel,
            Inner::Route(route) => self.plan().router.get(route),
        };
        let Some(route) = route else { return Fate::DeniedInKernel };
        let (guard, standing) = (route.guard.clone(), route.standing);
        match route.service {
            Some(service) => Fate::Service { service: service.to_owned(), guard, standing },
            None => Fate::DeniedInUserspace { guard, standing },
        }
    }

    /// What becomes of one call.
    #[must_use]
    pub fn fate_of(&self, id: FunctionId, conduit: Conduit) -> Fate {
        let route = self.plan().router.by_conduit().get(usize::from(conduit == Conduit::Smc));
        match (self.plan().filter.action(id), route.and_then(|map| map.get(id))) {
            (Action::Forward, Some(route)) => self.fate(Inner::Route(*route)),
            (Action::Forward, None) | (Action::Deny, _) => Fate::DeniedInKernel,
            (Action::Handle, _) if self.answered_by_kvm(conduit).contains(id) => Fate::Kvm,
            (Action::Handle, _) => Fate::KvmHasNone,
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = |standing| match standing {
            Standing::WouldBeDenied => ", reported: enforcement would deny it",
            Standing::Denied => ", reported",
            Standing::Allowed => "",
        };
        match self {
            Self::Kvm => f.write_str("KVM answers"),
            Self::KvmHasNone => f.write_str("not supported: KVM has no such call"),
            Self::DeniedInKernel => f.write_str("denied by KVM"),
            Self::DeniedInUserspace { guard, standing: it } => {
                write!(f, "denied in userspace{guard}{}", standing(*it))
            }
            Self::Service { service, guard, standing: it } => {
                write!(f, "service `{service}`{guard}{}", standing(*it))
            }
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let same = |a: &Interval, b: &Interval| a.range == b.range && a.fate == b.fate && a.rule == b.rule;
        let lines = view::over_both(&self.intervals, |it| (it.conduit, it.range.first), same);
        for (interval, conduit) in lines {
            write!(f, "{} {conduit:<4} {}", interval.range, interval.fate)?;
            if let Some(names) = &interval.range.names {
                write!(f, "; {names}")?;
            }
            match &interval.rule {
                Some(place) => writeln!(f, "; {place}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

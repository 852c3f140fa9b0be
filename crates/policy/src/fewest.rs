//! The fewest ranges that make KVM's filter do what is wanted.

use switchboard_filter::{Action, Range, Rule};

use crate::range::{following, range};

/// What the filter must do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Leave it to KVM.
    Handle,
    /// Deny it.
    Deny,
    /// Either: KVM has no such call.
    HandleOrDeny,
    /// Forward it.
    Forward,
}

/// The fewest ranges. A call in no range is handled, so only those that are denied or forwarded need one. Two denied runs
/// with nothing between them but what may be denied as well are one range; nothing else can be joined, because a range
/// has one action. Of all ways with the fewest ranges, this is the one that denies most.
pub(crate) fn fewest(wanted: impl IntoIterator<Item = (Range, Wanted)>) -> Vec<Rule> {
    let mut ranges = Vec::new();
    let mut denied = Denied::default();
    for (here, wanted) in wanted {
        match wanted {
            Wanted::Deny => denied.extend(here, Need::Must),
            Wanted::HandleOrDeny => denied.extend(here, Need::May),
            Wanted::Handle => ranges.extend(denied.end()),
            Wanted::Forward => {
                ranges.extend(denied.end());
                forward(&mut ranges, here);
            }
        }
    }
    ranges.extend(denied.end());
    ranges
}

/// A run that is denied, as far as it has come.
#[derive(Default)]
struct Denied {
    run: Option<Range>,
    needed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Must,
    May,
}

impl Denied {
    fn extend(&mut self, here: Range, need: Need) {
        self.run = match self.run {
            Some(run) => range(run.first(), here.last()),
            None => Some(here),
        };
        self.needed |= need == Need::Must;
    }

    fn end(&mut self) -> Option<Rule> {
        let Self { run, needed } = core::mem::take(self);
        run.filter(|_| needed).map(|range| Rule { range, action: Action::Deny })
    }
}

fn forward(ranges: &mut Vec<Rule>, here: Range) {
    if let Some(last) = ranges.last_mut()
        && last.action == Action::Forward
        && following(last.range) == Some(here.first())
        && let Some(joined) = range(last.range.first(), here.last())
    {
        last.range = joined;
        return;
    }
    ranges.push(Rule { range: here, action: Action::Forward });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use switchboard_smccc::FunctionId;

    use super::*;
    use crate::range::single;

    const ACTIONS: [Option<Action>; 4] =
        [None, Some(Action::Handle), Some(Action::Deny), Some(Action::Forward)];

    fn does(action: Option<Action>, wanted: Wanted) -> bool {
        let action = action.unwrap_or(Action::Handle);
        match wanted {
            Wanted::Handle => action == Action::Handle,
            Wanted::Deny => action == Action::Deny,
            Wanted::HandleOrDeny => action != Action::Forward,
            Wanted::Forward => action == Action::Forward,
        }
    }

    /// Every filter there is for so few IDs, tried: the fewest ranges of those that do what is wanted.
    fn by_brute_force(wanted: &[Wanted]) -> usize {
        let count = u32::try_from(wanted.len()).unwrap();
        (0..4_usize.pow(count))
            .filter_map(|mut number| {
                let actions: Vec<_> = wanted
                    .iter()
                    .map(|_| {
                        let action = ACTIONS[number % 4];
                        number /= 4;
                        action
                    })
                    .collect();
                let all = actions.iter().zip(wanted).all(|(action, wanted)| does(*action, *wanted));
                let starts = |(index, action): &(usize, &Option<Action>)| {
                    action.is_some() && (*index == 0 || actions[index - 1] != **action)
                };
                all.then(|| actions.iter().enumerate().filter(starts).count())
            })
            .min()
            .unwrap()
    }

    fn cells(wanted: &[Wanted]) -> impl Iterator<Item = (Range, Wanted)> {
        (0..).map(|id| single(FunctionId(id))).zip(wanted.iter().copied())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn there_is_no_filter_with_fewer_ranges(
            wanted in prop::collection::vec(
                prop_oneof![
                    Just(Wanted::Handle), Just(Wanted::Deny), Just(Wanted::HandleOrDeny), Just(Wanted::Forward)
                ],
                1..=7,
            )
        ) {
            let ranges = fewest(cells(&wanted));
            for (cell, wanted) in cells(&wanted) {
                let rule = ranges.iter().find(|rule| rule.range.overlaps(cell));
                prop_assert!(does(rule.map(|rule| rule.action), wanted), "{} {:?}", cell, ranges);
            }
            prop_assert_eq!(ranges.len(), by_brute_force(&wanted));
        }
    }

    #[test]
    fn two_denied_calls_are_one_range_over_what_kvm_has_not() {
        let wanted = [Wanted::HandleOrDeny, Wanted::Deny, Wanted::HandleOrDeny, Wanted::Deny, Wanted::Handle];
        let ranges = fewest(cells(&wanted));
        assert_eq!(ranges, [Rule { range: Range::literal(FunctionId(0), 4), action: Action::Deny }]);
    }

    #[test]
    fn what_kvm_has_not_needs_no_range() {
        assert_eq!(fewest([(Range::ALL, Wanted::HandleOrDeny)]), []);
    }
}

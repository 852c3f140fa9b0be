//! A policy compiled for one VM.

use std::collections::BTreeMap;

use switchboard_filter::{Action, Filter};
use switchboard_smccc::{Conduit, FunctionId};

use crate::{
    decide::{Cell, Cells, Decision, Standing, actions},
    file::Mode,
    map::Map,
    range::IdSet,
    registers::FirmwareRegisters,
    rule::{Guard, Log, Rate, Rule, RuleId, Verdict},
    services::{ServiceDescription, ServiceId, Services},
    view::RangeView,
};

/// What a machine does to carry out a policy: the filter and the registers go to KVM before the first vCPU runs, the router
/// decides what is forwarded, the settings go to the services.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The fewest ranges that do it.
    pub filter: Filter,
    /// Which of KVM's own services the guest sees.
    pub registers: FirmwareRegisters,
    /// What becomes of a forwarded call.
    pub router: Router,
    /// What the services have to know.
    pub settings: Vec<ServiceSetting>,
    /// Is a call whose conditions do not hold, or that exceeds its rate, denied or only reported?
    pub mode: Mode,
}

/// What becomes of the calls that KVM forwards.
#[derive(Debug, Clone)]
pub struct Router {
    routes: Vec<StoredRoute>,
    by_conduit: [Map<RouteId>; 2],
    services: Vec<String>,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'plan> {
    /// The service that answers it. Nobody: NOT_SUPPORTED.
    pub service: Option<&'plan str>,
    /// What must hold for it to get there; otherwise it is NOT_SUPPORTED.
    pub guard: &'plan Guard,
    /// What there is to report.
    pub standing: Standing,
    /// The number of the rule: all its calls together count against its rate. None where no rule names the call.
    pub rule: Option<u32>,
}

/// What a service has to know of the policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ServiceSetting {
    /// The service.
    pub service: String,
    /// What its FEATURES must not advertise: it owns these calls, and the policy keeps them away from it over either
    /// conduit.
    pub hidden: Vec<RangeView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct StoredRoute {
    rule: Option<RuleId>,
    to: Option<ServiceId>,
    standing: Standing,
    guard: Guard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RouteId(u32);

impl Router {
    pub(crate) fn new(cells: &Cells, filter: &Filter, rules: &[Rule], services: &Services) -> Self {
        let forwarded = actions(filter);
        let mut routes = Routes { rules, all: Vec::new(), known: BTreeMap::new() };
        let by_conduit = cells.each_ref().map(|cells| {
            let mut entries = Vec::new();
            for (range, (cell, action)) in cells.zip(&forwarded).entries() {
                if *action == Action::Forward {
                    entries.push((*range, routes.of(cell.rule, cell.decision)));
                }
            }
            Map::of(entries).map(|_, route| *route)
        });
        Self { routes: routes.all, by_conduit, services: services.names().map(str::to_owned).collect() }
    }

    /// What becomes of this call. A call that KVM does not forward has no route, and is NOT_SUPPORTED should it come.
    #[must_use]
    pub fn route(&self, id: FunctionId, conduit: Conduit) -> Option<Route<'_>> {
        let map = match conduit {
            Conduit::Hvc => self.by_conduit.first(),
            Conduit::Smc => self.by_conduit.last(),
        };
        map?.get(id).and_then(|route| self.get(*route))
    }

    /// The rates of rules, each once, by the number of the rule.
    pub fn rates(&self) -> impl Iterator<Item = (u32, Rate)> {
        let rates = self.routes.iter().filter_map(|route| Some((route.rule?.0, route.guard.rate?)));
        rates.collect::<BTreeMap<_, _>>().into_iter()
    }

    /// Does any call come to this service?
    #[must_use]
    pub fn reaches(&self, service: &str) -> bool {
        let to = |route: &StoredRoute| route.to.and_then(|id| self.services.get(usize::from(id.0)));
        self.routes.iter().filter_map(to).any(|name| name == service)
    }

    pub(crate) fn by_conduit(&self) -> &[Map<RouteId>; 2] {
        &self.by_conduit
    }

    pub(crate) fn get(&self, RouteId(route): RouteId) -> Option<Route<'_>> {
        let route = self.routes.get(usize::try_from(route).ok()?)?;
        let name = |id: ServiceId| self.services.get(usize::from(id.0)).map(String::as_str);
        Some(Route {
            service: route.to.and_then(name),
            guard: &route.guard,
            standing: route.standing,
            rule: route.rule.map(|RuleId(rule)| rule),
        })
    }
}

/// The routes, each once.
struct Routes<'a> {
    rules: &'a [Rule],
    all: Vec<StoredRoute>,
    known: BTreeMap<(Option<RuleId>, Decision), RouteId>,
}

impl Routes<'_> {
    fn of(&mut self, rule: Option<RuleId>, decision: Decision) -> RouteId {
        if let Some(known) = self.known.get(&(rule, decision)) {
            return *known;
        }
        let (to, standing) = match decision {
            Decision::Forward { to, standing } => (to, standing),
            // Forwarded for the sake of the other conduit.
            Decision::Deny | Decision::Handle => (None, Standing::Denied),
        };
        let id = RouteId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(StoredRoute { rule, to, standing, guard: self.guard(rule) });
        self.known.insert((rule, decision), id);
        id
    }

    fn guard(&self, rule: Option<RuleId>) -> Guard {
        let rule = rule.and_then(|rule| self.rules.get(usize::try_from(rule.0).ok()?));
        match rule.map(|rule| &rule.verdict) {
            Some(Verdict::Forward { guard, .. }) => guard.clone(),
            Some(Verdict::Deny(log)) => Guard { log: *log, ..Guard::default() },
            Some(Verdict::Handle) | None => Guard { log: Log::Off, ..Guard::default() },
        }
    }
}

/// What each service that is used must not advertise.
pub(crate) fn settings(cells: &Cells, services: &Services) -> Vec<ServiceSetting> {
    let setting = |(id, service): (ServiceId, &ServiceDescription)| {
        let reaches =
            |cell: &Cell| matches!(cell.decision, Decision::Forward { to: Some(to), .. } if to == id);
        let reached =
            cells.iter().map(|map| map.ids(reaches)).fold(IdSet::default(), |all, ids| all.union(&ids));
        let hidden = service.owned().without(&reached);
        (!reached.is_empty() && !hidden.is_empty()).then(|| ServiceSetting {
            service: service.name().to_owned(),
            hidden: hidden.ranges().iter().copied().map(RangeView::new).collect(),
        })
    };
    services.iter().filter_map(setting).collect()
}

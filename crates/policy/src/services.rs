//! The services that a machine offers, described.

use switchboard_filter::Range;
use switchboard_firmware::{Conduits, Service};
use switchboard_smccc::{Conduit, FunctionId};

use crate::range::IdSet;

/// What a policy needs to know of a service.
#[derive(Debug, Clone)]
pub struct ServiceDescription {
    name: String,
    owned: IdSet,
    denied: IdSet,
    conduits: Conduits,
    answers: Option<IdSet>,
}

/// The services that a machine offers. Whether one is used is the policy's to say.
#[derive(Debug, Clone, Default)]
pub struct Services(Vec<ServiceDescription>);

/// Which of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServiceId(pub(crate) u16);

impl ServiceDescription {
    /// A service of this name that owns these ranges over these conduits, and answers all of it.
    #[must_use]
    pub fn new(name: impl Into<String>, owned: &[Range], conduits: Conduits) -> Self {
        Self {
            name: name.into(),
            owned: IdSet::of(owned.iter().copied()),
            denied: IdSet::default(),
            conduits,
            answers: None,
        }
    }

    /// A service by its own declaration.
    #[must_use]
    pub fn of(service: &dyn Service) -> Self {
        let declaration = service.declaration();
        Self::new(service.name(), declaration.owned, declaration.conduits).denying(declaration.denied)
    }

    /// These are denied where the service is used: KVM would act behind its back.
    #[must_use]
    pub fn denying(mut self, denied: &[Range]) -> Self {
        self.denied = IdSet::of(denied.iter().copied());
        self
    }

    /// Of what it owns, it implements these functions only; the others are NOT_SUPPORTED.
    #[must_use]
    pub fn answering(mut self, functions: impl IntoIterator<Item = FunctionId>) -> Self {
        self.answers = Some(IdSet::of(functions.into_iter().map(crate::range::single)));
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn owned(&self) -> &IdSet {
        &self.owned
    }

    pub(crate) fn denied(&self) -> &IdSet {
        &self.denied
    }

    pub(crate) fn conduits(&self) -> Conduits {
        self.conduits
    }

    pub(crate) fn implements(&self, id: FunctionId) -> bool {
        self.answers.as_ref().unwrap_or(&self.owned).contains(id)
    }
}

impl Services {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// With one more. No two share a name or a function ID; of two that do, the first has it.
    #[must_use]
    pub fn with(mut self, service: ServiceDescription) -> Self {
        self.0.push(service);
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ServiceId, &ServiceDescription)> {
        (0_u16..).map(ServiceId).zip(&self.0)
    }

    /// What some service owns and implements.
    pub(crate) fn implemented(&self) -> IdSet {
        let of = |service: &ServiceDescription| match &service.answers {
            Some(answers) => answers.intersection(&service.owned),
            None => service.owned.clone(),
        };
        self.0.iter().map(of).fold(IdSet::default(), |all, ids| all.union(&ids))
    }

    pub(crate) fn get(&self, id: ServiceId) -> Option<&ServiceDescription> {
        self.0.get(usize::from(id.0))
    }

    pub(crate) fn name(&self, id: ServiceId) -> &str {
        self.get(id).map_or("", ServiceDescription::name)
    }

    pub(crate) fn find(&self, name: &str) -> Option<ServiceId> {
        self.iter().find(|(_, service)| service.name == name).map(|(id, _)| id)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(ServiceDescription::name)
    }

    /// Who owns this ID over this conduit.
    pub(crate) fn owner(&self, id: FunctionId, conduit: Conduit) -> Option<ServiceId> {
        let owns =
            |service: &ServiceDescription| service.owned.contains(id) && service.conduits.include(conduit);
        self.iter().find(|(_, service)| owns(service)).map(|(id, _)| id)
    }
}

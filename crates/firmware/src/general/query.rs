//! The queries that are answered: the one list behind the answers and the support table.

use switchboard_smccc::{FunctionId, Owner, general, uuid::Uuid};

/// A query that [`GeneralQueries`](super::GeneralQueries) answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Query {
    /// Whose implementation it is.
    CallUid(Uuid),
    Revision,
}

/// The owners whose queries can be answered, and what their UID is.
pub(super) const OWNERS: [(Owner, Uuid); 3] = [
    (Owner::SIP, general::SIP_UUID),
    (Owner::STANDARD_SECURE, general::STANDARD_SECURE_UUID),
    (Owner::STANDARD_HYPERVISOR, general::STANDARD_HYPERVISOR_UUID),
];

impl Query {
    /// The query with this ID. They are fast SMC32 calls.
    pub(super) fn from_id(id: FunctionId) -> Option<Self> {
        let (owner, uuid) = OWNERS.into_iter().find(|&(owner, _)| owner == id.owner())?;
        if id == general::call_uid(owner) {
            Some(Self::CallUid(uuid))
        } else if id == general::revision(owner) {
            Some(Self::Revision)
        } else {
            None
        }
    }
}

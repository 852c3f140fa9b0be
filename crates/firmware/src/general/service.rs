//! Which query is answered how.

use alloc::vec::Vec;

use switchboard_filter::Range;
use switchboard_smccc::{Owner, Register, general};

use super::query::{OWNERS, Query};
use crate::{Call, Conduits, Declaration, Host, Outcome, Results, Service};

/// The revision of the functions of every owner: 1.0. A later minor number will have more functions, another major number
/// others.
const REVISION: (u64, u64) = (1, 0);

/// The general queries of some owners.
///
/// A guest that knows the UID of an implementation may take its functions to be there, so an owner's queries should be
/// answered only if its functions are.
#[derive(Debug)]
pub struct GeneralQueries {
    owned: Vec<Range>,
}

impl GeneralQueries {
    /// The queries of these owners: of those among them that are the silicon provider (2), Standard Secure Services (4) or
    /// Standard Hypervisor Services (5).
    ///
    /// All others are passed over, and their queries stay NOT_SUPPORTED. KVM keeps the architecture's (0) for itself.
    /// The vendor's hypervisor services (6) belong to [`KvmVendor`](crate::kvm::KvmVendor). A Trusted OS (50 to 63) is
    /// recognised by its UID, and one that is not there must not be.
    #[must_use]
    pub fn new(owners: &[Owner]) -> Self {
        let answered = OWNERS.into_iter().map(|(owner, _)| owner).filter(|owner| owners.contains(owner));
        let range = |owner| Range::literal(general::call_count(owner), general::NUMBER_COUNT);
        Self { owned: answered.map(range).collect() }
    }
}

impl Service for GeneralQueries {
    fn name(&self) -> &'static str {
        "general"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration { owned: &self.owned, denied: &[], conduits: Conduits::Both }
    }

    fn call(&self, call: &mut Call<'_>, _: &dyn Host) -> Outcome {
        match Query::from_id(call.function()) {
            Some(Query::CallUid(uuid)) => uuid.into(),
            Some(Query::Revision) => {
                let (major, minor) = REVISION;
                Outcome::Return(Results::of(major).with(Register::X1, minor))
            }
            // Call Count is among them: deprecated, and a number that no guest can act upon.
            None => Outcome::Return(Results::not_supported()),
        }
    }
}

//! The queries that every range of services has (DEN0028, "General service queries").
//!
//! They are fast SMC32 calls, with the same numbers for every owner: the numbers 0xff00 to 0xff0f are set aside for them,
//! of which four have a meaning or had one.

use crate::{FunctionId, Owner, uuid::Uuid};

/// The number of the first query.
pub const FIRST_NUMBER: u16 = 0xff00;
/// How many numbers belong to queries with a meaning, and to 0xff02, which is reserved.
pub const NUMBER_COUNT: u32 = 4;

/// Call Count (number 0xff00): how many functions the owner has. Deprecated.
#[must_use]
pub fn call_count(owner: Owner) -> FunctionId {
    FunctionId::fast_32(owner, FIRST_NUMBER)
}

/// Call UID (number 0xff01): whose implementation of the owner's functions it is.
#[must_use]
pub fn call_uid(owner: Owner) -> FunctionId {
    FunctionId::fast_32(owner, 0xff01)
}

/// Revision (number 0xff03) of that implementation: the major number in W0, the minor one in W1.
#[must_use]
pub fn revision(owner: Owner) -> FunctionId {
    FunctionId::fast_32(owner, 0xff03)
}

/// Of the functions of the silicon provider (owner 2) as Switchboard implements them.
pub const SIP_UUID: Uuid =
    Uuid([0x08, 0xea, 0xc9, 0xad, 0x71, 0xd2, 0x41, 0x62, 0xa1, 0xfe, 0xc4, 0x71, 0x8c, 0x55, 0x22, 0xe1]);
/// Of the Standard Secure Service functions (owner 4) as Switchboard implements them.
pub const STANDARD_SECURE_UUID: Uuid =
    Uuid([0xd8, 0xf1, 0x37, 0x15, 0x0e, 0x7f, 0x47, 0xc9, 0x9c, 0x05, 0x24, 0xef, 0xf3, 0x71, 0x67, 0xe8]);
/// Of the Standard Hypervisor Service functions (owner 5) as Switchboard implements them.
pub const STANDARD_HYPERVISOR_UUID: Uuid =
    Uuid([0xf4, 0xa6, 0xe6, 0x63, 0xa4, 0x06, 0x49, 0xc6, 0x9d, 0x78, 0xab, 0xdd, 0x68, 0xf3, 0xea, 0x0f]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queries_of_the_standard_secure_services_have_their_well_known_ids() {
        assert_eq!(call_count(Owner::STANDARD_SECURE), FunctionId(0x8400_ff00));
        assert_eq!(call_uid(Owner::STANDARD_SECURE), FunctionId(0x8400_ff01));
        assert_eq!(revision(Owner::STANDARD_SECURE), FunctionId(0x8400_ff03));
    }

    #[test]
    fn the_uid_of_the_vendor_hypervisor_services_is_kvms() {
        assert_eq!(call_uid(Owner::VENDOR_HYPERVISOR), crate::kvm::CALL_UID);
    }
}

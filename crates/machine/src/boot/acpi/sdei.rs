//! The Software Delegated Exception Interface table (SDEI, Arm DEN0054, "ACPI table definitions for SDEI"): that the
//! interface is there.
//!
//! It is a header, and nothing else. How the interface is called is not said: over the conduit that the FADT names for
//! PSCI, in Linux (`sdei_get_conduit`).

use super::table;

const REVISION: u8 = 1;

pub(super) fn build() -> Vec<u8> {
    table(*b"SDEI", REVISION, &[])
}

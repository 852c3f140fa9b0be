//! The Hardware Error Source Table (ACPI 6.5, section 18.3.2): one source of errors, which an event of SDEI announces.
//!
//! It is a Generic Hardware Error Source of version 2 (section 18.3.2.8), the version in which the guest acknowledges what it
//! has read. Linux takes it for one that can interrupt anything (`ghes_probe`, `sdei_register_ghes`): it registers and
//! enables the event when it boots, and a fatal error is a panic whatever the CPU was doing.

use acpi_tables::{
    Aml,
    gas::{AccessSize, AddressSpace, GAS},
};
use switchboard_smccc::Ipa;

use super::table;
use crate::error_status::{ACKNOWLEDGED, ErrorSource};

/// That of ACPI 4.0. No source of ours is of a type that came later and has another header.
const REVISION: u8 = 1;
/// Section 18.3.2.8, "Type".
const GENERIC_V2: u16 = 10;
/// There is one, and Linux prints its number.
const SOURCE_ID: u16 = 0;
/// "Related Source Id": there is none.
const NO_SOURCE: u16 = 0xffff;
const ENABLED: u8 = 1;
/// How many records the guest is to have memory for, and how many sections there are in each.
const ONE: u32 = 1;
/// Section 18.3.2.9, "Type": a Software Delegated Exception, whose event is in "Vector".
const SOFTWARE_DELEGATED: u8 = 11;
const NOTIFICATION_SIZE: u8 = 28;
/// How wide the two registers are.
const REGISTER_WIDTH: u8 = 64;

pub(super) fn build(source: ErrorSource, event: u32) -> Vec<u8> {
    let mut body = ONE.to_le_bytes().to_vec();
    body.extend([GENERIC_V2, SOURCE_ID, NO_SOURCE].into_iter().flat_map(u16::to_le_bytes));
    // No flags.
    body.extend([0, ENABLED]);
    body.extend([ONE, ONE, ErrorSource::BLOCK_SIZE].into_iter().flat_map(u32::to_le_bytes));
    register(source.address_register()).to_aml_bytes(&mut body);
    body.extend(notification(event));
    body.extend(ErrorSource::BLOCK_SIZE.to_le_bytes());
    register(source.acknowledge_register()).to_aml_bytes(&mut body);
    // What the guest is to preserve in that register, and what it is to set.
    body.extend((!ACKNOWLEDGED).to_le_bytes());
    body.extend(ACKNOWLEDGED.to_le_bytes());
    table(*b"HEST", REVISION, &body)
}

/// A register in memory.
fn register(at: Ipa) -> GAS {
    GAS::new(AddressSpace::SystemMemory, REGISTER_WIDTH, 0, AccessSize::QwordAccess, at.0)
}

/// Section 18.3.2.9. Nothing is polled, no threshold is switched at, and nothing can be configured.
fn notification(event: u32) -> Vec<u8> {
    let (configurable, poll_interval) = (0_u16, 0_u32);
    let mut bytes = vec![SOFTWARE_DELEGATED, NOTIFICATION_SIZE];
    bytes.extend(configurable.to_le_bytes());
    bytes.extend(poll_interval.to_le_bytes());
    bytes.extend(event.to_le_bytes());
    bytes.resize(NOTIFICATION_SIZE.into(), 0);
    bytes
}

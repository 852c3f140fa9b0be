//! The Processor Properties Topology Table (ACPI 6.5, section 5.2.30): every CPU is a core of one package.
//!
//! Linux does without, and then warns that its view of the topology may be wrong. Caches are missing: a guest reads
//! them out of its CPUs.

use acpi_tables::pptt::{PPTT, ProcessorNode};

use super::{OEM_ID, OEM_REVISION, OEM_TABLE_ID, bytes};

pub(super) fn build(cpus: u32) -> Vec<u8> {
    let mut table = PPTT::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION);
    let package = table.add_processor(ProcessorNode::new(None, 0).physical().identical());
    for uid in 0..cpus {
        table.add_processor(ProcessorNode::new(Some(&package), uid).valid().leaf());
    }
    bytes(&table)
}

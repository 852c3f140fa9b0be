//! The ACPI tables: what a guest is told about its machine where CPUs are to come and go.
//!
//! Linux gives and takes CPUs at run time by ACPI only (`Documentation/arch/arm64/cpu-hotplug.rst`). The tables
//! follow the ACPI Specification, version 6.5, and hold what an arm64 Linux needs
//! (`Documentation/arch/arm64/arm-acpi.rst`). They say the same as the device tree, and more: which CPUs there can be, how
//! they come and go, and how an error of the hardware is told.
//!
//! | table | module | says |
//! |---|---|---|
//! | RSDP, XSDT | here | where the others are |
//! | FADT | `fadt` | no fixed hardware; PSCI, and how to call it; who the hypervisor is, if it is Hyper-V |
//! | MADT | `madt` | the interrupt controller, and every CPU there can be |
//! | GTDT | `gtdt` | the timers |
//! | PPTT | `pptt` | the topology |
//! | SPCR, DBG2 | `serial` | which serial port is the console |
//! | SDEI | `sdei` | that there is SDEI; only if there is |
//! | HEST | `hest` | where errors are told, and by which event of SDEI; only if one tells them |
//! | DSDT | `dsdt` | the devices, with the code that the guest runs at an event |
//!
//! Deliberately missing: a FACS, which only a machine with fixed hardware or a global lock has.

mod dsdt;
mod fadt;
mod gtdt;
mod hest;
mod madt;
mod pptt;
mod sdei;
mod serial;

use acpi_tables::{Aml, rsdp::Rsdp, sdt::Sdt, xsdt::XSDT};
use switchboard_firmware::CpuIndex;
use switchboard_smccc::{Conduit, Ipa, Mpidr};
use thiserror::Error;

use super::fdt::InterruptController;
use crate::{Personality, devices::events::registers, error_status::ErrorSource, layout};

/// How many CPUs the event device has registers for.
pub const MAX_CPUS: u64 = (layout::EVENTS_SIZE - registers::CPUS) / registers::CPU_SIZE;

/// Who made the tables, and for what. Linux prints it, and has quirks for machines it knows by it.
const OEM_ID: [u8; 6] = *b"SWTCHB";
const OEM_TABLE_ID: [u8; 8] = *b"MACHINE ";
const OEM_REVISION: u32 = 1;
/// The size of a table's header (section 5.2.6), in bytes.
const HEADER: u32 = 36;
/// What tables are aligned to. The specification asks for nothing; whole words read faster.
const ALIGNMENT: usize = 16;

/// The machine, as far as its tables differ from another one's. All else is in [`layout`].
#[derive(Debug, Clone, Copy)]
pub struct Description<'a> {
    /// Every CPU there can be, the boot CPU first. Which of them the guest may have is the event device's to say.
    pub cpus: &'a [Mpidr],
    /// Those beside the boot CPU that the guest has when it boots.
    pub at_boot: &'a [CpuIndex],
    /// How the guest is to call PSCI.
    pub conduit: Conduit,
    /// Which interrupt controller there is.
    pub interrupt_controller: InterruptController,
    /// Whether the CPUs have performance counters.
    pub pmu: bool,
    /// What the guest is told of SDEI.
    pub sdei: Sdei,
    /// Which hypervisor the guest takes us for.
    pub personality: Personality,
}

/// What a guest is told of the Software Delegated Exception Interface. It calls SDEI as it calls PSCI: the tables name one
/// conduit for both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sdei {
    /// Nothing: there is none, or the guest may not call it.
    #[default]
    Absent,
    /// That it is there.
    Present,
    /// That it is there, and that one of its events tells of errors of the hardware.
    TellsErrors {
        /// The number of that event. Not 0, which is the event that CPUs signal each other: Linux would not register it.
        event: u32,
    },
}

/// The tables, placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Where the first one is, which points to all others: what a guest is to be told.
    pub rsdp: Ipa,
    /// All of them, to be copied to that address.
    pub bytes: Vec<u8>,
    /// Where errors of the hardware are told, if they are: 64 KiB that are in no table.
    pub error_source: Option<Ipa>,
}

/// Why there are no tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AcpiError {
    /// The event device has no registers for so many.
    #[error("a guest with ACPI can have {MAX_CPUS} CPUs at most, and {cpus} are too many")]
    TooManyCpus {
        /// How many CPUs there are to be.
        cpus: usize,
    },
    /// Too many CPUs for the place there is.
    #[error("the ACPI tables of {cpus} CPUs are {size} bytes large, and there is room for {limit}")]
    TooLarge {
        /// How large they are.
        size: u64,
        /// How many CPUs are in them.
        cpus: usize,
        /// How much room there is.
        limit: u64,
    },
}

/// The tables of a machine, for the `limit` bytes from `at` on, a 64 KiB boundary. Before the tables is the memory of the error
/// source, if there is one: the tables can be of any length, and it is in pages of its own.
///
/// # Errors
///
/// [`AcpiError`] if they do not fit there, or there are more CPUs than the event device serves.
pub fn build(machine: &Description<'_>, at: Ipa, limit: u64) -> Result<Tables, AcpiError> {
    let too_many = AcpiError::TooManyCpus { cpus: machine.cpus.len() };
    let cpus = u32::try_from(machine.cpus.len()).map_err(|_| too_many)?;
    if u64::from(cpus) > MAX_CPUS {
        return Err(too_many);
    }
    let (errors, taken) = match machine.sdei {
        Sdei::Absent | Sdei::Present => (None, 0),
        Sdei::TellsErrors { event } => (Some((ErrorSource::new(at), event)), ErrorSource::SIZE),
    };
    let (rsdp, limit) = (Ipa(at.0.saturating_add(taken)), limit.saturating_sub(taken));
    let mut area = Area { at: rsdp, bytes: vec![0; Rsdp::len()] };
    let dsdt = area.place(&dsdt::build(cpus));
    let mut tables = vec![
        fadt::build(machine.conduit, machine.personality, dsdt),
        madt::build(machine, cpus),
        gtdt::build(),
        pptt::build(cpus),
        serial::console(),
        serial::debug_port(),
    ];
    if machine.sdei != Sdei::Absent {
        tables.push(sdei::build());
    }
    if let Some((source, event)) = errors {
        tables.push(hest::build(source, event));
    }
    let mut root = XSDT::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION);
    for table in &tables {
        root.add_entry(area.place(table).0);
    }
    let root = area.place(&bytes(&root));
    let mut tables = area.bytes;
    tables.splice(..Rsdp::len(), bytes(&Rsdp::new(OEM_ID, root.0)));

    let size = length(&tables);
    if size > limit {
        return Err(AcpiError::TooLarge { size, cpus: machine.cpus.len(), limit });
    }
    Ok(Tables { rsdp, bytes: tables, error_source: errors.map(|(source, _)| source.start()) })
}

/// Tables, one after the other.
struct Area {
    at: Ipa,
    bytes: Vec<u8>,
}

impl Area {
    /// Adds a table, and says where it is.
    fn place(&mut self, table: &[u8]) -> Ipa {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
        let address = Ipa(self.at.0.saturating_add(length(&self.bytes)));
        self.bytes.extend_from_slice(table);
        address
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("no slice is that long")
}

/// A table: a header with its length and its checksum, and a body. At once: the crate adds a table up at every
/// change.
fn table(signature: [u8; 4], revision: u8, body: &[u8]) -> Vec<u8> {
    let mut table = Sdt::new(signature, HEADER, revision, OEM_ID, OEM_TABLE_ID, OEM_REVISION);
    table.append_slice(body);
    table.as_slice().to_vec()
}

fn bytes(object: &dyn Aml) -> Vec<u8> {
    let mut bytes = Vec::new();
    object.to_aml_bytes(&mut bytes);
    bytes
}

/// A number of [`layout`] for a field of 32 bits.
const fn low(number: u64) -> u32 {
    assert!(number >> 32 == 0, "it does not fit");
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;

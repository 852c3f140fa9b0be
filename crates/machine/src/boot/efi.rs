//! What hands a guest its ACPI tables: what the EFI stub of a kernel would have left behind, and no firmware.
//!
//! An arm64 Linux finds its ACPI tables, and what memory there is beside them, by EFI only. It asks for no EFI to be
//! there: its stub leaves a device tree with nothing but `/chosen` in it, which points to the memory map and the
//! system table (`Documentation/arch/arm/uefi.rst`), and an entry by the kernel's ordinary entry point with such a
//! device tree is how kexec works. The structures are those of the UEFI Specification, version 2.10.
//!
//! All of it is in the 2 MiB that [`Placement`](super::placement::Placement) keeps for the device tree:
//!
//! ```text
//! + 0 KiB    device tree
//! + 64 KiB   memory map, system table, configuration table
//! + 128 KiB  ACPI tables; before them, if there is one, the error source, 64 KiB
//! ```
//!
//! Deliberately missing: runtime services. The guest is told that there are none, and calls PSCI for power and reset.

use switchboard_smccc::Ipa;
use thiserror::Error;
use vm_fdt::FdtWriter;

use super::{
    acpi::{self, AcpiError},
    fdt::{self, FdtError, InitialRamDisk, MAX_SIZE, Written, node},
};
use crate::{error_status::ErrorSource, layout};

mod memory_map;
mod system_table;

use memory_map::{Kind, Region};

/// What everything in the memory map is aligned to: the largest page that an arm64 Linux can have. It rounds the map
/// to its pages, and one that two kinds of memory share is lost.
const GRANULE: u64 = 0x1_0000;

/// From the start of the area on.
const STRUCTURES: u64 = GRANULE;
const TABLES: u64 = 2 * GRANULE;

/// The machine, as far as this hand-over differs from another one's.
#[derive(Debug, Clone, Copy)]
pub struct HandOver<'a> {
    /// Where it all goes: [`MAX_SIZE`] bytes of the guest's memory, from a 64 KiB boundary on.
    pub area: Ipa,
    /// How much memory the guest has, in bytes.
    pub memory: u64,
    /// The kernel's command line.
    pub bootargs: &'a str,
    /// Where the initial RAM disk is, if there is one.
    pub initrd: Option<InitialRamDisk>,
    /// Randomness for the kernel's address space layout.
    pub kaslr_seed: Option<u64>,
    /// Randomness for the kernel's random number generator; none if empty.
    pub rng_seed: &'a [u8],
    /// What the ACPI tables say.
    pub acpi: &'a acpi::Description<'a>,
}

/// Why there is no hand-over.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EfiError {
    /// No device tree.
    #[error(transparent)]
    DeviceTree(#[from] FdtError),
    /// No ACPI tables.
    #[error(transparent)]
    Tables(#[from] AcpiError),
    /// A device tree that does not fit before what follows: the randomness in it, most likely.
    #[error(
        "the device tree with nothing but `/chosen` is {size} bytes large, and there is room for {GRANULE}"
    )]
    DeviceTreeTooLarge {
        /// How large it is.
        size: usize,
    },
    /// A kernel would lose the pages that are no whole ones.
    #[error(
        "a guest with ACPI needs whole pages of 64 KiB, and this one has {memory} bytes of memory, and its tables at \
         {area}"
    )]
    Unaligned {
        /// Where the area is.
        area: Ipa,
        /// How much memory there is.
        memory: u64,
    },
    /// The area is not memory.
    #[error(
        "the tables are to be at {area}, where the guest's {memory} bytes of memory do not have room for them"
    )]
    Outside {
        /// Where the area is.
        area: Ipa,
        /// How much memory there is.
        memory: u64,
    },
}

/// What a guest finds in its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOver {
    /// What is to be copied there, and where. The first is the device tree, whose address the kernel is given.
    pub blobs: Vec<(Ipa, Vec<u8>)>,
    /// Where the guest looks for errors of the hardware, if it was told of them: the first byte of 64 KiB.
    pub error_source: Option<Ipa>,
}

/// The hand-over to a guest.
///
/// # Errors
///
/// [`EfiError`] if a part of it is larger than its place, or its place is none.
pub fn build(guest: &HandOver<'_>) -> Result<HandedOver, EfiError> {
    check_area(guest)?;
    let at = |offset: u64| Ipa(guest.area.0 + offset);
    let tables = acpi::build(guest.acpi, at(TABLES), MAX_SIZE - TABLES)?;
    let map = memory_map(guest, &tables);
    let structures = system_table::build(at(STRUCTURES), tables.rsdp, &map);
    let tree = device_tree(guest, &structures)?;
    let mut blobs = vec![(guest.area, tree), (at(STRUCTURES), structures.bytes), (tables.rsdp, tables.bytes)];
    if let Some(at) = tables.error_source {
        blobs.extend(ErrorSource::new(at).initial());
    }
    Ok(HandedOver { blobs, error_source: tables.error_source })
}

fn check_area(guest: &HandOver<'_>) -> Result<(), EfiError> {
    let (area, memory) = (guest.area, guest.memory);
    if !area.0.is_multiple_of(GRANULE) || !memory.is_multiple_of(GRANULE) {
        return Err(EfiError::Unaligned { area, memory });
    }
    let end = area.0.checked_sub(layout::MEMORY.0).and_then(|start| start.checked_add(MAX_SIZE));
    match end {
        Some(end) if end <= memory && layout::MEMORY.0.checked_add(memory).is_some() => Ok(()),
        _ => Err(EfiError::Outside { area, memory }),
    }
}

/// All of the guest's memory, and nothing else: what is not in the map, the kernel takes for registers of devices,
/// and those of the event device have to be. Kernel and initial RAM disk are where memory is free, and the kernel
/// itself keeps its hands off them.
fn memory_map(guest: &HandOver<'_>, tables: &acpi::Tables) -> Vec<u8> {
    let tables_size = u64::try_from(tables.bytes.len()).expect("they fit into 2 MiB");
    let parts = [
        (Kind::Conventional, guest.area.0 - layout::MEMORY.0),
        (Kind::LoaderData, STRUCTURES),
        (Kind::BootServicesData, TABLES - STRUCTURES),
        (Kind::AcpiNvs, tables.error_source.map_or(0, |_| ErrorSource::SIZE)),
        (Kind::AcpiReclaim, tables_size.next_multiple_of(GRANULE)),
    ];
    let end = layout::MEMORY.0 + guest.memory;
    let mut start = layout::MEMORY.0;
    let mut map = Vec::new();
    for (kind, size) in parts {
        Region { kind, start, end: start + size }.append_to(&mut map);
        start += size;
    }
    Region { kind: Kind::Conventional, start, end }.append_to(&mut map);
    map
}

/// A device tree with nothing but `/chosen`: with anything else in it, Linux would not look for ACPI (`dt_is_stub`).
fn device_tree(guest: &HandOver<'_>, structures: &system_table::Structures) -> Result<Vec<u8>, EfiError> {
    fdt::check_bootargs(guest.bootargs)?;
    let bytes = write_device_tree(guest, structures).map_err(FdtError::from)?;
    match u64::try_from(bytes.len()) {
        Ok(size) if size <= STRUCTURES => Ok(bytes),
        _ => Err(EfiError::DeviceTreeTooLarge { size: bytes.len() }),
    }
}

fn write_device_tree(
    guest: &HandOver<'_>,
    structures: &system_table::Structures,
) -> Result<Vec<u8>, vm_fdt::Error> {
    let mut fdt = FdtWriter::new()?;
    node(&mut fdt, "", |fdt| {
        fdt.property_u32("#address-cells", 2)?;
        fdt.property_u32("#size-cells", 2)?;
        node(fdt, "chosen", |fdt| {
            fdt.property_string("bootargs", guest.bootargs)?;
            fdt::initrd(fdt, guest.initrd)?;
            fdt::seeds(fdt, guest.kaslr_seed, guest.rng_seed)?;
            efi(fdt, structures)
        })
    })?;
    fdt.finish()
}

/// `Documentation/arch/arm/uefi.rst`, "UEFI kernel support on ARM".
fn efi(fdt: &mut FdtWriter, structures: &system_table::Structures) -> Written {
    fdt.property_u64("linux,uefi-system-table", structures.system_table.0)?;
    fdt.property_u64("linux,uefi-mmap-start", structures.memory_map.0)?;
    fdt.property_u32("linux,uefi-mmap-size", structures.memory_map_size)?;
    fdt.property_u32("linux,uefi-mmap-desc-size", memory_map::DESCRIPTOR_SIZE)?;
    fdt.property_u32("linux,uefi-mmap-desc-ver", memory_map::DESCRIPTOR_VERSION)?;
    // No upstream kernel knows it. Those of Debian and Ubuntu do, and find no EFI at all if it is missing.
    fdt.property_u32("linux,uefi-secure-boot", SECURE_BOOT_DISABLED)
}

/// `efi_secureboot_mode_disabled` (`include/linux/efi.h`).
const SECURE_BOOT_DISABLED: u32 = 2;

#[cfg(test)]
mod tests;

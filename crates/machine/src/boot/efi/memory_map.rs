//! The memory map (UEFI 2.10, section 7.2.3).

/// Of this map, and of every version of UEFI so far.
pub(super) const DESCRIPTOR_VERSION: u32 = 1;
/// The size of a descriptor, in bytes.
pub(super) const DESCRIPTOR_SIZE: u32 = 40;
/// What sizes are counted in, whatever pages the guest has.
const PAGE: u64 = 0x1000;
/// Memory that can be cached and written back (`EFI_MEMORY_WB`).
const WRITE_BACK: u64 = 1 << 3;

/// What memory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A loader's: here the device tree.
    LoaderData,
    /// The firmware's until it hands over: here the structures, which the kernel reads before it hands out memory.
    BootServicesData,
    /// Free.
    Conventional,
    /// The ACPI tables. Linux keeps them, and maps them as memory.
    AcpiReclaim,
    /// What firmware and kernel share as long as both run: here the error source. Linux keeps it out of the memory it hands out
    /// (`is_usable_memory`), and because it can be cached, maps it so where ACPI's registers are mapped (`acpi_os_ioremap`) and
    /// where an error is read (`arch_apei_get_mem_attribute`). Both sides then see the same without cache maintenance.
    AcpiNvs,
}

impl Kind {
    const fn number(self) -> u32 {
        match self {
            Self::LoaderData => 2,
            Self::BootServicesData => 4,
            Self::Conventional => 7,
            Self::AcpiReclaim => 9,
            Self::AcpiNvs => 10,
        }
    }
}

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) kind: Kind,
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Region {
    /// Its descriptor, unless it is empty.
    pub(super) fn append_to(self, map: &mut Vec<u8>) {
        if self.start == self.end {
            return;
        }
        map.extend(self.kind.number().to_le_bytes());
        map.extend([0; 4]);
        map.extend(self.start.to_le_bytes());
        // No address for runtime services to be called at: there are none.
        map.extend(0_u64.to_le_bytes());
        map.extend(((self.end - self.start) / PAGE).to_le_bytes());
        map.extend(WRITE_BACK.to_le_bytes());
    }
}

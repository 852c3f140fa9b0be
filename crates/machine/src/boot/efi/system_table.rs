//! The system table (UEFI 2.10, section 4.3) and what it points to.

use switchboard_smccc::Ipa;

/// "IBI SYST".
const SIGNATURE: u64 = 0x5453_5953_2049_4249;
/// UEFI 2.10: the version, then a hundred times the revision's parts.
const REVISION: u32 = (2 << 16) | 100;
const SYSTEM_TABLE_SIZE: u32 = 120;
const VENDOR: &str = "Switchboard";
const FIRMWARE_REVISION: u32 = 1;

/// Where everything is, from the first byte on. The map is last: it may grow.
const CONFIGURATION_TABLE: u64 = 0x80;
const RUNTIME_PROPERTIES: u64 = 0xc0;
const VENDOR_NAME: u64 = 0xe0;
const MEMORY_MAP: u64 = 0x100;

/// An entry of the configuration table: `EFI_ACPI_20_TABLE_GUID`, 8868e871-e4f1-11d3-bc22-0080c73c8881. The first
/// three parts of a GUID are numbers, and so reversed.
const ACPI_20: [u8; 16] =
    [0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81];
/// `EFI_RT_PROPERTIES_TABLE_GUID`, eb66918a-7eef-402a-842e-931d21c38ae9.
const RT_PROPERTIES: [u8; 16] =
    [0x8a, 0x91, 0x66, 0xeb, 0xef, 0x7e, 0x2a, 0x40, 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9];

/// The structures, and where the guest is to look.
pub(super) struct Structures {
    pub(super) bytes: Vec<u8>,
    pub(super) system_table: Ipa,
    pub(super) memory_map: Ipa,
    pub(super) memory_map_size: u32,
}

/// The structures, to be copied to `at`.
pub(super) fn build(at: Ipa, rsdp: Ipa, memory_map: &[u8]) -> Structures {
    let mut bytes = system_table(at);
    let configuration = [(ACPI_20, rsdp.0), (RT_PROPERTIES, at.0 + RUNTIME_PROPERTIES)];
    let entries = configuration.map(|(guid, table)| [&guid[..], &table.to_le_bytes()].concat());
    put(&mut bytes, CONFIGURATION_TABLE, &entries.concat());
    put(&mut bytes, RUNTIME_PROPERTIES, &no_runtime_services());
    let name: Vec<u8> = VENDOR.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    put(&mut bytes, VENDOR_NAME, &name);
    put(&mut bytes, MEMORY_MAP, memory_map);
    Structures {
        bytes,
        system_table: at,
        memory_map: Ipa(at.0 + MEMORY_MAP),
        memory_map_size: u32::try_from(memory_map.len()).expect("it has six entries at most"),
    }
}

/// `EFI_RT_PROPERTIES_TABLE` (section 4.6): version 1, 8 bytes, and no service is supported. Without it, Linux takes
/// all to be there, and calls them by a null pointer.
fn no_runtime_services() -> [u8; 8] {
    [1, 0, 8, 0, 0, 0, 0, 0]
}

fn system_table(at: Ipa) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_le_bytes().to_vec();
    bytes.extend(REVISION.to_le_bytes());
    bytes.extend(SYSTEM_TABLE_SIZE.to_le_bytes());
    // The checksum, which goes here, covers the table with this field zero.
    bytes.extend([0; 8]);
    bytes.extend((at.0 + VENDOR_NAME).to_le_bytes());
    bytes.extend(FIRMWARE_REVISION.to_le_bytes());
    bytes.extend([0; 4]);
    // Three consoles with their handles, runtime services, boot services: none of them.
    bytes.extend([0; 64]);
    bytes.extend(2_u64.to_le_bytes());
    bytes.extend((at.0 + CONFIGURATION_TABLE).to_le_bytes());
    let checksum = crc32(&bytes);
    bytes[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

const CHECKSUM: std::ops::Range<usize> = 16..20;

/// CRC-32 as UEFI has it (section 4.2.1): that of Ethernet. No Linux checks it here.
fn crc32(bytes: &[u8]) -> u32 {
    let mut remainder = u32::MAX;
    for &byte in bytes {
        remainder ^= u32::from(byte);
        for _ in 0..8 {
            let carry = remainder & 1;
            remainder = (remainder >> 1) ^ (carry * 0xedb8_8320);
        }
    }
    !remainder
}

/// Appends at an offset that nothing has reached yet.
fn put(bytes: &mut Vec<u8>, offset: u64, part: &[u8]) {
    let offset = usize::try_from(offset).expect("all offsets are below 64 KiB");
    assert!(bytes.len() <= offset, "structures overlap");
    bytes.resize(offset, 0);
    bytes.extend_from_slice(part);
}

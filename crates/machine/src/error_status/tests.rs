//! The error source, read back by the specifications' offsets.

use super::*;

const SOURCE: ErrorSource = ErrorSource::new(Ipa(0x4202_0000));

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(bytes[offset..offset + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap())
}

/// The block of an NMI to CPU 17, which is 0.0.1.1.
fn block() -> Vec<u8> {
    fatal(Some((CpuIndex(17), Mpidr::from_register(0x101))))
}

/// Its one entry.
fn entry() -> Vec<u8> {
    block()[20..].to_vec()
}

/// The section in it.
fn section() -> Vec<u8> {
    entry()[72..].to_vec()
}

#[test]
fn the_parts_of_the_source_are_in_its_64_kib_and_apart() {
    assert_eq!(SOURCE.start(), Ipa(0x4202_0000));
    assert_eq!(SOURCE.address_register(), Ipa(0x4202_0000));
    assert_eq!(SOURCE.acknowledge_register(), Ipa(0x4202_0008));
    assert_eq!(SOURCE.block(), Ipa(0x4202_1000));
    assert_eq!((ErrorSource::SIZE, ErrorSource::BLOCK_SIZE), (0x1_0000, 0x1000));
}

#[test]
fn at_first_the_address_is_there_all_is_acknowledged_and_there_is_no_error() {
    let [(registers_at, registers), (block_at, block)] = SOURCE.initial();
    assert_eq!((registers_at, block_at), (Ipa(0x4202_0000), Ipa(0x4202_1000)));
    assert_eq!(registers.len(), 16);
    assert_eq!((u64_at(&registers, 0), u64_at(&registers, 8)), (0x4202_1000, 1));
    // ACPI 6.5, section 18.3.2.7.1: a Generic Error Status Block, whose block status is first.
    assert_eq!(block, [0; 20]);
}

#[test]
fn the_guest_has_acknowledged_as_soon_as_bit_0_is_set_whatever_else_is() {
    assert!(!is_acknowledged(NOT_ACKNOWLEDGED));
    assert!(!is_acknowledged(0xffff_ffff_ffff_fffe));
    assert!(is_acknowledged(1) && is_acknowledged(u64::MAX));
}

#[test]
fn the_block_holds_one_uncorrectable_fatal_error_and_no_raw_data() {
    // ACPI 6.5, section 18.3.2.7.1, Generic Error Status Block.
    let block = block();
    assert_eq!(u32_at(&block, 0), 0x11, "block status: bit 0, and one entry in bits 13:4");
    assert_eq!((u32_at(&block, 4), u32_at(&block, 8)), (0, 0), "offset and length of raw data");
    assert_eq!(u32_at(&block, 12), 72 + 192, "length of the data");
    assert_eq!(u32_at(&block, 16), 1, "severity");
    assert_eq!(block.len(), 20 + 72 + 192);
}

#[test]
fn the_block_is_as_long_as_linux_checks_and_fits_into_the_source() {
    // `cper_estatus_check`: the entries are exactly the data. `__ghes_check_estatus`: all of it is in the source's block.
    let block = block();
    let entry_and_section = 72 + u32_at(&block, 20 + 24);
    assert_eq!(entry_and_section, u32_at(&block, 12));
    assert!(block.len() <= usize::try_from(ErrorSource::BLOCK_SIZE).unwrap());
}

#[test]
fn the_entry_is_about_a_processor_and_says_in_text_who_asked_and_for_which_cpu() {
    // ACPI 6.5, section 18.3.2.7.1, Generic Error Data Entry.
    let entry = entry();
    // 9876ccad-47b4-4bdb-b65e-16f193c4f3db, a Generic Processor Error (UEFI 2.10, section N.2.2).
    assert_eq!(entry[..16], *b"\xad\xcc\x76\x98\xb4\x47\xdb\x4b\xb6\x5e\x16\xf1\x93\xc4\xf3\xdb");
    assert_eq!(u32_at(&entry, 16), 1, "severity");
    assert_eq!(u16_at(&entry, 20), 0x300, "revision");
    assert_eq!(entry[22], 2, "validation bits: the text");
    assert_eq!(entry[23], 1, "flags: primary");
    assert_eq!(u32_at(&entry, 24), 192, "length of the section");
    assert_eq!(entry[28..44], [0; 16], "FRU's ID");
    assert_eq!(&entry[44..64], b"operator NMI CPU17\0\0");
    assert_eq!(u64_at(&entry, 64), 0, "time");
}

#[test]
fn the_text_never_leaves_its_20_bytes() {
    let text = |cpu| fatal(Some((CpuIndex(cpu), Mpidr::from_register(0))))[64..84].to_vec();
    assert_eq!(text(0), b"operator NMI CPU0\0\0\0");
    assert_eq!(text(3839), b"operator NMI CPU3839");
    assert_eq!(fatal(Some((CpuIndex(usize::MAX), Mpidr::from_register(0)))).len(), 20 + 72 + 192);
}

#[test]
fn the_section_names_a_cpu_of_arm_by_its_affinity_and_claims_nothing_else() {
    // UEFI 2.10, section N.2.4.1.
    let section = section();
    assert_eq!(section.len(), 192);
    assert_eq!(u64_at(&section, 0), 0x103, "validation bits: type, instruction set, processor ID");
    assert_eq!((section[8], section[9]), (2, 4), "ARM, A64");
    assert!(section[10..152].iter().all(|&byte| byte == 0), "error, operation, flags, level, version, brand");
    assert_eq!(u64_at(&section, 152), 0x101, "processor ID");
    assert_eq!(section[160..], [0; 32], "target, requestor, responder, instruction pointer");
}

#[test]
fn an_affinity_keeps_all_its_levels() {
    let block = fatal(Some((CpuIndex(3), Mpidr::from_register(0x12_0034_5678))));
    assert_eq!(u64_at(&block, 20 + 72 + 152), 0x12_0034_5678);
}

#[test]
fn where_no_cpu_was_named_none_is_in_the_block() {
    let block = fatal(None);
    assert_eq!(&block[64..84], b"operator NMI\0\0\0\0\0\0\0\0");
    assert_eq!(u64::from_le_bytes(block[92..100].try_into().unwrap()), 0b11, "neither has the section an ID");
    assert_eq!(block.len(), 20 + 72 + 192);
}

//! SDEI, and the errors that it tells of.

use super::*;

/// A machine of which event 0x8000_0000 tells errors.
fn with_errors(cpus: &[Mpidr]) -> Description<'_> {
    Description { sdei: Sdei::TellsErrors { event: 0x8000_0000 }, ..machine(cpus) }
}

/// The signatures of the tables in the XSDT, in its order.
fn signatures(sdei: Sdei) -> Vec<String> {
    let tables = build(&Description { sdei, ..machine(&cpus(2)) }, AT, ROOM).unwrap();
    let root = table_at(&tables, u64_at(&tables.bytes, 24)).to_vec();
    root[36..].chunks(8).map(|entry| table_at(&tables, u64_at(entry, 0))[..4].to_vec()).map(text).collect()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// The one error source of a HEST.
fn source() -> Vec<u8> {
    table_of(&with_errors(&cpus(2)), "HEST")[40..].to_vec()
}

#[test]
fn a_machine_without_sdei_has_neither_of_its_tables_and_no_error_source() {
    let found = signatures(Sdei::Absent);
    assert!(found.iter().all(|signature| signature != "SDEI" && signature != "HEST"), "{found:?}");
    assert_eq!(build(&machine(&cpus(2)), AT, ROOM).unwrap().error_source, None);
}

#[test]
fn sdei_alone_is_a_table_and_errors_are_another() {
    let others = ["FACP", "APIC", "GTDT", "PPTT", "SPCR", "DBG2"];
    assert_eq!(signatures(Sdei::Present), [&others[..], &["SDEI"]].concat());
    assert_eq!(signatures(Sdei::TellsErrors { event: 1 }), [&others[..], &["SDEI", "HEST"]].concat());
    let cpus = cpus(2);
    let without_errors = Description { sdei: Sdei::Present, ..machine(&cpus) };
    assert_eq!(build(&without_errors, AT, ROOM).unwrap().error_source, None);
}

#[test]
fn every_table_adds_up_and_is_found_behind_the_error_source() {
    for count in [1, 8, 512] {
        let cpus = cpus(count);
        let tables = build(&with_errors(&cpus), AT, ROOM).unwrap();
        assert_eq!((tables.error_source, tables.rsdp), (Some(AT), Ipa(0x4203_0000)));
        let root = u64_at(&tables.bytes, 24);
        assert!(root > 0x4203_0000);
        for (signature, table) in all(&tables) {
            assert_eq!(sum(table), 0, "{signature} of {count} CPUs");
        }
    }
}

#[test]
fn the_sdei_table_is_a_header_alone() {
    // DEN0054, "ACPI table definitions for SDEI".
    let table = table_of(&Description { sdei: Sdei::Present, ..machine(&cpus(1)) }, "SDEI");
    assert_eq!((u32_at(&table, 4), table.len(), table[8]), (36, 36, 1), "length and revision");
    assert_eq!(table[10..24], *b"SWTCHBMACHINE ");
}

#[test]
fn the_hest_has_one_source_of_which_the_guest_acknowledges_errors() {
    // ACPI 6.5, section 18.3.2.
    let hest = table_of(&with_errors(&cpus(1)), "HEST");
    assert_eq!((hest[8], u32_at(&hest, 36)), (1, 1), "revision, number of sources");
    assert_eq!(hest.len(), 40 + 92);

    // Section 18.3.2.8.
    let source = source();
    assert_eq!(u16_at(&source, 0), 10, "type");
    assert_eq!(u16_at(&source, 2), 0, "source ID");
    assert_eq!(u16_at(&source, 4), 0xffff, "related source ID");
    assert_eq!((source[6], source[7]), (0, 1), "flags, enabled");
    assert_eq!((u32_at(&source, 8), u32_at(&source, 12)), (1, 1), "records to preallocate, sections in each");
    assert_eq!(u32_at(&source, 16), 0x1000, "maximum raw data length");
    assert_eq!(u32_at(&source, 60), 0x1000, "error status block length");
}

#[test]
fn the_error_status_address_and_the_acknowledgement_are_registers_of_64_bits_in_memory() {
    let source = source();
    // Section 5.2.3.2: memory, 64 bits wide, from bit 0 on, accessed by 64 bits.
    assert_eq!((&source[20..24], u64_at(&source, 24)), (&[0, 64, 0, 4][..], 0x4202_0000));
    assert_eq!((&source[64..68], u64_at(&source, 68)), (&[0, 64, 0, 4][..], 0x4202_0008));
    assert_eq!(u64_at(&source, 76), 0xffff_ffff_ffff_fffe, "read ack preserve");
    assert_eq!(u64_at(&source, 84), 1, "read ack write");
}

#[test]
fn the_source_is_announced_by_its_event_of_sdei() {
    // Section 18.3.2.9.
    let notification = &source()[32..60];
    assert_eq!((notification[0], notification[1]), (11, 28), "type, length");
    assert_eq!(u16_at(notification, 2), 0, "configuration write enable");
    assert_eq!(u32_at(notification, 4), 0, "poll interval");
    assert_eq!(u32_at(notification, 8), 0x8000_0000, "vector");
    assert_eq!(notification[12..], [0; 16], "thresholds");
}

#[test]
fn the_room_is_that_of_the_tables_and_of_the_error_source() {
    let cpus = cpus(8);
    let size = u64::try_from(build(&with_errors(&cpus), AT, ROOM).unwrap().bytes.len()).unwrap();
    build(&with_errors(&cpus), AT, size + 0x1_0000).unwrap();
    let error = build(&with_errors(&cpus), AT, size + 0xffff).unwrap_err();
    assert_eq!(error, AcpiError::TooLarge { size, cpus: 8, limit: size - 1 });
    let error = build(&with_errors(&cpus), AT, 0).unwrap_err();
    assert_eq!(error, AcpiError::TooLarge { size, cpus: 8, limit: 0 });
}

//! The hand-over, read back as a kernel reads it: from the device tree on.

use ::fdt::{Fdt, node::FdtNode};
use proptest::prelude::*;
use switchboard_smccc::{Conduit, Mpidr};

use super::*;
use crate::{
    Error, Personality,
    boot::{
        fdt::InterruptController,
        placement::{Placement, Request},
    },
};

/// 256 MiB, of which the 2 MiB from 0x4200_0000 on are for this; everything that is optional.
fn guest<'a>(acpi: &'a acpi::Description<'a>) -> HandOver<'a> {
    HandOver {
        area: Ipa(0x4200_0000),
        memory: 0x1000_0000,
        bootargs: "console=ttyAMA0 quiet",
        initrd: Some(InitialRamDisk { address: Ipa(0x4220_0000), size: 0x12_3456 }),
        kaslr_seed: Some(0x0123_4567_89ab_cdef),
        rng_seed: b"thirty-two bytes of no entropy!!",
        acpi,
    }
}

/// A machine with one CPU.
const MACHINE: acpi::Description<'_> = acpi::Description {
    cpus: &[Mpidr::from_register(0)],
    at_boot: &[],
    conduit: Conduit::Hvc,
    interrupt_controller: InterruptController::V3,
    pmu: true,
    sdei: acpi::Sdei::Absent,
    personality: Personality::Kvm,
};

const WITH_ERRORS: acpi::Sdei = acpi::Sdei::TellsErrors { event: 0x8000_0000 };

fn cells(node: FdtNode<'_, '_>, property: &str) -> Vec<u32> {
    let value = node.property(property).unwrap_or_else(|| panic!("{} has no {property}", node.name)).value;
    value.chunks(4).map(|cell| u32::from_be_bytes(cell.try_into().unwrap())).collect()
}

fn number(node: FdtNode<'_, '_>, property: &str) -> u64 {
    cells(node, property).into_iter().fold(0, |number, cell| number << 32 | u64::from(cell))
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap())
}

/// What a guest finds at an address.
fn memory_at(blobs: &[(Ipa, Vec<u8>)], address: u64) -> &[u8] {
    blobs
        .iter()
        .filter_map(|(start, bytes)| bytes.get(usize::try_from(address.checked_sub(start.0)?).unwrap()..))
        .find(|bytes| !bytes.is_empty())
        .unwrap_or_else(|| panic!("there is nothing at {address:#x}"))
}

/// Calls `check` with the node `/chosen`.
fn with_chosen(blobs: &[(Ipa, Vec<u8>)], check: impl FnOnce(FdtNode<'_, '_>)) {
    check(Fdt::new(&blobs[0].1).unwrap().find_node("/chosen").unwrap());
}

/// The memory map: of each entry, its type, its start, and its end.
fn map_of(blobs: &[(Ipa, Vec<u8>)]) -> Vec<(u32, u64, u64)> {
    let mut map = Vec::new();
    with_chosen(blobs, |chosen| {
        assert_eq!(cells(chosen, "linux,uefi-mmap-desc-size"), [40]);
        assert_eq!(cells(chosen, "linux,uefi-mmap-desc-ver"), [1]);
        let size = usize::try_from(number(chosen, "linux,uefi-mmap-size")).unwrap();
        let bytes = &memory_at(blobs, number(chosen, "linux,uefi-mmap-start"))[..size];
        for entry in bytes.chunks(40) {
            let start = u64_at(entry, 8);
            map.push((u32_at(entry, 0), start, start + u64_at(entry, 24) * 0x1000));
            assert_eq!(u64_at(entry, 32), 8, "write-back, and not for runtime services");
        }
    });
    map
}

/// The entry of the configuration table with this GUID, written as it is in memory.
fn configuration(blobs: &[(Ipa, Vec<u8>)], guid: [u8; 16]) -> u64 {
    let mut found = None;
    with_chosen(blobs, |chosen| {
        let system_table = memory_at(blobs, number(chosen, "linux,uefi-system-table"));
        let count = usize::try_from(u64_at(system_table, 104)).unwrap();
        let entries = &memory_at(blobs, u64_at(system_table, 112))[..count * 24];
        found = entries.chunks(24).find(|entry| entry[..16] == guid).map(|entry| u64_at(entry, 16));
    });
    found.unwrap_or_else(|| panic!("there is no {guid:x?}"))
}

#[test]
fn the_device_tree_is_first_and_each_part_is_in_its_place() {
    let blobs = build(&guest(&MACHINE)).unwrap().blobs;
    assert_eq!(
        blobs.iter().map(|blob| blob.0.0).collect::<Vec<_>>(),
        [0x4200_0000, 0x4201_0000, 0x4202_0000]
    );
    assert_eq!(blobs[0].1[..4], 0xd00d_feed_u32.to_be_bytes());
    assert!(blobs[..2].iter().all(|blob| blob.1.len() <= 0x1_0000));
    assert_eq!(blobs[2].1[..8], *b"RSD PTR ");
}

#[test]
fn nothing_but_chosen_is_in_the_device_tree() {
    let blobs = build(&guest(&MACHINE)).unwrap().blobs;
    let tree = Fdt::new(&blobs[0].1).unwrap();
    assert_eq!(tree.all_nodes().map(|node| node.name).collect::<Vec<_>>(), ["/", "chosen"]);
    let root = tree.find_node("/").unwrap();
    assert_eq!((cells(root, "#address-cells"), cells(root, "#size-cells")), (vec![2], vec![2]));
}

#[test]
fn chosen_tells_the_kernel_its_command_line_initrd_and_seeds() {
    with_chosen(&build(&guest(&MACHINE)).unwrap().blobs, |chosen| {
        assert_eq!(chosen.property("bootargs").unwrap().value, b"console=ttyAMA0 quiet\0");
        assert_eq!(cells(chosen, "linux,initrd-start"), [0, 0x4220_0000]);
        assert_eq!(cells(chosen, "linux,initrd-end"), [0, 0x4232_3456]);
        assert_eq!(cells(chosen, "kaslr-seed"), [0x0123_4567, 0x89ab_cdef]);
        assert_eq!(chosen.property("rng-seed").unwrap().value, b"thirty-two bytes of no entropy!!");
    });
}

#[test]
fn chosen_points_to_the_system_table_and_the_map_and_says_that_secure_boot_is_off() {
    with_chosen(&build(&guest(&MACHINE)).unwrap().blobs, |chosen| {
        assert_eq!(cells(chosen, "linux,uefi-system-table"), [0, 0x4201_0000]);
        assert_eq!(cells(chosen, "linux,uefi-mmap-start"), [0, 0x4201_0100]);
        assert_eq!(cells(chosen, "linux,uefi-mmap-size"), [5 * 40]);
        assert_eq!(cells(chosen, "linux,uefi-secure-boot"), [2]);
    });
}

#[test]
fn what_the_guest_is_not_given_is_not_in_its_tree() {
    let bare = HandOver { initrd: None, kaslr_seed: None, rng_seed: &[], ..guest(&MACHINE) };
    with_chosen(&build(&bare).unwrap().blobs, |chosen| {
        for property in ["linux,initrd-start", "linux,initrd-end", "kaslr-seed", "rng-seed"] {
            assert!(chosen.property(property).is_none(), "{property}");
        }
    });
}

#[test]
fn the_system_table_is_signed_and_names_us_and_offers_no_services() {
    let blobs = build(&guest(&MACHINE)).unwrap().blobs;
    let table = &blobs[1].1[..120];
    assert_eq!(&table[..8], b"IBI SYST");
    assert_eq!((u32_at(table, 8), u32_at(table, 12)), (0x2_0064, 120), "revision 2.10, size");
    let vendor: Vec<u16> = memory_at(&blobs, u64_at(table, 24))
        .chunks_exact(2)
        .map(|unit| u16::from_le_bytes(unit.try_into().unwrap()))
        .take_while(|&unit| unit != 0)
        .collect();
    assert_eq!(String::from_utf16(&vendor).unwrap(), "Switchboard");
    assert!(table[40..104].iter().all(|&byte| byte == 0), "consoles and services");
}

#[test]
fn the_checksum_of_the_system_table_is_the_crc_of_ethernet() {
    let blobs = build(&guest(&MACHINE)).unwrap().blobs;
    let mut table = blobs[1].1[..120].to_vec();
    let checksum = u32_at(&table, 16);
    table[16..20].fill(0);
    let mut reference = flate2::Crc::new();
    reference.update(&table);
    assert_eq!(checksum, reference.sum());
}

#[test]
fn the_configuration_table_leads_to_the_rsdp() {
    let blobs = build(&guest(&MACHINE)).unwrap().blobs;
    // 8868e871-e4f1-11d3-bc22-0080c73c8881.
    let guid = *b"\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88\x81";
    let rsdp = memory_at(&blobs, configuration(&blobs, guid));
    assert_eq!(&rsdp[..8], b"RSD PTR ");
}

#[test]
fn no_runtime_service_is_supported() {
    let blobs = build(&guest(&MACHINE)).unwrap().blobs;
    // eb66918a-7eef-402a-842e-931d21c38ae9.
    let guid = *b"\x8a\x91\x66\xeb\xef\x7e\x2a\x40\x84\x2e\x93\x1d\x21\xc3\x8a\xe9";
    let properties = memory_at(&blobs, configuration(&blobs, guid));
    assert_eq!((u32_at(properties, 0), u32_at(properties, 4)), (0x8_0001, 0), "version and size, services");
}

#[test]
fn the_map_says_what_each_part_of_memory_is_for() {
    assert_eq!(
        map_of(&build(&guest(&MACHINE)).unwrap().blobs),
        [
            (7, 0x4000_0000, 0x4200_0000),
            (2, 0x4200_0000, 0x4201_0000),
            (4, 0x4201_0000, 0x4202_0000),
            (9, 0x4202_0000, 0x4203_0000),
            (7, 0x4203_0000, 0x5000_0000),
        ]
    );
}

#[test]
fn an_area_that_is_all_of_memory_has_no_empty_entry_before_it() {
    let small = HandOver { area: Ipa(0x4000_0000), memory: 0x20_0000, ..guest(&MACHINE) };
    let kinds: Vec<u32> = map_of(&build(&small).unwrap().blobs).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [2, 4, 9, 7]);
}

#[test]
fn as_many_cpus_as_there_can_be_fit() {
    let cpus: Vec<Mpidr> = (0..3840).map(Mpidr::from_register).collect();
    for sdei in [acpi::Sdei::Absent, WITH_ERRORS] {
        let blobs = build(&guest(&acpi::Description { cpus: &cpus, sdei, ..MACHINE })).unwrap().blobs;
        let end = blobs[2].0.0 + u64::try_from(blobs[2].1.len()).unwrap();
        assert!(end <= 0x4220_0000, "{end:#x}");
    }
}

#[test]
fn the_error_source_is_a_region_of_its_own_that_firmware_and_kernel_share() {
    let told = build(&guest(&acpi::Description { sdei: WITH_ERRORS, ..MACHINE })).unwrap();
    assert_eq!(told.error_source, Some(Ipa(0x4202_0000)));
    // UEFI 2.10, section 7.2.3: 10 is EfiACPIMemoryNVS. `map_of` checks that it can be cached.
    assert_eq!(
        map_of(&told.blobs),
        [
            (7, 0x4000_0000, 0x4200_0000),
            (2, 0x4200_0000, 0x4201_0000),
            (4, 0x4201_0000, 0x4202_0000),
            (10, 0x4202_0000, 0x4203_0000),
            (9, 0x4203_0000, 0x4204_0000),
            (7, 0x4204_0000, 0x5000_0000),
        ]
    );
    with_chosen(&told.blobs, |chosen| assert_eq!(cells(chosen, "linux,uefi-mmap-size"), [6 * 40]));
}

#[test]
fn a_guest_finds_an_empty_block_by_the_address_in_its_hest() {
    let blobs = build(&guest(&acpi::Description { sdei: WITH_ERRORS, ..MACHINE })).unwrap().blobs;
    // 8868e871-e4f1-11d3-bc22-0080c73c8881.
    let guid = *b"\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88\x81";
    let rsdp = memory_at(&blobs, configuration(&blobs, guid));
    let root = memory_at(&blobs, u64_at(rsdp, 24));
    let entries = root[36..usize::try_from(u32_at(root, 4)).unwrap()].chunks(8);
    let mut tables = entries.map(|entry| memory_at(&blobs, u64_at(entry, 0)));
    let hest = tables.find(|table| &table[..4] == b"HEST").unwrap();

    // Behind the header and the number of sources, at 20 and at 64: two Generic Addresses, whose address is at 4.
    let status_address = u64_at(memory_at(&blobs, u64_at(hest, 40 + 20 + 4)), 0);
    let acknowledged = u64_at(memory_at(&blobs, u64_at(hest, 40 + 64 + 4)), 0);

    assert_eq!((status_address, acknowledged), (0x4202_1000, 1));
    assert_eq!(memory_at(&blobs, status_address), [0; 20]);
}

#[test]
fn a_guest_that_is_told_of_no_errors_has_no_memory_for_them() {
    for sdei in [acpi::Sdei::Absent, acpi::Sdei::Present] {
        let told = build(&guest(&acpi::Description { sdei, ..MACHINE })).unwrap();
        assert_eq!((told.error_source, told.blobs.len()), (None, 3));
        assert!(map_of(&told.blobs).iter().all(|&(kind, ..)| kind != 10));
    }
}

#[test]
fn what_linux_would_cut_off_or_lose_is_refused() {
    let longer = "x".repeat(2048);
    let error = build(&HandOver { bootargs: &longer, ..guest(&MACHINE) }).unwrap_err();
    assert_eq!(error, EfiError::DeviceTree(FdtError::BootargsTooLong { length: 2048 }));
    let error = build(&HandOver { rng_seed: &[0; 0x1_0000], ..guest(&MACHINE) }).unwrap_err();
    assert!(matches!(error, EfiError::DeviceTreeTooLarge { size: 0x1_0001.. }), "{error}");
    let many = [Mpidr::from_register(0); 3841];
    let error = build(&guest(&acpi::Description { cpus: &many, ..MACHINE })).unwrap_err();
    assert_eq!(error, EfiError::Tables(AcpiError::TooManyCpus { cpus: 3841 }));
}

#[test]
fn a_place_that_is_no_memory_or_no_whole_pages_is_refused() {
    let refused = |area, memory| build(&HandOver { area: Ipa(area), memory, ..guest(&MACHINE) }).unwrap_err();
    for area in [0, 0x3fff_0000, 0x4ff0_0000, 0x5000_0000, 0xffff_ffff_ffff_0000] {
        assert!(matches!(refused(area, 0x1000_0000), EfiError::Outside { .. }), "{area:#x}");
    }
    assert!(matches!(refused(0x4200_0000, 0xffff_ffff_ffff_0000), EfiError::Outside { .. }));
    for (area, memory) in [(0x4200_1000, 0x1000_0000), (0x4200_0000, 0x1000_1000)] {
        assert!(matches!(refused(area, memory), EfiError::Unaligned { .. }), "{area:#x}");
    }
}

#[test]
fn what_is_wrong_with_the_command_line_is_said_as_without_acpi() {
    let longer = "x".repeat(2048);
    let error = build(&HandOver { bootargs: &longer, ..guest(&MACHINE) }).unwrap_err();
    assert!(matches!(Error::from(error), Error::DeviceTree(FdtError::BootargsTooLong { .. })));
    let error = Error::from(EfiError::Tables(AcpiError::TooManyCpus { cpus: 3841 }));
    assert!(matches!(error, Error::Acpi(_)), "{error}");
}

proptest! {
    #[test]
    fn the_map_covers_memory_exactly_in_order_and_in_whole_large_pages(
        mebibytes in 2_u64..0x10_0000, image_size in 0_u64..0x1000_0000,
        count in proptest::sample::select(vec![1_usize, 8, 300]),
        sdei in proptest::sample::select(vec![acpi::Sdei::Absent, acpi::Sdei::Present, WITH_ERRORS]),
    ) {
        let memory = mebibytes << 20;
        let request = Request { memory, text_offset: 0, image_size, initrd: None };
        let Ok(placement) = Placement::new(&request) else { return Ok(()) };
        let cpus = vec![Mpidr::from_register(0); count];
        let machine = acpi::Description { cpus: &cpus, sdei, ..MACHINE };
        let told = build(&HandOver { area: placement.device_tree, memory, ..guest(&machine) }).unwrap();
        let map = map_of(&told.blobs);

        let mut covered = 0x4000_0000;
        for &(_, start, end) in &map {
            prop_assert_eq!(start, covered, "a hole, or an overlap");
            prop_assert!(end > start && end % 0x1_0000 == 0, "{:#x}", end);
            covered = end;
        }
        prop_assert_eq!(covered, 0x4000_0000 + memory);
        // Registers and block of the error source are the fourth and the fifth.
        for (blob, kind) in told.blobs.iter().zip([2, 4, 9, 10, 10]) {
            let end = blob.0.0 + u64::try_from(blob.1.len()).unwrap();
            let entry = map.iter().find(|&&(of, ..)| of == kind).unwrap();
            prop_assert!(entry.1 <= blob.0.0 && end <= entry.2, "{:#x?}", entry);
        }
        let shared = map.iter().find(|&&(of, ..)| of == 10);
        prop_assert_eq!(shared.map(|&(_, start, end)| (start, end - start)), told.error_source.map(|at| (at.0, 0x1_0000)));
    }
}

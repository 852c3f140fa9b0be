//! The tables, read back by the specification's offsets.

mod aml;
mod events;
mod interpreter;
mod sdei;

use super::*;

/// Where the tables are in these tests.
const AT: Ipa = Ipa(0x4202_0000);
const ROOM: u64 = 0x1e_0000;

/// CPUs as KVM numbers them: 16 to a cluster.
fn cpus(count: u64) -> Vec<Mpidr> {
    (0..count).map(|cpu| Mpidr::from_register(cpu / 16 * 0x100 + cpu % 16)).collect()
}

fn machine(cpus: &[Mpidr]) -> Description<'_> {
    Description {
        cpus,
        at_boot: &[],
        conduit: Conduit::Hvc,
        interrupt_controller: InterruptController::V3,
        pmu: true,
        sdei: Sdei::Absent,
        personality: Personality::Kvm,
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(bytes[offset..offset + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap())
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| sum.wrapping_add(byte))
}

/// The table at an address, as long as it says it is.
fn table_at(tables: &Tables, address: u64) -> &[u8] {
    let offset = usize::try_from(address - tables.rsdp.0).unwrap();
    let length = usize::try_from(u32_at(&tables.bytes, offset + 4)).unwrap();
    &tables.bytes[offset..offset + length]
}

/// All tables that can be reached from the RSDP, with their signatures.
fn all(tables: &Tables) -> Vec<(&str, &[u8])> {
    let root = table_at(tables, u64_at(&tables.bytes, 24));
    let entries = root[36..].chunks(8).map(|entry| u64_at(entry, 0));
    let mut found: Vec<&[u8]> = entries.map(|address| table_at(tables, address)).collect();
    found.push(table_at(tables, u64_at(found[0], 140)));
    found.push(root);
    found.into_iter().map(|table| (std::str::from_utf8(&table[..4]).unwrap(), table)).collect()
}

/// One table of a machine.
fn table_of(machine: &Description<'_>, signature: &str) -> Vec<u8> {
    let tables = build(machine, AT, ROOM).unwrap();
    let found = all(&tables).into_iter().find(|table| table.0 == signature);
    found.unwrap_or_else(|| panic!("there is no {signature}")).1.to_vec()
}

/// The structures in a MADT or PPTT, from `offset` on: of each, its bytes.
fn structures(table: &[u8], offset: usize) -> Vec<&[u8]> {
    let mut rest = &table[offset..];
    let mut found = Vec::new();
    while let [_, length, ..] = *rest {
        let (structure, others) = rest.split_at(length.into());
        found.push(structure);
        rest = others;
    }
    assert!(rest.is_empty());
    found
}

#[test]
fn the_rsdp_is_first_and_adds_up_twice() {
    let tables = build(&machine(&cpus(2)), AT, ROOM).unwrap();
    let rsdp = &tables.bytes[..36];
    assert_eq!(tables.rsdp, AT);
    assert_eq!(rsdp[..8], *b"RSD PTR ");
    assert_eq!(rsdp[15], 2, "revision");
    assert_eq!(u32_at(rsdp, 20), 36, "length");
    assert_eq!((sum(&rsdp[..20]), sum(rsdp)), (0, 0));
}

#[test]
fn every_table_is_found_and_adds_up_however_many_cpus_there_are() {
    for count in [1, 2, 8, 512] {
        let cpus = cpus(count);
        let tables = build(&machine(&cpus), AT, ROOM).unwrap();
        let found = all(&tables);
        let signatures: Vec<&str> = found.iter().map(|&(signature, _)| signature).collect();
        assert_eq!(signatures, ["FACP", "APIC", "GTDT", "PPTT", "SPCR", "DBG2", "DSDT", "XSDT"]);
        for (signature, table) in found {
            assert_eq!(sum(table), 0, "{signature} of {count} CPUs");
            assert_eq!(table[10..24], *b"SWTCHBMACHINE ", "{signature}");
        }
    }
}

#[test]
fn tables_have_the_revisions_and_the_lengths_that_the_specification_gives_them() {
    let cpus = cpus(3);
    let tables = build(&machine(&cpus), AT, ROOM).unwrap();
    let revision_and_length: Vec<(u8, usize)> = all(&tables)
        .iter()
        .filter(|table| table.0 != "DSDT")
        .map(|(_, table)| (table[8], table.len()))
        .collect();
    let madt = 44 + 24 + 3 * 82 + 16;
    assert_eq!(
        revision_and_length,
        [(6, 276), (6, madt), (2, 96), (3, 36 + 20 + 3 * 20), (2, 80), (0, 92), (1, 36 + 6 * 8)]
    );
    assert_eq!(table_of(&machine(&cpus), "DSDT")[8], 2);
}

#[test]
fn the_fadt_has_no_fixed_hardware_and_says_how_psci_is_called() {
    let cpus = cpus(1);
    for (conduit, arm_boot_arch) in [(Conduit::Hvc, 3), (Conduit::Smc, 1)] {
        let fadt = table_of(&Description { conduit, ..machine(&cpus) }, "FACP");
        assert_eq!(u32_at(&fadt, 112), 1 << 20 | 1 << 5 | 1 << 4, "flags");
        assert_eq!(u16_at(&fadt, 129), arm_boot_arch, "{conduit}");
        // Linux wants 5.1 or later.
        assert_eq!((fadt[8], fadt[131]), (6, 5), "version");
        assert_eq!(u32_at(&fadt, 40), 0, "DSDT below 4 GiB");
    }
}

#[test]
fn the_fadt_names_the_hypervisor_if_it_is_hyper_v() {
    let cpus = cpus(1);
    for (personality, identity) in [(Personality::Kvm, [0; 8]), (Personality::HyperV, *b"MsHyperV")] {
        let fadt = table_of(&Description { personality, ..machine(&cpus) }, "FACP");
        assert_eq!(fadt[268..], identity, "section 5.2.9, Hypervisor Vendor Identity");
        assert_eq!(sum(&fadt), 0, "{personality:?}");
    }
}

#[test]
fn the_boot_cpu_and_those_that_are_there_are_enabled_in_the_madt_and_all_others_can_come() {
    for count in [1, 2, 8, 512] {
        let cpus = cpus(count);
        let madt = table_of(&Description { at_boot: &[CpuIndex(0), CpuIndex(5)], ..machine(&cpus) }, "APIC");
        let interfaces: Vec<&[u8]> =
            structures(&madt, 44).into_iter().filter(|structure| structure[0] == 0xb).collect();
        assert_eq!(interfaces.len(), cpus.len());
        for (index, (interface, cpu)) in (0..).zip(interfaces.iter().zip(&cpus)) {
            assert_eq!(interface[1], 82, "length");
            assert_eq!((u32_at(interface, 4), u32_at(interface, 8)), (index, index), "number and UID");
            assert_eq!(
                u32_at(interface, 12),
                if [0, 5].contains(&index) { 1 } else { 8 },
                "flags of CPU {index}"
            );
            assert_eq!(u32_at(interface, 20), 23, "performance interrupt");
            assert_eq!((u64_at(interface, 32), u64_at(interface, 60)), (0, 0), "registers");
            assert_eq!(u64_at(interface, 68), cpu.value(), "MPIDR");
        }
    }
}

#[test]
fn a_gicv3_has_one_range_of_redistributors_for_all_cpus() {
    for (count, size) in [(1, 0x2_0000), (8, 0x10_0000), (512, 0x400_0000), (3840, 0x1e00_0000)] {
        let cpus = cpus(count);
        let madt = table_of(&machine(&cpus), "APIC");
        let structures = structures(&madt, 44);
        let (distributor, redistributors) = (structures[0], *structures.last().unwrap());
        assert_eq!(distributor[..2], [0xc, 24]);
        assert_eq!((u64_at(distributor, 8), distributor[20]), (0x0800_0000, 3));
        assert_eq!(redistributors[..2], [0xe, 16]);
        assert_eq!((u64_at(redistributors, 4), u32_at(redistributors, 12)), (0x1000_0000, size));
    }
}

#[test]
fn a_gicv2_has_a_cpu_interface_for_each_cpu_and_no_redistributors() {
    let cpus = cpus(8);
    let old = Description { interrupt_controller: InterruptController::V2, ..machine(&cpus) };
    let madt = table_of(&old, "APIC");
    let structures = structures(&madt, 44);
    assert_eq!(structures.len(), 1 + 8);
    assert_eq!((structures[0][0], structures[0][20]), (0xc, 2));
    for interface in &structures[1..] {
        assert_eq!((interface[0], u64_at(interface, 32)), (0xb, 0x0801_0000));
    }
}

#[test]
fn a_machine_without_performance_counters_has_no_interrupt_for_them() {
    let cpus = cpus(2);
    let madt = table_of(&Description { pmu: false, ..machine(&cpus) }, "APIC");
    assert!(structures(&madt, 44)[1..3].iter().all(|interface| u32_at(interface, 20) == 0));
}

#[test]
fn the_timers_are_those_of_the_device_tree() {
    let gtdt = table_of(&machine(&cpus(1)), "GTDT");
    // Level, active low, always on.
    let timers = [48, 56, 64, 72].map(|offset| (u32_at(&gtdt, offset), u32_at(&gtdt, offset + 4)));
    assert_eq!(timers, [(29, 6), (30, 6), (27, 6), (26, 6)]);
    assert_eq!((u64_at(&gtdt, 36), u64_at(&gtdt, 80)), (u64::MAX, u64::MAX));
    assert_eq!((u32_at(&gtdt, 88), u32_at(&gtdt, 92)), (0, 0));
}

#[test]
fn every_possible_cpu_is_a_leaf_of_one_package() {
    let pptt = table_of(&machine(&cpus(512)), "PPTT");
    let nodes = structures(&pptt, 36);
    assert_eq!(nodes.len(), 1 + 512);
    // A physical package, whose children are alike, and which has no parent.
    assert_eq!((u32_at(nodes[0], 4), u32_at(nodes[0], 8)), (0x11, 0));
    for (uid, leaf) in (0..).zip(&nodes[1..]) {
        // A leaf with a valid ID, below the package.
        assert_eq!((u32_at(leaf, 4), u32_at(leaf, 8), u32_at(leaf, 12)), (0xa, 36, uid));
    }
}

#[test]
fn the_console_is_the_pl011() {
    let spcr = table_of(&machine(&cpus(1)), "SPCR");
    assert_eq!(spcr[36], 3, "interface type");
    // Memory, 32 bits wide, accessed by 32 bits.
    assert_eq!((&spcr[40..44], u64_at(&spcr, 44)), (&[0, 32, 0, 3][..], 0x0900_0000));
    assert_eq!((spcr[52], u32_at(&spcr, 54)), (8, 33), "interrupt");
    assert_eq!(spcr[58], 7, "115,200 bits a second");
    assert_eq!(u32_at(&spcr, 64), u32::MAX, "PCI device and vendor");
}

#[test]
fn the_debug_port_is_the_console() {
    let dbg2 = table_of(&machine(&cpus(1)), "DBG2");
    assert_eq!((u32_at(&dbg2, 36), u32_at(&dbg2, 40)), (44, 1), "offset and number of descriptions");
    let port = &dbg2[44..];
    assert_eq!((usize::from(u16_at(port, 1)), port[3]), (port.len(), 1), "length, number of addresses");
    assert_eq!((u16_at(port, 12), u16_at(port, 14)), (0x8000, 3), "type and subtype");
    let [address, size, name] = [18, 20, 6].map(|offset| usize::from(u16_at(port, offset)));
    assert_eq!((&port[address..address + 4], u64_at(port, address + 4)), (&[0, 32, 0, 3][..], 0x0900_0000));
    assert_eq!(u32_at(port, size), 0x1000);
    assert_eq!(&port[name..], b"\\_SB.COM0\0");
    assert_eq!(usize::from(u16_at(port, 4)), port.len() - name, "length of the name");
}

#[test]
fn tables_that_do_not_fit_are_an_error_with_numbers() {
    let cpus = cpus(512);
    let size = u64::try_from(build(&machine(&cpus), AT, ROOM).unwrap().bytes.len()).unwrap();
    build(&machine(&cpus), AT, size).unwrap();
    let error = build(&machine(&cpus), AT, size - 1).unwrap_err();
    assert_eq!(error, AcpiError::TooLarge { size, cpus: 512, limit: size - 1 });
    assert_eq!(
        error.to_string(),
        format!("the ACPI tables of 512 CPUs are {size} bytes large, and there is room for {}", size - 1)
    );
}

#[test]
fn as_many_cpus_as_the_event_device_has_registers_for_and_no_more() {
    build(&machine(&cpus(3840)), AT, ROOM).unwrap();
    let error = build(&machine(&cpus(3841)), AT, ROOM).unwrap_err();
    assert_eq!(error, AcpiError::TooManyCpus { cpus: 3841 });
    assert_eq!(error.to_string(), "a guest with ACPI can have 3840 CPUs at most, and 3841 are too many");
}

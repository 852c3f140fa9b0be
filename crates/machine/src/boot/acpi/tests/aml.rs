//! The DSDT: what is declared in it.

use super::{
    cpus,
    interpreter::{Namespace, Object},
    machine, table_of,
};

pub(super) fn dsdt(count: u64) -> Namespace {
    Namespace::load(&table_of(&machine(&cpus(count)), "DSDT"))
}

fn text(text: &str) -> Object {
    Object::Text(text.to_owned())
}

/// `EisaId`: three letters of five bits and four digits, the most significant byte first (section 19.6.38).
fn eisa(id: &str) -> Object {
    let (letters, digits) = id.split_at(3);
    let vendor = letters.bytes().fold(0, |number, letter| number << 5 | u32::from(letter - b'@'));
    let product = u32::from_str_radix(digits, 16).unwrap();
    Object::Integer((vendor << 16 | product).swap_bytes().into())
}

/// An extended interrupt descriptor: a consumer's, level-triggered, active high, exclusive.
const INTERRUPT: [u8; 5] = [0x89, 6, 0, 1, 1];
const END: [u8; 2] = [0x79, 0];

#[test]
fn every_package_ends_where_it_says_however_many_cpus_there_are() {
    for count in [0, 1, 2, 8, 17, 512, 3840] {
        let space = dsdt(count);
        let devices = space.objects.values().filter(|&object| *object == Object::Device).count();
        assert_eq!(u64::try_from(devices), Ok(4 + count));
    }
}

#[test]
fn the_serial_port_is_one_of_arms_with_registers_and_an_interrupt() {
    let space = dsdt(1);
    assert_eq!(space.objects["\\_SB_.COM0._HID"], text("ARMH0011"));
    let memory = [0x86, 9, 0, 1, 0x00, 0x00, 0x00, 0x09, 0x00, 0x10, 0x00, 0x00];
    let resources = [&memory[..], &INTERRUPT, &[33, 0, 0, 0], &END].concat();
    assert_eq!(space.objects["\\_SB_.COM0._CRS"], Object::Buffer(resources));
}

#[test]
fn the_event_device_has_the_interrupt_of_the_layout() {
    let space = dsdt(1);
    assert_eq!(space.objects["\\_SB_.GED0._HID"], text("ACPI0013"));
    let resources = [&INTERRUPT[..], &[40, 0, 0, 0], &END].concat();
    assert_eq!(space.objects["\\_SB_.GED0._CRS"], Object::Buffer(resources));
}

#[test]
fn there_is_a_power_button_and_a_container_of_cpus() {
    let space = dsdt(1);
    assert_eq!(space.objects["\\_SB_.PWRB._HID"], eisa("PNP0C0C"));
    assert_eq!(space.objects["\\_SB_.CPUS._HID"], text("ACPI0010"));
    assert_eq!(space.objects["\\_SB_.CPUS._CID"], eisa("PNP0A05"));
}

#[test]
fn a_cpu_is_a_device_with_the_uid_of_the_madt() {
    let space = dsdt(512);
    for (name, uid) in [("C000", 0), ("C001", 1), ("C0FF", 255), ("C1FF", 511)] {
        assert_eq!(space.objects[&format!("\\_SB_.CPUS.{name}._HID")], text("ACPI0007"));
        assert_eq!(space.objects[&format!("\\_SB_.CPUS.{name}._UID")], Object::Integer(uid));
        assert!(!space.objects.contains_key(&format!("\\_SB_.CPUS.{name}._MAT")));
    }
}

#[test]
fn every_cpu_but_the_boot_cpu_can_be_ejected() {
    let space = dsdt(17);
    let ejectable = |name: &str| space.objects.contains_key(&format!("\\_SB_.CPUS.{name}._EJ0"));
    assert!(!ejectable("C000"));
    assert!((1..17).all(|cpu| ejectable(&format!("C{cpu:03X}"))));
}

#[test]
fn each_register_is_a_field_as_wide_as_it_is() {
    let space = dsdt(3840);
    let registers = [
        ("NEXT", 0x0908_0000, 4),
        ("PWRE", 0x0908_0004, 4),
        ("S000", 0x0908_1000, 1),
        ("E000", 0x0908_1001, 1),
        ("J000", 0x0908_1002, 1),
        ("A000", 0x0908_1004, 4),
        ("B000", 0x0908_1008, 4),
        ("S001", 0x0908_1010, 1),
        ("SEFF", 0x0908_fff0, 1),
        ("BEFF", 0x0908_fff8, 4),
    ];
    for (name, address, size) in registers {
        assert_eq!(space.objects[&format!("\\_SB_.CPUS.{name}")], Object::Field { address, size });
    }
}

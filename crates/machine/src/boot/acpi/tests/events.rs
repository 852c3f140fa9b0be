//! The DSDT: what the guest does by it, with the event device on the other side.

use proptest::prelude::*;

use super::{
    aml::dsdt,
    interpreter::{Bus, Guest},
};
use crate::devices::{
    Level,
    events::{Event, Events, Happening},
};

const BASE: u64 = 0x0908_0000;

/// The event device, and what came of the accesses to it.
struct Device {
    events: Events,
    /// The CPUs that the guest may have.
    enabled: Vec<usize>,
    accesses: Vec<(char, u64, u64)>,
    happenings: Vec<Happening>,
}

impl Device {
    fn new(cpus: u64) -> Self {
        let events = Events::new(usize::try_from(cpus).unwrap());
        Self { events, enabled: vec![0], accesses: Vec::new(), happenings: Vec::new() }
    }
}

impl Bus for Device {
    fn read(&mut self, address: u64, size: u64) -> u32 {
        self.accesses.push(('r', address - BASE, size));
        self.events.read(address - BASE, |cpu| self.enabled.contains(&cpu))
    }

    fn write(&mut self, address: u64, size: u64, value: u32) {
        self.accesses.push(('w', address - BASE, size));
        self.happenings.extend(self.events.write(address - BASE, value));
    }
}

fn notified<const N: usize>(expected: [(&str, u64); N]) -> Vec<(String, u64)> {
    expected.map(|(device, value)| (device.to_owned(), value)).into()
}

#[test]
fn a_cpu_is_enabled_or_else_only_present() {
    let space = dsdt(17);
    let mut guest = Guest::new(&space, Device::new(17));
    guest.bus.enabled = vec![0, 16];
    let states = ["C000", "C001", "C010"].map(|cpu| guest.call(&format!("\\_SB_.CPUS.{cpu}._STA"), &[]));
    assert_eq!(states, [0xf, 0xd, 0xf]);
}

#[test]
fn ejecting_a_cpu_says_that_the_guest_has_released_it() {
    let space = dsdt(17);
    let mut guest = Guest::new(&space, Device::new(17));
    guest.call("\\_SB_.CPUS.C010._EJ0", &[1]);
    assert_eq!(guest.bus.happenings, [Happening::Released { cpu: 16 }]);
    assert_eq!(guest.bus.accesses, [('w', 0x1102, 1)]);
}

#[test]
fn ost_says_the_event_and_then_its_status_by_a_store_each() {
    let space = dsdt(2);
    let mut guest = Guest::new(&space, Device::new(2));
    guest.call("\\_SB_.CPUS.C001._OST", &[0x103, 0x84, 0]);
    assert_eq!(guest.bus.happenings, [Happening::Status { cpu: 1, event: 0x103, status: 0x84 }]);
    assert_eq!(guest.bus.accesses, [('w', 0x1014, 4), ('w', 0x1018, 4)]);
}

#[test]
fn at_its_interrupt_the_guest_takes_every_event_and_the_level_falls() {
    let space = dsdt(8);
    let mut guest = Guest::new(&space, Device::new(8));
    guest.bus.events.raise(5, Event::EjectRequest);
    guest.bus.events.raise(1, Event::DeviceCheck);
    guest.call("\\_SB_.GED0._EVT", &[40]);
    assert_eq!(guest.notified, notified([("C001", 1), ("C005", 3)]));
    assert_eq!(guest.bus.happenings, [Happening::Heard { cpu: 1 }, Happening::Heard { cpu: 5 }]);
    assert_eq!(guest.bus.events.interrupt_level(), Level::Low);
}

#[test]
fn an_event_costs_three_accesses_however_many_cpus_there_are() {
    for count in [2, 512, 3840] {
        let space = dsdt(count);
        let mut guest = Guest::new(&space, Device::new(count));
        guest.bus.events.raise(1, Event::DeviceCheck);
        guest.call("\\_SB_.GED0._EVT", &[40]);
        let event = [('r', 0, 4), ('r', 0x1011, 1), ('w', 0x1011, 1)];
        let expected = [&[('r', 4, 4)][..], &event, &[('r', 0, 4)]].concat();
        assert_eq!(guest.bus.accesses, expected, "of {count} CPUs");
    }
}

#[test]
fn the_power_button_is_acknowledged_and_notified() {
    let space = dsdt(1);
    let mut guest = Guest::new(&space, Device::new(1));
    guest.bus.events.press_button();
    guest.call("\\_SB_.GED0._EVT", &[40]);
    assert_eq!(guest.notified, notified([("PWRB", 0x80)]));
    assert_eq!(guest.bus.events.interrupt_level(), Level::Low);
}

#[test]
fn another_interrupt_is_none_of_its_business() {
    let space = dsdt(1);
    let mut guest = Guest::new(&space, Device::new(1));
    guest.bus.events.press_button();
    guest.call("\\_SB_.GED0._EVT", &[41]);
    assert_eq!(guest.bus.accesses, []);
}

/// A device of which every register always reads as the same.
struct Stuck {
    value: u32,
    accesses: u64,
}

impl Bus for Stuck {
    fn read(&mut self, _address: u64, _size: u64) -> u32 {
        self.accesses += 1;
        self.value
    }

    fn write(&mut self, _address: u64, _size: u64, _value: u32) {
        self.accesses += 1;
    }
}

#[test]
fn a_scan_ends_whatever_the_device_reads_as() {
    for count in [0, 1, 8, 512] {
        let space = dsdt(count);
        for value in [0, 1, 3, 7, 8, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff] {
            let mut guest = Guest::new(&space, Stuck { value, accesses: 0 });
            guest.call("\\_SB_.CPUS.CSCN", &[]);
            assert!(guest.bus.accesses <= 3 * (2 * count + 1), "{value:#x} of {count} CPUs");
            // What is no event is not passed on, and no CPU that is not there has any.
            let is_event = value != 0 && u64::from(value) < count;
            assert_eq!(!guest.notified.is_empty(), is_event, "{value:#x} of {count} CPUs");
        }
    }
}

proptest! {
    #[test]
    fn every_event_is_passed_on_to_its_cpu_once(
        count in 1_usize..70, raised in proptest::collection::btree_map(0_usize..70, any::<bool>(), 0..70),
    ) {
        let count_of_cpus = u64::try_from(count).unwrap();
        let space = dsdt(count_of_cpus);
        let mut guest = Guest::new(&space, Device::new(count_of_cpus));
        let mut expected = Vec::new();
        for (cpu, eject) in raised.into_iter().filter(|&(cpu, _)| cpu < count) {
            let event = if eject { Event::EjectRequest } else { Event::DeviceCheck };
            guest.bus.events.raise(cpu, event);
            expected.push((format!("C{cpu:03X}"), u64::from(event.number())));
        }
        guest.call("\\_SB_.GED0._EVT", &[40]);
        prop_assert_eq!(guest.notified, expected);
        prop_assert_eq!(guest.bus.events.interrupt_level(), Level::Low);
    }
}

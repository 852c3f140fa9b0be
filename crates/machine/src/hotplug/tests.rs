use switchboard_firmware::{
    EntryPoint,
    psci::{Endianness, Next, Start},
};
use switchboard_smccc::{Ipa, Mpidr};

use super::*;

const CPU: CpuIndex = CpuIndex(1);
/// The registers of CPU 1.
const EVENT: u64 = 0x1011;
const EJECTED: u64 = 0x1012;
const OST_EVENT: u64 = 0x1014;
const OST_STATUS: u64 = 0x1018;

/// A machine that can have two CPUs, of which the guest has one, which is on.
struct Machine {
    power: PowerTable,
    hotplug: Hotplug,
}

impl Machine {
    fn new(description: Description) -> Self {
        let power = PowerTable::new(&[0, 1].map(Mpidr::from_register));
        let machine = Self { power, hotplug: Hotplug::new(2, description) };
        machine.turn_on(CpuIndex(0));
        machine.power.disable(CPU).unwrap();
        machine
    }

    /// With CPU 1 on.
    fn with_two(description: Description) -> Self {
        let machine = Self::new(description);
        machine.power.enable(CPU);
        machine.turn_on(CPU);
        machine
    }

    fn turn_on(&self, cpu: CpuIndex) {
        let entry = EntryPoint { address: Ipa(0), context: 0 };
        self.power.start(cpu, Start { entry, endianness: Endianness::Little }).unwrap();
        assert!(matches!(self.power.next(cpu), Next::Start(_)));
    }

    fn add(&mut self) -> Result<Ticket, Impossible> {
        self.hotplug.add(CPU, &self.power)
    }

    fn remove(&mut self) -> Result<Ticket, Impossible> {
        self.hotplug.remove(CPU, &self.power)
    }

    fn write(&mut self, offset: u64, value: u32) -> Option<CpuIndex> {
        let happening = self.hotplug.events_mut().write(offset, value)?;
        self.hotplug.happened(happening, &self.power)
    }

    fn event(&self) -> u32 {
        self.hotplug.events().read(EVENT, |_| false)
    }

    /// The guest reads the event and acknowledges it.
    fn hear(&mut self) {
        let event = self.event();
        self.write(EVENT, event);
    }

    fn ost(&mut self, event: u32, status: u32) -> Option<CpuIndex> {
        self.write(OST_EVENT, event);
        self.write(OST_STATUS, status)
    }

    /// The guest takes the CPU off. (In the machine, the CPU's own thread does.)
    fn turn_off(&mut self) {
        self.power.reset();
        self.turn_on(CpuIndex(0));
    }

    fn result(&self, ticket: Ticket) -> ChangeResult {
        match self.hotplug.progress(CPU, ticket) {
            Progress::Pending(result) | Progress::Over(result, _) => result,
        }
    }
}

#[test]
fn a_cpu_that_is_added_is_raised_heard_taken_and_online() {
    let mut machine = Machine::new(Description::Acpi);

    let ticket = machine.add().unwrap();
    assert_eq!(machine.power.state(CPU), CpuPower::Off, "the guest may have it before it is told");
    assert_eq!((machine.event(), machine.result(ticket)), (1, ChangeResult::Unheard));
    machine.hear();
    assert_eq!((machine.event(), machine.result(ticket)), (0, ChangeResult::Unanswered));
    machine.ost(1, 0);
    assert_eq!(machine.result(ticket), ChangeResult::NotOnline);
    machine.hotplug.started(CPU);
    assert_eq!(machine.result(ticket), ChangeResult::Online);
    assert_eq!(machine.hotplug.pending(CPU), None);
}

#[test]
fn a_cpu_that_is_removed_is_the_guests_until_it_has_released_it() {
    let mut machine = Machine::with_two(Description::Acpi);

    let ticket = machine.remove().unwrap();
    assert_eq!((machine.event(), machine.result(ticket)), (3, ChangeResult::Unheard));
    machine.hear();
    machine.ost(3, 0x84);
    assert_eq!(machine.result(ticket), ChangeResult::Unanswered);
    assert_eq!(machine.power.state(CPU), CpuPower::On);
    machine.turn_off();
    assert_eq!(machine.write(EJECTED, 1), Some(CPU));
    assert_eq!(machine.power.state(CPU), CpuPower::Disabled);
    assert_eq!(machine.hotplug.pending(CPU), Some(Change::Remove), "the guest is not through");
    assert_eq!(machine.add(), Err(Impossible::Busy));
    machine.ost(3, 0);

    assert_eq!(machine.result(ticket), ChangeResult::Released);
    assert_eq!(machine.hotplug.pending(CPU), None);
}

#[test]
fn a_guest_that_never_says_that_it_is_through_has_released_the_cpu_all_the_same() {
    let mut machine = Machine::with_two(Description::Acpi);
    let ticket = machine.remove().unwrap();
    machine.hear();
    machine.turn_off();
    machine.write(EJECTED, 1);
    assert_eq!(machine.result(ticket), ChangeResult::Released, "for whoever stops waiting");
    machine.hotplug.cpus[CPU.0].request.as_mut().unwrap().since -= 2 * EJECTION;
    machine.add().unwrap();
}

#[test]
fn a_guest_that_refuses_to_release_a_cpu_keeps_it() {
    let mut machine = Machine::with_two(Description::Acpi);
    let ticket = machine.remove().unwrap();
    machine.hear();
    machine.ost(3, 0x84);
    assert_eq!(machine.ost(3, 0x82), None);
    assert_eq!(machine.result(ticket), ChangeResult::Refused { event: 3, status: 0x82 });
    assert_eq!(machine.power.state(CPU), CpuPower::On);
    assert_eq!(machine.remove().map(|_| machine.event()), Ok(3), "it can be asked again");
}

#[test]
fn a_guest_that_refuses_a_cpu_does_not_have_it() {
    let mut machine = Machine::new(Description::Acpi);
    let ticket = machine.add().unwrap();
    machine.hear();
    assert_eq!(machine.ost(1, 0x81), Some(CPU));
    assert_eq!(machine.result(ticket), ChangeResult::Refused { event: 1, status: 0x81 });
    assert_eq!(machine.power.state(CPU), CpuPower::Disabled);
}

#[test]
fn a_running_cpu_is_not_released_whatever_the_guest_says() {
    let mut machine = Machine::with_two(Description::Acpi);
    let ticket = machine.remove().unwrap();
    machine.hear();
    assert_eq!(machine.write(EJECTED, 1), None);
    assert_eq!(machine.power.state(CPU), CpuPower::On);
    assert_eq!(machine.result(ticket), ChangeResult::Unanswered);
}

#[test]
fn the_boot_cpu_is_not_released_even_when_it_is_off() {
    let mut machine = Machine::new(Description::Acpi);
    machine.power.reset();
    assert_eq!(machine.write(0x1002, 1), None);
    assert_eq!(machine.power.state(CpuIndex(0)), CpuPower::Off);
}

#[test]
fn what_a_guest_has_heard_before_a_reset_the_next_one_is_told_again() {
    let mut machine = Machine::with_two(Description::Acpi);
    let ticket = machine.remove().unwrap();
    machine.hear();
    machine.hotplug.reset();
    assert_eq!((machine.event(), machine.result(ticket)), (3, ChangeResult::Unheard));
}

#[test]
fn a_reset_between_eject_and_its_last_word_is_a_release() {
    let mut machine = Machine::with_two(Description::Acpi);
    let ticket = machine.remove().unwrap();
    machine.hear();
    machine.turn_off();
    machine.write(EJECTED, 1);
    machine.hotplug.reset();
    assert_eq!((machine.result(ticket), machine.hotplug.pending(CPU)), (ChangeResult::Released, None));
}

#[test]
fn a_guest_that_heard_long_ago_is_asked_again() {
    let mut machine = Machine::with_two(Description::Acpi);
    let ticket = machine.remove().unwrap();
    machine.hear();
    assert_eq!((machine.remove(), machine.event()), (Ok(ticket), 0), "it has only just heard");
    machine.hotplug.cpus[CPU.0].request.as_mut().unwrap().since -= 2 * EJECTION;
    assert_eq!((machine.remove(), machine.event()), (Ok(ticket), 3));
}

#[test]
fn an_eject_that_the_guest_begins_is_accepted() {
    let mut machine = Machine::with_two(Description::Acpi);
    machine.ost(0x103, 0x84);
    machine.turn_off();
    assert_eq!(machine.write(EJECTED, 1), Some(CPU));
    machine.ost(0x103, 0);
    assert_eq!(machine.power.state(CPU), CpuPower::Disabled);
    assert_eq!(machine.hotplug.pending(CPU), None);
}

#[test]
fn a_cpu_that_the_guest_finds_before_it_is_told_of_it_is_online() {
    let mut machine = Machine::new(Description::Acpi);
    let ticket = machine.add().unwrap();
    machine.turn_on(CPU);
    machine.hotplug.started(CPU);
    assert_eq!(machine.result(ticket), ChangeResult::Online);
    assert_eq!(machine.event(), 1, "it is still told: its scan finds the CPU there");
    machine.hear();
    assert_eq!(machine.ost(1, 0), None);
}

#[test]
fn a_request_that_the_guest_has_not_heard_can_be_taken_back() {
    let mut machine = Machine::new(Description::Acpi);
    let added = machine.add().unwrap();
    let removed = machine.remove().unwrap();
    assert_eq!(machine.event(), 0);
    assert_eq!(machine.result(added), ChangeResult::Abandoned);
    assert_eq!(machine.result(removed), ChangeResult::Released);
    assert_eq!(machine.power.state(CPU), CpuPower::Disabled);

    let mut machine = Machine::with_two(Description::Acpi);
    let removed = machine.remove().unwrap();
    let added = machine.add().unwrap();
    assert_eq!(machine.event(), 0);
    assert_eq!(machine.result(removed), ChangeResult::Abandoned);
    assert_eq!(machine.result(added), ChangeResult::Online);
}

#[test]
fn a_request_that_the_guest_works_on_is_not_taken_back() {
    let mut machine = Machine::with_two(Description::Acpi);
    machine.remove().unwrap();
    machine.hear();
    assert_eq!(machine.add(), Err(Impossible::Busy));
}

#[test]
fn a_cpu_that_the_guest_never_brought_online_can_be_asked_back() {
    let mut machine = Machine::new(Description::Acpi);
    let added = machine.add().unwrap();
    machine.hear();
    machine.ost(1, 0);
    let removed = machine.remove().unwrap();
    assert_eq!((machine.event(), machine.result(added)), (3, ChangeResult::Abandoned));
    machine.hear();
    assert_eq!(machine.write(EJECTED, 1), Some(CPU));
    assert_eq!(machine.result(removed), ChangeResult::Released);
}

#[test]
fn the_same_request_again_is_joined() {
    let mut machine = Machine::new(Description::Acpi);
    assert_eq!(machine.add().unwrap(), machine.add().unwrap());
    let mut machine = Machine::with_two(Description::Acpi);
    assert_eq!(machine.remove().unwrap(), machine.remove().unwrap());
}

#[test]
fn what_is_so_already_cannot_be_asked_for() {
    assert_eq!(Machine::with_two(Description::Acpi).add(), Err(Impossible::Unchanged));
    assert_eq!(Machine::new(Description::Acpi).remove(), Err(Impossible::Unchanged));
}

#[test]
fn a_guest_with_a_device_tree_is_not_told_and_brings_the_cpu_online_itself() {
    let mut machine = Machine::new(Description::DeviceTree);
    let ticket = machine.add().unwrap();
    assert_eq!((machine.event(), machine.result(ticket)), (0, ChangeResult::NotOnline));
    machine.turn_on(CPU);
    machine.hotplug.started(CPU);
    assert_eq!(machine.result(ticket), ChangeResult::Online);
}

#[test]
fn a_guest_with_a_device_tree_cannot_be_asked_for_a_cpu_that_is_on() {
    let mut machine = Machine::with_two(Description::DeviceTree);
    assert_eq!(machine.remove(), Err(Impossible::CannotAsk));
    machine.turn_off();
    let ticket = machine.remove().unwrap();
    assert_eq!(machine.result(ticket), ChangeResult::Released);
    assert_eq!(machine.power.state(CPU), CpuPower::Disabled);
}

#[test]
fn a_cpu_without_a_thread_is_reported_and_not_told_of() {
    let mut machine = Machine::new(Description::Acpi);
    let ticket = machine.add().unwrap();
    machine.hotplug.failed(CPU);
    assert_eq!((machine.event(), machine.result(ticket)), (0, ChangeResult::Failed));
}

#[test]
fn an_ost_about_something_else_changes_nothing() {
    let mut machine = Machine::with_two(Description::Acpi);
    let ticket = machine.remove().unwrap();
    for (event, status) in [(1, 0x81), (0x103, 0x82), (2, 1), (0xffff_ffff, 0xffff_ffff)] {
        machine.ost(event, status);
    }
    assert_eq!(machine.result(ticket), ChangeResult::Unheard);
}

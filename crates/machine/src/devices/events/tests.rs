use proptest::prelude::*;

use super::*;

/// The registers of CPU 2.
const CPU_2: u64 = 0x1020;

fn read(events: &Events, offset: u64) -> u32 {
    events.read(offset, |cpu| cpu < 2)
}

#[test]
fn a_quiet_device_reads_as_nothing_and_its_line_is_low() {
    let events = Events::new(4);
    assert_eq!(read(&events, 0), 0xffff_ffff);
    assert_eq!(read(&events, 4), 0);
    assert_eq!(read(&events, CPU_2 + 1), 0);
    assert_eq!(events.interrupt_level(), Level::Low);
}

#[test]
fn the_enabled_register_says_what_policy_says() {
    let events = Events::new(4);
    assert_eq!((read(&events, 0x1010), read(&events, CPU_2)), (1, 0));
}

#[test]
fn an_event_keeps_the_line_up_until_it_is_acknowledged() {
    let mut events = Events::new(4);
    events.raise(2, Event::DeviceCheck);
    assert_eq!((read(&events, 0), read(&events, CPU_2 + 1)), (2, 1));
    assert_eq!(events.interrupt_level(), Level::High);
    assert_eq!(events.write(CPU_2 + 1, 1), Some(Happening::Heard { cpu: 2 }));
    assert_eq!(events.interrupt_level(), Level::Low);
    assert_eq!(events.write(CPU_2 + 1, 1), None, "there is nothing to acknowledge");
}

#[test]
fn the_lowest_cpu_with_an_event_comes_first() {
    let mut events = Events::new(4);
    events.raise(3, Event::EjectRequest);
    events.raise(1, Event::DeviceCheck);
    assert_eq!(read(&events, 0), 1);
    events.write(0x1011, 1);
    assert_eq!((read(&events, 0), read(&events, 0x1031)), (3, 3));
}

#[test]
fn a_later_event_takes_the_place_of_one_that_was_not_heard() {
    let mut events = Events::new(4);
    events.raise(2, Event::DeviceCheck);
    events.raise(2, Event::EjectRequest);
    assert_eq!(read(&events, CPU_2 + 1), 3);
    assert_eq!(events.write(CPU_2 + 1, 1), None, "the guest acknowledges what it has read before");
    assert_eq!(events.interrupt_level(), Level::High);
    assert!(events.withdraw(2));
    assert!(!events.withdraw(2));
    assert_eq!(events.interrupt_level(), Level::Low);
}

#[test]
fn the_power_button_is_pressed_until_it_is_acknowledged() {
    let mut events = Events::new(1);
    events.press_button();
    assert_eq!((read(&events, 4), events.interrupt_level()), (1, Level::High));
    events.write(4, 0);
    assert_eq!(read(&events, 4), 1, "writing 0 acknowledges nothing");
    events.write(4, 1);
    assert_eq!((read(&events, 4), events.interrupt_level()), (0, Level::Low));
}

#[test]
fn ost_is_said_when_its_status_is_written() {
    let mut events = Events::new(4);
    assert_eq!(events.write(CPU_2 + 4, 3), None);
    assert_eq!(events.write(CPU_2 + 8, 0x84), Some(Happening::Status { cpu: 2, event: 3, status: 0x84 }));
}

#[test]
fn ejected_is_said_by_a_1_alone() {
    let mut events = Events::new(4);
    assert_eq!(events.write(CPU_2 + 2, 0), None);
    assert_eq!(events.write(CPU_2 + 2, 1), Some(Happening::Released { cpu: 2 }));
}

#[test]
fn a_reset_lets_go_of_the_button_and_keeps_what_the_guest_is_to_be_told() {
    let mut events = Events::new(4);
    events.press_button();
    events.raise(2, Event::EjectRequest);
    events.reset();
    assert_eq!((read(&events, 4), read(&events, CPU_2 + 1)), (0, 3));
}

proptest! {
    #[test]
    fn no_access_does_anything_to_a_cpu_that_there_is_not(offset in any::<u64>(), value in any::<u32>()) {
        let mut events = Events::new(3);
        let _ = read(&events, offset);
        if let Some(Happening::Heard { cpu } | Happening::Released { cpu } | Happening::Status { cpu, .. }) =
            events.write(offset, value)
        {
            prop_assert!(cpu < 3);
        }
    }
}

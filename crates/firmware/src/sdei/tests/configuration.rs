//! Which events and interrupts there can be.

use std::vec::Vec;

use super::*;

fn refused(events: &[EventDescription], interrupts: &[Bindable]) -> Option<ConfigurationError> {
    Sdei::<TestLock<State>>::new(power(), events, interrupts).err()
}

fn event(number: u32) -> EventDescription {
    EventDescription { number: EventNumber(number), kind: EventKind::Shared, priority: Priority::Normal }
}

fn bindable(interrupt: u32) -> Bindable {
    Bindable { interrupt: InterruptId(interrupt), priority: Priority::Normal }
}

#[test]
fn without_events_and_interrupts_there_is_event_0() {
    let sdei = Sdei::<TestLock<State>>::new(power(), &[], &[]).unwrap();
    assert_eq!(sdei.handler(EventNumber(0), CpuIndex(2)), Some(Handler::default()));
    assert_eq!(sdei.handler(EventNumber(1), CpuIndex(2)), None);
}

#[test]
fn event_0_negative_numbers_and_those_of_interrupts_are_reserved() {
    for number in [0, 0x8000_0000, 0xffff_ffff, 0x6000_0000, 0x6000_0001] {
        let error = refused(&[event(number)], &interrupts());
        assert_eq!(error, Some(ConfigurationError::Reserved(EventNumber(number))));
    }
    for number in [1, 804, 0x4000_0000, 0x6000_0002, 0x7fff_ffff] {
        assert_eq!(refused(&[event(number)], &interrupts()), None);
    }
}

#[test]
fn a_number_or_an_interrupt_can_be_there_once() {
    assert_eq!(
        refused(&[event(7), event(8), event(7)], &[]),
        Some(ConfigurationError::Twice(EventNumber(7)))
    );
    let twice = refused(&[], &[bindable(40), bindable(40)]);
    assert_eq!(twice, Some(ConfigurationError::InterruptTwice(InterruptId(40))));
}

#[test]
fn interrupts_that_are_not_shared_cannot_be_bindable() {
    for interrupt in [0, 15, 16, 31, 1020, 8192] {
        let error = refused(&[], &[bindable(interrupt)]);
        assert_eq!(error, Some(ConfigurationError::NotShared(InterruptId(interrupt))));
    }
    assert_eq!(refused(&[], &[bindable(32), bindable(1019)]), None);
}

#[test]
fn there_are_no_more_interrupts_than_features_can_say() {
    let many: Vec<_> = (0..0x1_0000).map(bindable).collect();
    assert_eq!(refused(&[], &many), Some(ConfigurationError::TooManyInterrupts));
}

#[test]
fn errors_are_said_to_people() {
    use std::string::ToString;
    assert_eq!(
        ConfigurationError::Reserved(EventNumber(0)).to_string(),
        "event 0x0 cannot be the machine's: a number is 1 to 0x7fffffff, and those from 0x60000000 on are the interrupts'"
    );
    assert_eq!(ConfigurationError::Twice(EventNumber(7)).to_string(), "event 0x7 is there twice");
    assert_eq!(
        ConfigurationError::NotShared(InterruptId(27)).to_string(),
        "interrupt 27 cannot be bound: shared interrupts are 32 to 1019"
    );
}

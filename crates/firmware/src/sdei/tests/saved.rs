//! A state that is saved and restored.

use super::*;

fn busy() -> Machine {
    let machine = Machine::unmasked();
    machine.call(0, BIND, [LINE]);
    machine.listen(0, BOUND);
    machine.listen(1, 0);
    machine.listen(0, SHARED_CRITICAL);
    machine.call(2, PE_MASK, []);
    machine.signal(0, Some(1)).unwrap();
    machine.takes(1);
    machine.signal(SHARED_CRITICAL, Some(1)).unwrap();
    machine.takes(1);
    machine.set_level(LINE, Level::High);
    machine
}

fn other() -> Sdei<TestLock<State>> {
    sdei()
}

#[test]
fn a_state_that_is_restored_is_the_state_that_was_saved() {
    let state = busy().sdei.state();
    let restored = other();
    restored.restore(state.clone()).unwrap();
    assert_eq!(restored.state(), state);
}

#[test]
fn a_machine_that_is_restored_goes_on_once_its_cpus_are_kicked() {
    let before = busy();
    let mut after = Machine::new();
    after.cpus = core::array::from_fn(|cpu| RefCell::new(*before.cpus[cpu].borrow()));
    after.sdei.restore(before.sdei.state()).unwrap();
    assert_eq!(after.takes(0), BOUND);
    assert_eq!(after.complete(1).x[0], 0, "in the handler of event 0");
    assert_eq!(after.complete(1).pc, 0x40_1000);
    assert_eq!(after.destination(LINE), Destination::Event);
}

#[test]
fn a_state_of_another_machine_is_refused() {
    let state = busy().sdei.state();
    let fewer = Sdei::<TestLock<State>>::new(power(), &events()[..3], &interrupts()).unwrap();
    assert_eq!(fewer.restore(state.clone()), Err(NotThisState::OtherMachine));
    let smaller = Arc::new(PowerTable::new(&[Mpidr::from_register(0)]));
    let smaller = Sdei::<TestLock<State>>::new(smaller, &events(), &interrupts()).unwrap();
    assert_eq!(smaller.restore(state.clone()), Err(NotThisState::OtherMachine));
    let mut swapped = interrupts();
    swapped.swap(0, 1);
    let swapped = Sdei::<TestLock<State>>::new(power(), &events(), &swapped).unwrap();
    assert_eq!(swapped.restore(state), Err(NotThisState::OtherMachine));
}

/// Refused, and nothing has changed.
#[track_caller]
fn refused(damage: impl FnOnce(&mut State)) {
    let sdei = other();
    let before = sdei.state();
    let mut state = busy().sdei.state();
    damage(&mut state);
    assert_eq!(sdei.restore(state), Err(NotThisState::Impossible));
    assert_eq!(sdei.state(), before);
}

#[test]
fn an_impossible_state_is_refused() {
    // Event 0 is the first, SHARED_CRITICAL the fifth, the interrupts' the sixth and seventh.
    refused(|state| state.events[0].handlers[1].running = None);
    refused(|state| state.events[0].handlers[0].running = Some(CpuIndex(1)));
    refused(|state| state.events[0].handlers[2].running = Some(CpuIndex(2)));
    refused(|state| state.events[4].handlers[0].running = Some(CpuIndex(0)));
    refused(|state| state.events[4].handlers[0].running = Some(CpuIndex(usize::MAX)));
    refused(|state| state.pes[1].critical = None);
    refused(|state| state.pes[0].critical = state.pes[1].critical);
    refused(|state| state.pes[1].critical = state.pes[1].normal);
    refused(|state| state.pes[0].normal = state.pes[1].normal);
    refused(|state| state.events[0].handlers[0].pending = Pending::Yes);
    refused(|state| state.events[5].handlers[0].pending = Pending::Yes);
    refused(|state| state.events[6].handlers[0] = state.events[5].handlers[0]);
}

#[test]
fn an_impossible_registration_is_refused() {
    let damage = |event: usize, handler: usize, damage: fn(&mut Registration)| {
        refused(|state| damage(state.events[event].handlers[handler].registration.as_mut().unwrap()));
    };
    damage(0, 1, |registration| registration.routing = Routing::Any);
    damage(0, 1, |registration| registration.routing = Routing::Pe(CpuIndex(0)));
    damage(4, 0, |registration| registration.routing = Routing::Pe(CpuIndex(3)));
    damage(4, 0, |registration| registration.entry_point += 2);
}

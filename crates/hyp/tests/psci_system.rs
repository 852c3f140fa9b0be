//! KVM's own PSCI, the whole machine: `SYSTEM_OFF`, `SYSTEM_RESET` and what came later, and their exits.

mod common;

use common::{
    DENIED, HERE, INTERNAL_FAILURE, INVALID_PARAMETERS, JUNK, forward, forwarded, hvc, hvc_next, new_vm, pc,
    results, running,
};
use switchboard_hyp::{Capability, Entry, Exit, Interruption, MpState, Next, SystemEvent, Vcpu};

const FEATURES: u64 = 0x8400_000a;

fn event(next: Next) -> SystemEvent {
    match next {
        Next::Exit(Exit::SystemEvent(event)) => event,
        other => panic!("{other:?}"),
    }
}

/// The type and the data of the event that a call raises.
fn raised(vcpu: &mut Vcpu<'_>, values: &[u64]) -> (u32, Option<u64>) {
    let event = event(hvc_next(vcpu, values));
    (event.kind(), event.data())
}

#[test]
fn off_and_reset_exit_with_one_word_of_data_that_is_0() {
    for (id, kind) in [(0x8400_0008, 1), (0x8400_0009, 2)] {
        let vm = new_vm();
        let mut vcpu = running(&vm, 0);
        assert_eq!(raised(&mut vcpu, &[id]), (kind, Some(0)));
        assert_eq!(results(&vcpu), [INTERNAL_FAILURE, 0, 0, 0], "what a guest sees that is resumed");
        assert_eq!(pc(&mut vcpu), HERE + 4);
    }
}

#[test]
fn off_and_reset_stop_every_vcpu_the_callers_included_until_userspace_says_runnable() {
    for call in [&[0x8400_0008][..], &[0x8400_0009], &[0x8400_0012, 0], &[0x8400_0015, 0, 0]] {
        let vm = new_vm();
        let mut caller = running(&vm, 0);
        let mut other = running(&vm, 1);
        hvc_next(&mut caller, call);
        assert_eq!((caller.mp_state(), other.mp_state()), (MpState::Stopped, MpState::Stopped), "{call:x?}");
        assert_eq!(other.enter(Interruption::None), Ok(Entry::Stopped));
        assert_eq!(caller.enter(Interruption::None), Ok(Entry::Stopped));
        caller.set_mp_state(MpState::Runnable);
        assert_eq!(caller.enter(Interruption::None), Ok(Entry::Guest));
        assert_eq!(results(&caller)[0], INTERNAL_FAILURE);
    }
}

#[test]
fn a_forwarded_system_off_is_a_hypercall_exit_and_stops_nothing() {
    let vm = new_vm();
    forward(&vm, 0x8400_0000, 0x20);
    let mut caller = running(&vm, 0);
    let mut other = running(&vm, 1);
    assert_eq!(hvc_next(&mut caller, &[0x8400_0008]), forwarded(0x8400_0008, 0));
    assert_eq!((caller.mp_state(), other.mp_state()), (MpState::Runnable, MpState::Runnable));
    assert_eq!(other.enter(Interruption::None), Ok(Entry::Guest), "stopping it is userspace's business");
}

#[test]
fn system_suspend_is_there_once_the_capability_is_enabled_and_features_says_so_in_both_widths() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    for id in [0x8400_000e, 0xc400_000e] {
        assert_eq!(hvc(&mut vcpu, &[FEATURES, id])[0], 0xffff_ffff_ffff_ffff);
        assert_eq!(hvc(&mut vcpu, &[id, 0x4000_8000, 7]), DENIED);
    }
    // A run freezes no capability.
    vm.enable(Capability::SystemSuspend);
    for id in [0x8400_000e, 0xc400_000e] {
        assert_eq!(hvc(&mut vcpu, &[FEATURES, id])[0], 0);
        assert_eq!(raised(&mut vcpu, &[id, 0x4000_8000, 7]), (5, None));
    }
}

#[test]
fn system_suspend_stops_nobody_asks_for_nobody_and_leaves_its_arguments() {
    let vm = new_vm();
    vm.enable(Capability::SystemSuspend);
    let mut caller = running(&vm, 0);
    let other = running(&vm, 1);
    let dirty = 0xdead_beef_0000_0000;
    hvc_next(&mut caller, &[0xc400_000e, dirty | 0x4000_8000, dirty | 7]);
    assert_eq!(results(&caller), [0xc400_000e, dirty | 0x4000_8000, dirty | 7, JUNK[3]]);
    hvc_next(&mut caller, &[0x8400_000e, dirty | 0x4000_8000, dirty | 7]);
    let narrowed = JUNK[3] & 0xffff_ffff;
    assert_eq!(
        results(&caller),
        [0x8400_000e, 0x4000_8000, 7, narrowed],
        "the 32-bit one narrows them in place"
    );
    assert_eq!((caller.mp_state(), other.mp_state()), (MpState::Runnable, MpState::Runnable));
}

#[test]
fn system_reset2_takes_a_warm_reset_and_vendor_types_and_writes_x0_alone() {
    for (id, kept) in [(0xc400_0012, JUNK[3]), (0x8400_0012, JUNK[3] & 0xffff_ffff)] {
        for reset_type in [0, 0x8000_0000, 0xffff_ffff] {
            let vm = new_vm();
            let mut vcpu = running(&vm, 0);
            assert_eq!(raised(&mut vcpu, &[id, reset_type, 0x77]), (2, Some(1)), "{reset_type:#x}");
            assert_eq!(results(&vcpu), [INTERNAL_FAILURE, reset_type, 0x77, kept]);
        }
    }
}

#[test]
fn system_reset2_refuses_the_types_in_between_and_stops_nobody() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    for reset_type in [1, 0x7fff_ffff] {
        assert_eq!(hvc(&mut vcpu, &[0xc400_0012, reset_type]), [INVALID_PARAMETERS, 0, 0, 0]);
    }
    assert_eq!(vcpu.mp_state(), MpState::Runnable);
}

#[test]
fn system_off2_takes_hibernate_off_and_no_cookie() {
    for id in [0x8400_0015, 0xc400_0015] {
        let vm = new_vm();
        let mut vcpu = running(&vm, 0);
        assert_eq!(hvc(&mut vcpu, &[FEATURES, id])[0] & 1, 1, "HIBERNATE_OFF");
        for (off_type, cookie) in [(1, 1), (0, 1), (2, 0)] {
            assert_eq!(hvc(&mut vcpu, &[id, off_type, cookie]), [INVALID_PARAMETERS, 0, 0, 0]);
        }
        for off_type in [1, 0] {
            assert_eq!(raised(&mut vcpu, &[id, off_type, 0]), (1, Some(1)), "SHUTDOWN, PSCI_OFF2");
            vcpu.set_mp_state(MpState::Runnable);
            assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
            assert_eq!(results(&vcpu), [INTERNAL_FAILURE, 0, 0, 0]);
        }
    }
}

#[test]
fn of_a_type_the_low_half_counts_and_of_a_cookie_all_of_it() {
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    assert_eq!(raised(&mut vcpu, &[0xc400_0012, 0x5_0000_0000]), (2, Some(1)));
    assert_eq!(raised(&mut vcpu, &[0xc400_0015, 0x5_0000_0001, 0]), (1, Some(1)));
    assert_eq!(hvc(&mut vcpu, &[0xc400_0015, 0, 0x5_0000_0000])[0], INVALID_PARAMETERS);
}

#[test]
fn the_32_bit_forms_see_the_low_halves_of_all_arguments() {
    let dirty = 0xdead_beef_0000_0000;
    let vm = new_vm();
    let mut vcpu = running(&vm, 0);
    assert_eq!(raised(&mut vcpu, &[0x8400_0015, dirty | 1, dirty]), (1, Some(1)), "SYSTEM_OFF2");
    assert_eq!(raised(&mut vcpu, &[0x8400_0012, dirty, dirty]), (2, Some(1)), "SYSTEM_RESET2");
    assert_eq!(results(&vcpu), [INTERNAL_FAILURE, 0, 0, JUNK[3] & 0xffff_ffff], "narrowed in place");
}

//! `KVM_ARM_VM_SMCCC_FILTER` as userspace meets it: which requests are taken, and the errno of those that are not.

mod common;

use common::{
    DENIED, deny, forward, forwarded, hvc, hvc_next, initialised, new_vm, request, running, set, vm_of,
};
use switchboard_filter::Action;
use switchboard_hyp::{DeviceAttribute, Entry, Errno, Interruption, KvmVersion, Vm};

const FILTER: DeviceAttribute = DeviceAttribute { group: 0, attribute: 0 };

fn raw(vm: &Vm, bytes: &[u8]) -> Result<(), Errno> {
    vm.set_attribute(FILTER, bytes)
}

#[test]
fn the_attribute_is_there_on_a_bare_vm_and_stays_after_the_first_run() {
    let vm = new_vm();
    assert_eq!(vm.has_attribute(FILTER), Ok(()));
    running(&vm, 0);
    assert_eq!(vm.has_attribute(FILTER), Ok(()));
}

#[test]
fn another_group_and_another_number_are_enxio() {
    let vm = new_vm();
    for attribute in [
        DeviceAttribute { group: 1, attribute: 0 },
        DeviceAttribute { group: 0, attribute: 1 },
        DeviceAttribute { group: 0, attribute: 0x1_0000_0000 },
        DeviceAttribute { group: 0xffff_ffff, attribute: 0xffff_ffff_ffff_ffff },
    ] {
        assert_eq!(vm.has_attribute(attribute), Err(Errno(6)));
        assert_eq!(vm.set_attribute(attribute, &request(0x8400_0000, 1, 1)), Err(Errno(6)));
    }
}

#[test]
fn nothing_can_be_read_back_einval_even_of_what_is_there() {
    let vm = new_vm();
    deny(&vm, 0x8400_0000, 1);
    assert_eq!(vm.get_attribute(FILTER), Err(Errno(22)));
    assert_eq!(vm.get_attribute(DeviceAttribute { group: 7, attribute: 7 }), Err(Errno(22)));
}

#[test]
fn of_several_mistakes_the_errno_is_enxio_efault_einval_ebusy_eexist_in_this_order() {
    let vm = new_vm();
    deny(&vm, 0x8400_0000, 0x20);
    let unknown = DeviceAttribute { group: 9, attribute: 0 };
    let mut padded = request(0x8400_0000, 0x20, 1);
    padded[9] = 1;

    assert_eq!(vm.set_attribute(unknown, &[]), Err(Errno(6)), "ENXIO before EFAULT");
    assert_eq!(raw(&vm, &padded[..23]), Err(Errno(14)), "EFAULT before EINVAL");
    assert_eq!(raw(&vm, &padded), Err(Errno(22)), "EINVAL before EEXIST");
    assert_eq!(raw(&vm, &request(0x8400_0000, 0x20, 1)), Err(Errno(17)), "EEXIST");

    running(&vm, 0);
    assert_eq!(vm.set_attribute(unknown, &[]), Err(Errno(6)));
    assert_eq!(raw(&vm, &[]), Err(Errno(14)));
    assert_eq!(raw(&vm, &padded), Err(Errno(22)), "EINVAL before EBUSY");
    assert_eq!(raw(&vm, &request(0x8400_0000, 0x20, 1)), Err(Errno(16)), "EBUSY before EEXIST");
    assert_eq!(raw(&vm, &request(0x8600_0000, 1, 1)), Err(Errno(16)), "EBUSY");
}

#[test]
fn a_first_padding_byte_of_0xff_is_einval() {
    let vm = new_vm();
    let mut bytes = request(0x8400_0000, 1, 1);
    bytes[9] = 0xff;
    assert_eq!(raw(&vm, &bytes), Err(Errno(22)));
}

#[test]
fn each_of_the_15_padding_bytes_is_looked_at() {
    let vm = new_vm();
    for index in 9..24 {
        let mut bytes = request(0x8400_0000, 1, 1);
        bytes[index] = 0x80;
        assert_eq!(raw(&vm, &bytes), Err(Errno(22)), "byte {index}");
    }
    assert_eq!(raw(&vm, &request(0x8400_0000, 1, 1)), Ok(()), "nothing was inserted by those");
}

#[test]
fn no_functions_at_0xc4000003_are_einval() {
    for version in [KvmVersion::V6_12, KvmVersion::V7_2] {
        assert_eq!(set(&vm_of(version), 0xc400_0003, 0, Action::Deny), Err(Errno(22)));
    }
}

#[test]
fn no_functions_at_0_are_einval_since_7_2_9_and_all_functions_before() {
    let new = new_vm();
    assert_eq!(set(&new, 0, 0, Action::Deny), Err(Errno(22)));
    running(&new, 0);
    assert_eq!(set(&new, 0, 0, Action::Deny), Err(Errno(22)));

    let old = vm_of(KvmVersion::V6_12);
    assert_eq!(set(&old, 0, 0, Action::Deny), Err(Errno(17)), "the reserved ranges are among all functions");
    running(&old, 0);
    assert_eq!(set(&old, 0, 0, Action::Deny), Err(Errno(16)));
}

#[test]
fn a_range_that_wraps_is_einval_and_one_that_ends_at_2_to_the_32_is_taken() {
    assert_eq!(set(&new_vm(), 0xffff_ffff, 0xffff_ffff, Action::Deny), Err(Errno(22)));
    assert_eq!(set(&new_vm(), 0xffff_ffff, 2, Action::Deny), Err(Errno(22)));
    assert_eq!(set(&new_vm(), 0xffff_ffff, 1, Action::Deny), Ok(()));
    assert_eq!(set(&new_vm(), 5, 0, Action::Deny), Err(Errno(22)));
}

#[test]
fn an_action_from_3_on_is_einval() {
    let vm = new_vm();
    for action in [3, 0x7f, 0x80, 0xff] {
        assert_eq!(raw(&vm, &request(0x8400_0000, 1, action)), Err(Errno(22)), "{action:#x}");
    }
}

#[test]
fn arm_architecture_calls_are_reserved_in_both_widths_whatever_the_action() {
    let vm = new_vm();
    for action in [Action::Handle, Action::Deny, Action::Forward] {
        for base in [0x8000_0000, 0x8000_8000, 0x8000_ffff, 0xc000_0000, 0xc000_ffff] {
            assert_eq!(set(&vm, base, 1, action), Err(Errno(17)), "{base:#x} {action}");
        }
        // Those that merely touch a reserved range do not overlap it.
        assert_eq!(set(&vm, 0x7fff_ffff, 2, action), Err(Errno(17)));
        assert_eq!(set(&vm, 0xc000_ffff, 2, action), Err(Errno(17)));
        assert_eq!(set(&vm, 1, 0xffff_ffff, action), Err(Errno(17)));
        assert_eq!(set(&vm, 0, 0xffff_ffff, action), Err(Errno(17)));
    }
}

#[test]
fn three_ranges_cover_all_but_the_reserved_ones() {
    let vm = new_vm();
    deny(&vm, 0, 0x8000_0000);
    deny(&vm, 0x8001_0000, 0x3fff_0000);
    deny(&vm, 0xc001_0000, 0x3fff_0000);
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000]), DENIED);
    assert_eq!(hvc(&mut vcpu, &[0x8000_0000])[0], 0x1_0001, "SMCCC_VERSION is out of reach");
}

#[test]
fn yielding_calls_of_owner_0_and_ids_with_hint_bits_are_not_reserved() {
    let vm = new_vm();
    forward(&vm, 0x0000_0000, 1);
    forward(&vm, 0x4000_0000, 1);
    forward(&vm, 0x8001_0000, 1);
    let mut vcpu = running(&vm, 0);
    for id in [0x0000_0000, 0x4000_0000, 0x8001_0000] {
        assert_eq!(hvc_next(&mut vcpu, &[u64::from(id)]), forwarded(id, 0));
    }
}

#[test]
fn the_same_range_twice_is_eexist_even_with_the_same_action() {
    let vm = new_vm();
    assert_eq!(set(&vm, 0x8400_0000, 1, Action::Deny), Ok(()));
    assert_eq!(set(&vm, 0x8400_0000, 1, Action::Deny), Err(Errno(17)));
}

#[test]
fn a_range_that_overlaps_is_not_inserted_in_part() {
    let vm = new_vm();
    deny(&vm, 0x8400_0010, 0x10);
    assert_eq!(set(&vm, 0x8400_0000, 0x20, Action::Forward), Err(Errno(17)));
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000])[0], 0x1_0003, "PSCI_VERSION is KVM's");
}

#[test]
fn neighbours_do_not_overlap() {
    let vm = new_vm();
    deny(&vm, 0x8400_0000, 0x10);
    forward(&vm, 0x8400_0010, 0x10);
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8400_000f]), DENIED);
    assert_eq!(hvc_next(&mut vcpu, &[0x8400_0010]), forwarded(0x8400_0010, 0));
}

#[test]
fn a_first_request_that_fails_leaves_calls_as_they_were() {
    let vm = new_vm();
    assert_eq!(set(&vm, 0x8000_0000, 1, Action::Deny), Err(Errno(17)));
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8000_0000]), [0x1_0001, 0, 0, 0]);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000]), [0x1_0003, 0, 0, 0]);
}

#[test]
fn creating_and_initialising_vcpus_freezes_nothing() {
    let vm = new_vm();
    let _vcpu = initialised(&vm, 0, common::PSCI_0_2);
    assert_eq!(set(&vm, 0x8400_0000, 1, Action::Deny), Ok(()));
    assert!(!vm.has_ran_once());
}

#[test]
fn a_run_that_fails_with_enoexec_freezes_nothing() {
    let vm = new_vm();
    let mut vcpu = vm.create_vcpu(0).unwrap();
    assert_eq!(vcpu.enter(Interruption::None), Err(Errno(8)));
    assert_eq!(set(&vm, 0x8400_0000, 1, Action::Deny), Ok(()));
}

#[test]
fn a_run_that_executes_nothing_freezes() {
    let interrupted = new_vm();
    let mut vcpu = initialised(&interrupted, 0, common::PSCI_0_2);
    assert_eq!(vcpu.enter(Interruption::ImmediateExit), Err(Errno(4)));
    assert_eq!(set(&interrupted, 0x8400_0000, 1, Action::Deny), Err(Errno(16)));

    let stopped = new_vm();
    let mut vcpu = common::secondary(&stopped, 0);
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Stopped));
    assert_eq!(set(&stopped, 0x8400_0000, 1, Action::Deny), Err(Errno(16)));
}

#[test]
fn the_run_of_one_vcpu_freezes_for_all_and_no_initialisation_thaws() {
    let vm = new_vm();
    let mut first = initialised(&vm, 0, common::PSCI_0_2);
    let mut second = initialised(&vm, 1, common::PSCI_0_2);
    assert_eq!(second.enter(Interruption::None), Ok(Entry::Guest));
    for vcpu in [&mut first, &mut second] {
        vcpu.init(switchboard_hyp::Init { features: common::PSCI_0_2 }).unwrap();
    }
    assert_eq!(set(&vm, 0x8400_0000, 1, Action::Deny), Err(Errno(16)));
    assert!(vm.has_ran_once());
}

#[test]
fn a_destination_is_given_the_requests_again_because_the_source_cannot_be_asked() {
    let requests = [request(0x8400_0000, 0x20, 2), request(0xc600_0040, 2, 1)];
    let source = new_vm();
    let destination = new_vm();
    for bytes in &requests {
        assert_eq!(raw(&source, bytes), Ok(()));
    }
    assert_eq!(source.get_attribute(FILTER), Err(Errno(22)));
    for bytes in &requests {
        assert_eq!(raw(&destination, bytes), Ok(()));
    }
    for vm in [&source, &destination] {
        assert_eq!(hvc_next(&mut running(vm, 0), &[0x8400_0003]), forwarded(0x8400_0003, 0));
    }
}

//! One filter for both conduits, as KVM has it, or one for each, as it has not.

mod common;

use common::{DENIED, forwarded, hvc, hvc_next, new_vm, request, running, smc};
use switchboard_hyp::{
    DeviceAttribute, Errno, ExceptionClass, KvmVersion, NamespaceRule, SMCCC_CTRL, SMCCC_FILTER,
    SMCCC_FILTER_HVC, SMCCC_FILTER_SMC, Vm, VmConfig,
};

const BOTH: DeviceAttribute = DeviceAttribute { group: SMCCC_CTRL, attribute: SMCCC_FILTER };
const HVC: DeviceAttribute = DeviceAttribute { group: SMCCC_CTRL, attribute: SMCCC_FILTER_HVC };
const SMC: DeviceAttribute = DeviceAttribute { group: SMCCC_CTRL, attribute: SMCCC_FILTER_SMC };

const DENY: u8 = 1;
const FORWARD: u8 = 2;

fn two() -> Vm {
    Vm::new(VmConfig { namespaces: NamespaceRule::Two, ..VmConfig::new(KvmVersion::V7_2) })
}

#[test]
fn kvm_has_one_attribute_for_both_and_the_extension_one_for_each() {
    let kvm = new_vm();
    let extension = two();
    assert_eq!([BOTH, HVC, SMC].map(|it| kvm.has_attribute(it)), [Ok(()), Err(Errno(6)), Err(Errno(6))]);
    assert_eq!([BOTH, HVC, SMC].map(|it| extension.has_attribute(it)), [Err(Errno(6)), Ok(()), Ok(())]);
    assert_eq!(extension.set_attribute(BOTH, &request(0x8400_0000, 1, DENY)), Err(Errno(6)));
    assert_eq!(kvm.set_attribute(HVC, &request(0x8400_0000, 1, DENY)), Err(Errno(6)));
}

#[test]
fn one_filter_meets_both_conduits() {
    let vm = new_vm();
    common::deny(&vm, 0x8400_0000, 1);
    let mut vcpu = running(&vm, 0);
    assert_eq!((hvc(&mut vcpu, &[0x8400_0000]), smc(&mut vcpu, &[0x8400_0000])), (DENIED, DENIED));
}

#[test]
fn two_filters_meet_their_own_conduit() {
    let vm = two();
    vm.set_attribute(HVC, &request(0x8400_0000, 1, FORWARD)).unwrap();
    vm.set_attribute(SMC, &request(0x8400_0000, 1, DENY)).unwrap();
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc_next(&mut vcpu, &[0x8400_0000]), forwarded(0x8400_0000, 0));
    assert_eq!(smc(&mut vcpu, &[0x8400_0000]), DENIED);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0006]), [2, 0, 0, 0], "in neither");
}

#[test]
fn a_range_in_one_of_two_filters_is_handled_over_the_other_conduit() {
    let vm = two();
    vm.set_attribute(SMC, &request(0x8400_0000, 1, FORWARD)).unwrap();
    let mut vcpu = running(&vm, 0);
    assert_eq!(hvc(&mut vcpu, &[0x8400_0000]), [0x1_0003, 0, 0, 0]);
    let next = common::call(&mut vcpu, ExceptionClass::Smc64, &[0x8400_0000], &common::Lender::default());
    assert_eq!(next, forwarded(0x8400_0000, 1));
}

#[test]
fn each_of_two_filters_has_kvms_rules_and_both_freeze_together() {
    let vm = two();
    for attribute in [HVC, SMC] {
        assert_eq!(vm.set_attribute(attribute, &[]), Err(Errno(14)));
        assert_eq!(vm.set_attribute(attribute, &request(0x8400_0000, 0, DENY)), Err(Errno(22)));
        assert_eq!(vm.set_attribute(attribute, &request(0x8000_0000, 1, DENY)), Err(Errno(17)));
        assert_eq!(vm.set_attribute(attribute, &request(0x8400_0000, 1, DENY)), Ok(()));
        assert_eq!(vm.set_attribute(attribute, &request(0x8400_0000, 1, DENY)), Err(Errno(17)));
    }
    running(&vm, 0);
    for attribute in [HVC, SMC] {
        assert_eq!(vm.set_attribute(attribute, &request(0x8500_0000, 1, DENY)), Err(Errno(16)));
    }
}

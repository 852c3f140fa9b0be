//! A vCPU that has an EL2, and so may have guests of its own: which `HVC` and `SMC` are KVM's, and which its.

mod common;

use common::{DENIED, HERE, JUNK, Lender, forward, forwarded, load, new_vm, pc, results, running_with};
use switchboard_hyp::{ExceptionClass, Level, Next, RegisterId, Syndrome, Vcpu, VcpuFeatures, Vm};

const HCD: u64 = 1 << 29;
const TSC: u64 = 1 << 19;

fn with_el2(vm: &Vm) -> Vcpu<'_> {
    running_with(vm, 0, VcpuFeatures::PSCI_0_2.union(VcpuFeatures::HAS_EL2))
}

/// The guest, or a guest of it, makes a forwarded call with `HCR_EL2` as given.
fn call(vcpu: &mut Vcpu<'_>, hcr: u64, class: ExceptionClass, level: Level) -> Next {
    load(vcpu, &[0xc400_0003]);
    vcpu.set_virtual_hcr_el2(hcr);
    common::execute(vcpu, Syndrome::new(class, 0x22), level, &Lender::default())
}

fn call_without_immediate(vcpu: &mut Vcpu<'_>, hcr: u64, class: ExceptionClass, level: Level) -> Next {
    load(vcpu, &[0xc400_0003]);
    vcpu.set_virtual_hcr_el2(hcr);
    common::execute(vcpu, Syndrome::new(class, 0), level, &Lender::default())
}

fn vm_that_forwards_cpu_on() -> Vm {
    let vm = new_vm();
    forward(&vm, 0xc400_0003, 1);
    vm
}

#[test]
fn row_1_an_hvc_with_hcd_clear_is_an_exception_to_the_virtual_el2_with_its_syndrome() {
    let vm = vm_that_forwards_cpu_on();
    let mut vcpu = with_el2(&vm);
    for level in [Level::Guest, Level::NestedGuest] {
        for hcr in [0, TSC] {
            let next = call(&mut vcpu, hcr, ExceptionClass::Hvc64, level);
            assert_eq!(next, Next::VirtualEl2(Syndrome(0x5a00_0022)), "{level:?} {hcr:#x}");
            assert_eq!(vcpu.call_registers()[1..], JUNK[1..]);
            assert_eq!(pc(&mut vcpu), HERE + 4, "the return address is that of an HVC");
        }
    }
}

#[test]
fn row_2_an_hvc_with_hcd_set_is_undefined() {
    let vm = vm_that_forwards_cpu_on();
    let mut vcpu = with_el2(&vm);
    for level in [Level::Guest, Level::NestedGuest] {
        assert_eq!(call(&mut vcpu, HCD, ExceptionClass::Hvc64, level), Next::Undefined, "{level:?}");
        assert_eq!(results(&vcpu), [0xc400_0003, JUNK[1], JUNK[2], JUNK[3]]);
    }
}

#[test]
fn row_3_a_workaround_over_hvc_never_gets_to_the_virtual_el2() {
    let vm = new_vm();
    let mut vcpu = with_el2(&vm);
    for id in [0x8000_8000, 0x8000_7fff, 0x8000_3fff] {
        for hcr in [0, HCD] {
            load(&mut vcpu, &[id]);
            vcpu.set_virtual_hcr_el2(hcr);
            let syndrome = Syndrome::new(ExceptionClass::Hvc64, 0);
            let next = common::execute(&mut vcpu, syndrome, Level::NestedGuest, &Lender::default());
            assert_eq!((next, results(&vcpu)), (Next::Resume, [0, 0, JUNK[2], JUNK[3]]));
        }
    }
}

#[test]
fn row_4_an_smc_of_the_guest_itself_is_kvms_whatever_tsc_says() {
    let vm = vm_that_forwards_cpu_on();
    let mut vcpu = with_el2(&vm);
    for hcr in [0, TSC] {
        let next = call_without_immediate(&mut vcpu, hcr, ExceptionClass::Smc64, Level::Guest);
        assert_eq!((next, pc(&mut vcpu)), (forwarded(0xc400_0003, 1), HERE + 4));
    }
}

#[test]
fn row_5_an_smc_of_a_nested_guest_with_tsc_set_is_the_virtual_el2s_and_not_skipped() {
    let vm = vm_that_forwards_cpu_on();
    let mut vcpu = with_el2(&vm);
    let next = call(&mut vcpu, TSC, ExceptionClass::Smc64, Level::NestedGuest);
    assert_eq!(next, Next::VirtualEl2(Syndrome(0x5e00_0022)), "even with an immediate");
    assert_eq!(pc(&mut vcpu), HERE);
    assert_eq!(results(&vcpu), [0xc400_0003, JUNK[1], JUNK[2], JUNK[3]]);
}

#[test]
fn row_6_an_smc_of_a_nested_guest_with_tsc_clear_is_kvms() {
    let vm = vm_that_forwards_cpu_on();
    let mut vcpu = with_el2(&vm);
    let next = call_without_immediate(&mut vcpu, HCD, ExceptionClass::Smc64, Level::NestedGuest);
    assert_eq!((next, pc(&mut vcpu)), (forwarded(0xc400_0003, 1), HERE + 4));
}

#[test]
fn a_denied_smc_of_a_nested_guest_is_answered_by_kvm() {
    let vm = new_vm();
    common::deny(&vm, 0xc400_0003, 1);
    let mut vcpu = with_el2(&vm);
    let next = call_without_immediate(&mut vcpu, 0, ExceptionClass::Smc64, Level::NestedGuest);
    assert_eq!((next, results(&vcpu)), (Next::Resume, DENIED));
}

#[test]
fn without_an_el2_neither_hcr_el2_nor_the_level_matters() {
    let vm = vm_that_forwards_cpu_on();
    let mut vcpu = running_with(&vm, 0, VcpuFeatures::PSCI_0_2);
    for (class, flags) in [(ExceptionClass::Hvc64, 0), (ExceptionClass::Smc64, 1)] {
        for level in [Level::Guest, Level::NestedGuest] {
            let next = call_without_immediate(&mut vcpu, HCD | TSC, class, level);
            assert_eq!(next, forwarded(0xc400_0003, flags));
        }
    }
}

#[test]
fn a_vcpu_with_an_el2_starts_there_with_its_exceptions_masked() {
    let vm = new_vm();
    assert_eq!(with_el2(&vm).get_register(RegisterId::PSTATE), Ok(0x3c9));
}

//! No function of KVM's changes x4 to x17, or the registers above them.

mod common;

use common::{JUNK, Lender, PSCI_0_2, execute, initialised, load};
use switchboard_hyp::{
    Capability, DeviceAttribute, ExceptionClass, Init, KvmVersion, Level, RegisterId, Syndrome, Vm, VmConfig,
};

/// Every function that KVM answers, with arguments that let it do something.
const CALLS: [&[u64]; 36] = [
    &[0x8000_0000],
    &[0x8000_0001, 0x8000_8000],
    &[0x8000_8000],
    &[0x8000_7fff],
    &[0x8000_3fff],
    &[0x8400_0000],
    &[0x8400_0001],
    &[0xc400_0001],
    &[0x8400_0002],
    &[0x8400_0003, 1, 0x4000_8000, 7],
    &[0xc400_0003, 1, 0x4000_8000, 7],
    &[0x8400_0004, 0, 0],
    &[0xc400_0004, 0, 0],
    &[0xc400_0005],
    &[0x8400_0006],
    &[0xc400_0007],
    &[0x8400_0008],
    &[0x8400_0009],
    &[0x8400_000a, 0x8400_0000],
    &[0x8400_000e, 0x4000_8000, 7],
    &[0xc400_000e, 0x4000_8000, 7],
    &[0x8400_0012, 0, 0],
    &[0xc400_0012, 0, 0],
    &[0x8400_0015, 0, 0],
    &[0xc400_0015, 0, 0],
    &[0x8400_0050],
    &[0x8400_0051, 0x8400_0050],
    &[0x8400_0052],
    &[0x8400_0053, 96],
    &[0xc400_0053, 192],
    &[0xc500_0020, 0xc500_0021],
    &[0xc500_0021],
    &[0x8600_0000],
    &[0x8600_0001, 0],
    &[0x8600_ff01],
    &[0x8200_0000],
];

fn assert_untouched(class: ExceptionClass, values: &[u64]) {
    let vm = Vm::new(VmConfig { max_vcpus: 2, ..VmConfig::new(KvmVersion::V7_2) });
    vm.enable(Capability::SystemSuspend);
    let mut vcpu = initialised(&vm, 0, PSCI_0_2);
    let mut target = vm.create_vcpu(1).unwrap();
    let off = PSCI_0_2.union(switchboard_hyp::VcpuFeatures::POWER_OFF);
    target.init(Init { features: off }).unwrap();
    let stolen_time = DeviceAttribute { group: 2, attribute: 0 };
    vcpu.set_attribute(stolen_time, &0x4000_0000_u64.to_le_bytes(), &Lender::default()).unwrap();
    load(&mut vcpu, values);
    let above = (18..=30).map(|number| RegisterId::general(number).unwrap());
    for (id, value) in above.clone().zip(0x7777_0000..) {
        vcpu.set_register(id, value).unwrap();
    }

    execute(&mut vcpu, Syndrome::new(class, 0), Level::Guest, &Lender::default());

    assert_eq!(vcpu.call_registers()[4..], JUNK[4..], "{values:x?} {class:?}");
    for (id, value) in above.zip(0x7777_0000..) {
        assert_eq!(vcpu.get_register(id), Ok(value), "{values:x?} {class:?}");
    }
}

#[test]
fn x4_to_x30_survive_every_function_over_hvc() {
    for values in CALLS {
        assert_untouched(ExceptionClass::Hvc64, values);
    }
}

#[test]
fn x4_to_x30_survive_every_function_over_smc() {
    for values in CALLS {
        assert_untouched(ExceptionClass::Smc64, values);
    }
}

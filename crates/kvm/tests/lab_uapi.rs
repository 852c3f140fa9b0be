//! What `filter` and `hyp` say of Linux's user API, compared with its headers as kvm-bindings has them.
//!
//! The headers are those of arm64, and so this compiles there alone. It needs no KVM.

#![cfg(target_arch = "aarch64")]

use std::mem::{offset_of, size_of};

use kvm_bindings::*;
use switchboard_filter::{Action, Request};
use switchboard_hyp::{
    DeviceAttribute, Errno, Hypercall, HypercallFlags, Init, KvmVersion, MpState, PVTIME_CTRL, PVTIME_IPA,
    RegisterId, SMCCC_CTRL, SMCCC_FILTER, SystemEvent, VcpuFeatures, Vm, VmConfig, Workaround, Workaround2,
};
use switchboard_smccc::{FunctionId, kvm as kvm_ids};

type HypercallLayout = kvm_run__bindgen_ty_1__bindgen_ty_8;
type SystemEventLayout = kvm_run__bindgen_ty_1__bindgen_ty_19;

/// The bytes of the struct, field by field at the header's offsets.
fn bytes_of(filter: &kvm_smccc_filter) -> [u8; size_of::<kvm_smccc_filter>()] {
    let mut bytes = [0; size_of::<kvm_smccc_filter>()];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(offset_of!(kvm_smccc_filter, base), &filter.base.to_ne_bytes());
    put(offset_of!(kvm_smccc_filter, nr_functions), &filter.nr_functions.to_ne_bytes());
    put(offset_of!(kvm_smccc_filter, action), &filter.action.to_ne_bytes());
    put(offset_of!(kvm_smccc_filter, pad), &filter.pad);
    bytes
}

#[test]
fn a_request_is_the_struct_byte_by_byte() {
    let pad = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let request = Request { base: 0xc400_0003, nr_functions: 0x0102_0304, action: 2, pad };
    let filter = kvm_smccc_filter { base: 0xc400_0003, nr_functions: 0x0102_0304, action: 2, pad };
    assert_eq!(Request::SIZE, size_of::<kvm_smccc_filter>());
    assert_eq!(request.to_bytes(), bytes_of(&filter));
    assert_eq!(Request::from_bytes(&bytes_of(&filter)), request);
}

#[test]
fn actions_have_the_values_of_the_enumeration() {
    for (action, value) in [
        (Action::Handle, kvm_smccc_filter_action_KVM_SMCCC_FILTER_HANDLE),
        (Action::Deny, kvm_smccc_filter_action_KVM_SMCCC_FILTER_DENY),
        (Action::Forward, kvm_smccc_filter_action_KVM_SMCCC_FILTER_FWD_TO_USER),
    ] {
        assert_eq!(u32::from(action.to_uapi()), value, "{action}");
    }
}

#[test]
fn attributes_have_the_groups_and_numbers_of_the_headers() {
    assert_eq!((SMCCC_CTRL, SMCCC_FILTER), (KVM_ARM_VM_SMCCC_CTRL, u64::from(KVM_ARM_VM_SMCCC_FILTER)));
    assert_eq!((PVTIME_CTRL, PVTIME_IPA), (KVM_ARM_VCPU_PVTIME_CTRL, u64::from(KVM_ARM_VCPU_PVTIME_IPA)));
    let filter = DeviceAttribute::SMCCC_FILTER;
    let struct_of = kvm_device_attr { group: filter.group, attr: filter.attribute, ..Default::default() };
    assert_eq!((struct_of.group, struct_of.attr), (0, 0));
}

#[test]
fn a_hypercall_exit_has_the_fields_of_the_run_page() {
    assert_eq!((KVM_EXIT_HYPERCALL, KVM_EXIT_SYSTEM_EVENT), (3, 24));
    let flags = HypercallFlags(0x0102_0304_0506_0708);
    let bytes = Hypercall { function_id: FunctionId(0xc400_0003), flags }.to_bytes();
    assert_eq!(bytes.len(), size_of::<HypercallLayout>());
    let word = |at: usize| u64::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
    assert_eq!(word(offset_of!(HypercallLayout, nr)), 0xc400_0003);
    assert_eq!(word(offset_of!(HypercallLayout, __bindgen_anon_1)), flags.0);
    assert_eq!(word(offset_of!(HypercallLayout, ret)), 0);
    for number in 0..6 {
        assert_eq!(word(offset_of!(HypercallLayout, args) + 8 * number), 0);
    }
    assert_eq!(
        offset_of!(kvm_run, __bindgen_anon_1),
        32,
        "where these bytes are, as their documentation says"
    );
    assert_eq!(HypercallFlags::SMC.0, u64::from(KVM_HYPERCALL_EXIT_SMC));
    assert_eq!(HypercallFlags::SIXTEEN_BIT.0, u64::from(KVM_HYPERCALL_EXIT_16BIT));
}

#[test]
fn system_events_have_the_types_and_the_flags_of_the_headers() {
    let off2 = u64::from(KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2);
    let reset2 = u64::from(KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2);
    for (event, kind, data) in [
        (SystemEvent::Shutdown { flags: 1 }, KVM_SYSTEM_EVENT_SHUTDOWN, Some(off2)),
        (SystemEvent::Reset { flags: 1 }, KVM_SYSTEM_EVENT_RESET, Some(reset2)),
        (SystemEvent::WakeUp, KVM_SYSTEM_EVENT_WAKEUP, None),
        (SystemEvent::Suspend, KVM_SYSTEM_EVENT_SUSPEND, None),
    ] {
        assert_eq!((event.kind(), event.data()), (kind, data), "{event:?}");
    }
    assert_eq!(offset_of!(SystemEventLayout, type_), 0);
    assert_eq!(offset_of!(SystemEventLayout, ndata), 4);
}

#[test]
fn mp_states_have_the_values_of_the_headers() {
    assert_eq!(MpState::Runnable.to_uapi(), KVM_MP_STATE_RUNNABLE);
    assert_eq!(MpState::Stopped.to_uapi(), KVM_MP_STATE_STOPPED);
    assert_eq!(MpState::Suspended.to_uapi(), KVM_MP_STATE_SUSPENDED);
    for other in [KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_HALTED, KVM_MP_STATE_OPERATING] {
        assert_eq!(MpState::from_uapi(other), None);
    }
}

#[test]
fn features_are_the_bits_that_the_headers_number() {
    for (feature, bit) in [
        (VcpuFeatures::POWER_OFF, KVM_ARM_VCPU_POWER_OFF),
        (VcpuFeatures::EL1_32BIT, KVM_ARM_VCPU_EL1_32BIT),
        (VcpuFeatures::PSCI_0_2, KVM_ARM_VCPU_PSCI_0_2),
        (VcpuFeatures::HAS_EL2, KVM_ARM_VCPU_HAS_EL2),
    ] {
        assert_eq!(feature.0, 1 << bit);
    }
}

#[test]
fn core_registers_are_offsets_into_kvm_regs() {
    let core = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | u64::from(KVM_REG_ARM_CORE);
    let at = |offset: usize| RegisterId(core | u64::try_from(offset / size_of::<u32>()).unwrap());
    let regs = offset_of!(kvm_regs, regs);
    for number in 0..=30_u8 {
        let offset = regs + offset_of!(user_pt_regs, regs) + usize::from(number) * size_of::<u64>();
        assert_eq!(RegisterId::general(number), Some(at(offset)), "x{number}");
    }
    assert_eq!(RegisterId::PC, at(regs + offset_of!(user_pt_regs, pc)));
    assert_eq!(RegisterId::PSTATE, at(regs + offset_of!(user_pt_regs, pstate)));
}

#[test]
fn system_registers_are_their_encoding() {
    let id = |op0: u64, op1: u64, crn: u64, crm: u64, op2: u64| {
        RegisterId(
            KVM_REG_ARM64
                | KVM_REG_SIZE_U64
                | u64::from(KVM_REG_ARM64_SYSREG)
                | op0 << KVM_REG_ARM64_SYSREG_OP0_SHIFT
                | op1 << KVM_REG_ARM64_SYSREG_OP1_SHIFT
                | crn << KVM_REG_ARM64_SYSREG_CRN_SHIFT
                | crm << KVM_REG_ARM64_SYSREG_CRM_SHIFT
                | op2 << KVM_REG_ARM64_SYSREG_OP2_SHIFT,
        )
    };
    assert_eq!(RegisterId::MPIDR_EL1, id(3, 0, 0, 0, 5));
    assert_eq!(RegisterId::SCTLR_EL1, id(3, 0, 1, 0, 0));
}

#[test]
fn firmware_registers_are_numbered_as_in_the_headers() {
    let id = |kind: u32, number: u64| RegisterId(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | u64::from(kind) | number);
    // The macros KVM_REG_ARM_PSCI_VERSION and so on take arguments, which bindgen does not translate: numbers by hand.
    for (register, number) in [
        (RegisterId::PSCI_VERSION, 0),
        (RegisterId::WORKAROUND_1, 1),
        (RegisterId::WORKAROUND_2, 2),
        (RegisterId::WORKAROUND_3, 3),
    ] {
        assert_eq!(register, id(KVM_REG_ARM_FW, number));
    }
    for (register, number) in [
        (RegisterId::STANDARD_BITMAP, 0),
        (RegisterId::STANDARD_HYPERVISOR_BITMAP, 1),
        (RegisterId::VENDOR_HYPERVISOR_BITMAP, 2),
        (RegisterId::VENDOR_HYPERVISOR_BITMAP_2, 3),
    ] {
        assert_eq!(register, id(KVM_REG_ARM_FW_FEAT_BMAP, number));
    }
}

#[test]
fn the_bitmaps_have_the_bits_of_the_headers_and_no_more() {
    let vm = Vm::new(VmConfig::new(KvmVersion::V7_2));
    let mut vcpu = vm.create_vcpu(0).unwrap();
    vcpu.init(Init { features: VcpuFeatures::PSCI_0_2 }).unwrap();
    for (register, bits) in [
        (RegisterId::STANDARD_BITMAP, &[KVM_REG_ARM_STD_BIT_TRNG_V1_0][..]),
        (RegisterId::STANDARD_HYPERVISOR_BITMAP, &[KVM_REG_ARM_STD_HYP_BIT_PV_TIME]),
        (
            RegisterId::VENDOR_HYPERVISOR_BITMAP,
            &[KVM_REG_ARM_VENDOR_HYP_BIT_FUNC_FEAT, KVM_REG_ARM_VENDOR_HYP_BIT_PTP],
        ),
        (
            RegisterId::VENDOR_HYPERVISOR_BITMAP_2,
            &[KVM_REG_ARM_VENDOR_HYP_BIT_DISCOVER_IMPL_VER, KVM_REG_ARM_VENDOR_HYP_BIT_DISCOVER_IMPL_CPUS],
        ),
    ] {
        for bit in 0..64 {
            let expected = if bits.contains(&bit) { Ok(()) } else { Err(Errno(libc::EINVAL)) };
            assert_eq!(vcpu.set_register(register, 1 << bit), expected, "{register:?} bit {bit}");
        }
    }
}

#[test]
fn error_numbers_are_those_of_linux() {
    for (errno, value) in [
        (Errno::EPERM, libc::EPERM),
        (Errno::ENOENT, libc::ENOENT),
        (Errno::EINTR, libc::EINTR),
        (Errno::ENXIO, libc::ENXIO),
        (Errno::ENOEXEC, libc::ENOEXEC),
        (Errno::ENOMEM, libc::ENOMEM),
        (Errno::EFAULT, libc::EFAULT),
        (Errno::EBUSY, libc::EBUSY),
        (Errno::EEXIST, libc::EEXIST),
        (Errno::EINVAL, libc::EINVAL),
    ] {
        assert_eq!(errno.0, value, "{errno}");
    }
}

#[test]
fn workarounds_have_the_levels_of_the_headers() {
    for (state, first, third) in [
        (
            Workaround::NotAvailable,
            KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_AVAIL,
            KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_NOT_AVAIL,
        ),
        (
            Workaround::Available,
            KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_AVAIL,
            KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_AVAIL,
        ),
        (
            Workaround::NotRequired,
            KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_REQUIRED,
            KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_NOT_REQUIRED,
        ),
    ] {
        assert_eq!((state.level(), state.level()), (u64::from(first), u64::from(third)), "{state:?}");
    }
    assert_eq!(Workaround2::NotAvailable.level(), u64::from(KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_AVAIL));
    assert_eq!(Workaround2::NotRequired.level(), u64::from(KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED));
}

#[test]
fn kvms_private_psci_begins_where_the_headers_say() {
    assert_eq!(kvm_ids::PSCI_0_1_FIRST.0, KVM_PSCI_FN_BASE);
}

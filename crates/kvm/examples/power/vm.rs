//! What every monitor has already: a virtual machine with memory and vCPUs. And the filter.

use std::ptr;

use kvm_bindings::{
    KVM_ARM_VCPU_PSCI_0_2, kvm_device_attr, kvm_smccc_filter, kvm_userspace_memory_region, kvm_vcpu_init,
};
use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use switchboard_filter::Filter;

use super::guest::Memory;

/// A machine, and its memory, which must be kept as long as it.
pub(crate) fn with_memory(guest_phys_addr: u64, memory_size: u64) -> (VmFd, Box<Memory>) {
    let vm = Kvm::new().unwrap().create_vm_with_ipa_size(32).unwrap();
    let memory = Memory::new();
    let userspace_addr = address_of(&*memory);
    let region =
        kvm_userspace_memory_region { slot: 0, flags: 0, guest_phys_addr, memory_size, userspace_addr };
    // SAFETY: the memory outlives the vCPUs, and nobody else looks at it.
    #[allow(unsafe_code, reason = "the guest writes to the memory it is given")]
    unsafe { vm.set_user_memory_region(region) }.unwrap();
    (vm, memory)
}

/// Every range of the filter, before anything runs.
pub(crate) fn install(vm: &VmFd, filter: &Filter) {
    for rule in filter.rules() {
        let base = rule.range.first().0;
        let nr_functions = rule.range.last().0 - base + 1;
        let range = kvm_smccc_filter { base, nr_functions, action: rule.action.to_uapi(), pad: [0; 15] };
        // Group and attribute are 0: `KVM_ARM_VM_SMCCC_CTRL`, `KVM_ARM_VM_SMCCC_FILTER`.
        vm.set_device_attr(&kvm_device_attr { addr: address_of(&range), ..Default::default() }).unwrap();
    }
}

/// Both are INITed before either runs: KVM makes its map of affinities then.
pub(crate) fn two_vcpus(vm: &VmFd) -> (kvm_vcpu_init, [VcpuFd; 2]) {
    let mut init = kvm_vcpu_init::default();
    vm.get_preferred_target(&mut init).unwrap();
    init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
    let vcpus = [0, 1].map(|id| vm.create_vcpu(id).unwrap());
    vcpus.iter().for_each(|vcpu| vcpu.vcpu_init(&init).unwrap());
    (init, vcpus)
}

fn address_of<T>(value: &T) -> u64 {
    u64::try_from(ptr::from_ref(value).expose_provenance()).unwrap()
}

//! What a vCPU has beyond the base architecture.

use kvm_bindings::{
    KVM_ARM_VCPU_PMU_V3, KVM_ARM_VCPU_PSCI_0_2, KVM_ARM_VCPU_PTRAUTH_ADDRESS, KVM_ARM_VCPU_PTRAUTH_GENERIC,
    KVM_ARM_VCPU_SVE, kvm_vcpu_init,
};

/// The optional features of a machine's vCPUs: one set for all of them, the same at every
/// `KVM_ARM_VCPU_INIT` (KVM refuses a change).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VcpuFeatures {
    /// Performance counters.
    pub pmu: bool,
    /// Pointer authentication, address and generic.
    pub pauth: bool,
    /// The Scalable Vector Extension.
    pub sve: bool,
}

impl VcpuFeatures {
    /// Asks for these features in the argument of `KVM_ARM_VCPU_INIT`.
    ///
    /// `POWER_OFF` is never among them: which CPU is on is decided in userspace, and KVM would keep one that
    /// was INITed so from running.
    pub(crate) fn apply(self, init: &mut kvm_vcpu_init) {
        let mut bits = 1 << KVM_ARM_VCPU_PSCI_0_2;
        if self.pmu {
            bits |= 1 << KVM_ARM_VCPU_PMU_V3;
        }
        if self.pauth {
            bits |= 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC;
        }
        if self.sve {
            bits |= 1 << KVM_ARM_VCPU_SVE;
        }
        init.features[0] = bits;
    }
}

//! What a policy pins of the guest's view of KVM.

use switchboard_smccc::psci::Version;

use crate::source::Span;

/// A value, and where it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pin<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// The table `[abi]`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pins {
    pub(crate) psci: Option<Pin<Version>>,
    pub(crate) trng: Option<Pin<bool>>,
    pub(crate) pv_time: Option<Pin<bool>>,
    pub(crate) kvm_features: Option<Pin<bool>>,
    pub(crate) ptp: Option<Pin<bool>>,
    pub(crate) kvm_implementations: Option<Pin<bool>>,
}

impl Pins {
    /// What is not pinned here is as the extended policy has it.
    pub(crate) fn complete_with(&mut self, extended: Self) {
        self.psci = self.psci.or(extended.psci);
        self.trng = self.trng.or(extended.trng);
        self.pv_time = self.pv_time.or(extended.pv_time);
        self.kvm_features = self.kvm_features.or(extended.kvm_features);
        self.ptp = self.ptp.or(extended.ptp);
        self.kvm_implementations = self.kvm_implementations.or(extended.kvm_implementations);
    }
}

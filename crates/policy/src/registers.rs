//! The firmware registers of KVM: which of its services a guest sees.

use switchboard_filter::Range;
use switchboard_smccc::{FunctionId, RegisterId, kvm, psci::Version, pv_time, trng};

use crate::{
    pins::{Pin, Pins},
    range::{IdSet, single},
};

/// `KVM_DISCOVER_IMPL_VER` and `KVM_DISCOVER_IMPL_CPUS`, which KVM advertises and leaves to userspace.
pub(crate) const DISCOVER_IMPLEMENTATIONS: Range = Range::literal(FunctionId(0xc600_0040), 2);

/// The values to be set before the first vCPU runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirmwareRegisters {
    /// `KVM_REG_ARM_PSCI_VERSION`, and the version of a PSCI in userspace; `None`: the latest.
    pub psci_version: Option<Version>,
    /// `KVM_REG_ARM_STD_BMAP`.
    pub standard: u64,
    /// `KVM_REG_ARM_STD_HYP_BMAP`.
    pub standard_hypervisor: u64,
    /// `KVM_REG_ARM_VENDOR_HYP_BMAP`.
    pub vendor_hypervisor: u64,
    /// `KVM_REG_ARM_VENDOR_HYP_BMAP_2`, which kernels before 6.15 do not have. It is 0 where nobody sets it.
    pub vendor_hypervisor_2: u64,
}

/// A service of KVM that a register turns on, and what a policy says of it.
pub(crate) struct Bit {
    /// The key in `[abi]`.
    pub(crate) key: &'static str,
    pub(crate) pin: Option<Pin<bool>>,
    /// The calls that KVM answers or advertises only with this bit.
    pub(crate) calls: IdSet,
    /// What follows from the rules.
    pub(crate) derived: bool,
}

/// Who answers what, as far as the registers depend on it.
pub(crate) struct Answered<'a> {
    /// KVM is to answer these.
    pub(crate) handled: &'a IdSet,
    /// These reach KVM or a service, over some conduit.
    pub(crate) allowed: &'a IdSet,
}

impl Bit {
    pub(crate) fn value(&self) -> bool {
        self.pin.map_or(self.derived, |pin| pin.value)
    }
}

/// The five bits. KVM's own services are on where a rule leaves a call to them. Of those that another call of KVM
/// advertises, it is enough that somebody answers: a guest looks there first.
pub(crate) fn bits(pins: &Pins, answered: &Answered<'_>) -> [Bit; 5] {
    let ids = |ids: &[FunctionId]| IdSet::of(ids.iter().copied().map(single));
    let touches = |set: &IdSet, calls: &IdSet| !set.intersection(calls).is_empty();
    let bit = |key, pin, calls: IdSet, derived| Bit { key, pin, calls, derived };
    let trng = ids(&[trng::VERSION, trng::FEATURES, trng::GET_UUID, trng::RND_32, trng::RND_64]);
    let features = ids(&[kvm::FEATURES, kvm::CALL_UID]);
    let (pv_time, ptp) = (ids(&[pv_time::FEATURES, pv_time::STOLEN_TIME]), ids(&[kvm::PTP]));
    let implementations = IdSet::of([DISCOVER_IMPLEMENTATIONS]);
    let advertises = touches(answered.handled, &ids(&[kvm::FEATURES]));
    let (has_trng, has_features) = (touches(answered.handled, &trng), touches(answered.handled, &features));
    // `SMCCC_ARCH_FEATURES`, which nobody can filter, says by this bit that there is a `PV_TIME_FEATURES`.
    let has_pv_time = answered.allowed.contains(pv_time::FEATURES) || touches(answered.handled, &pv_time);
    let has_ptp = touches(if advertises { answered.allowed } else { answered.handled }, &ptp);
    let has_implementations = advertises && implementations.without(answered.allowed).is_empty();
    [
        bit("trng", pins.trng, trng, has_trng),
        bit("pv-time", pins.pv_time, pv_time, has_pv_time),
        bit("kvm-features", pins.kvm_features, features, has_features),
        bit("ptp", pins.ptp, ptp, has_ptp),
        bit("kvm-implementations", pins.kvm_implementations, implementations, has_implementations),
    ]
}

impl FirmwareRegisters {
    pub(crate) fn new(pins: &Pins, [trng, pv_time, features, ptp, implementations]: &[Bit; 5]) -> Self {
        let if_on = |bit: &Bit, value| if bit.value() { value } else { 0 };
        Self {
            psci_version: pins.psci.map(|pin| pin.value),
            standard: if_on(trng, 1),
            standard_hypervisor: if_on(pv_time, 1),
            vendor_hypervisor: if_on(features, 1) | if_on(ptp, 2),
            vendor_hypervisor_2: if_on(implementations, 3),
        }
    }

    /// Everything that KVM has.
    pub(crate) const fn everything(psci_version: Option<Version>) -> Self {
        Self {
            psci_version,
            standard: 1,
            standard_hypervisor: 1,
            vendor_hypervisor: 3,
            vendor_hypervisor_2: 3,
        }
    }

    /// The registers that need to be set, each with its value.
    pub fn values(&self) -> impl Iterator<Item = (RegisterId, u64)> {
        let version = self.psci_version.map(|version| (RegisterId::PSCI_VERSION, version.to_x0()));
        version.into_iter().chain(self.bitmaps())
    }

    /// Those of them that are bitmaps.
    pub fn bitmaps(&self) -> impl Iterator<Item = (RegisterId, u64)> + use<> {
        let second = (self.vendor_hypervisor_2 != 0)
            .then_some((RegisterId::VENDOR_HYPERVISOR_BITMAP_2, self.vendor_hypervisor_2));
        [
            (RegisterId::STANDARD_BITMAP, self.standard),
            (RegisterId::STANDARD_HYPERVISOR_BITMAP, self.standard_hypervisor),
            (RegisterId::VENDOR_HYPERVISOR_BITMAP, self.vendor_hypervisor),
        ]
        .into_iter()
        .chain(second)
    }

    pub(crate) const fn has_trng(&self) -> bool {
        self.standard & 1 != 0
    }

    pub(crate) const fn has_pv_time(&self) -> bool {
        self.standard_hypervisor & 1 != 0
    }

    pub(crate) const fn has_kvm_features(&self) -> bool {
        self.vendor_hypervisor & 1 != 0
    }

    pub(crate) const fn has_ptp(&self) -> bool {
        self.vendor_hypervisor & 2 != 0
    }
}

//! What a host's KVM offers.

use serde::Serialize;

/// What `switchboard host` prints. Every field is what the kernel said when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostReport {
    /// The kernel's release, as `uname -r` prints it.
    pub kernel: String,
    /// `KVM_GET_API_VERSION`: 12.
    pub api_version: i32,
    /// Is there `KVM_ARM_VM_SMCCC_FILTER`?
    pub smccc_filter: bool,
    /// How many bits a guest's physical address can have.
    pub ipa_bits: u32,
    /// How many vCPUs a machine can have.
    pub max_vcpus: usize,
    /// Which interrupt controllers KVM emulates.
    pub gic: GicSupport,
    /// The version KVM's own PSCI presents if it is not told otherwise, e.g. `1.3`.
    pub psci_default: String,
    /// The versions KVM's own PSCI can present.
    pub psci_versions: Vec<String>,
    /// Performance counters for guests (`PMUv3`).
    pub pmu: bool,
    /// Pointer authentication for guests.
    pub pauth: bool,
    /// The Scalable Vector Extension for guests.
    pub sve: bool,
    /// The firmware bitmap registers: which of KVM's own services a guest sees.
    pub bitmap_registers: Vec<BitmapRegister>,
    /// Why `switchboard run` will not work here; empty where it will.
    pub problems: Vec<String>,
}

/// Which interrupt controllers KVM emulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GicSupport {
    /// GICv2: at most 8 vCPUs.
    pub v2: bool,
    /// GICv3.
    pub v3: bool,
    /// The Interrupt Translation Service of GICv3.
    pub its: bool,
}

/// A firmware bitmap register (Linux, `Documentation/virt/kvm/arm/fw-pseudo-registers.rst`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BitmapRegister {
    /// The name in the kernel's header.
    pub name: &'static str,
    /// Its value at reset; `None` on a kernel that has no such register.
    pub value: Option<u64>,
    /// What its bits mean.
    pub bits: Vec<BitmapBit>,
}

/// A bit of a firmware bitmap register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BitmapBit {
    /// Which bit.
    pub bit: u8,
    /// What a guest sees while it is set.
    pub meaning: &'static str,
    /// Is it set at reset?
    pub set: bool,
}

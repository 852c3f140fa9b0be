//! What a machine is made of.

use std::path::PathBuf;

use switchboard_smccc::Conduit;

/// What a machine is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// KVM's device, usually `/dev/kvm`.
    pub kvm: PathBuf,
    /// The kernel: an arm64 Image, compressed or not.
    pub kernel: PathBuf,
    /// The initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line.
    pub command_line: String,
    /// How many CPUs.
    pub cpus: u32,
    /// How much memory, in bytes.
    pub memory: u64,
    /// The conduit that the device tree tells the guest to use for PSCI. Both work.
    pub conduit: Conduit,
    /// Who answers the guest's PSCI calls.
    pub psci: AnsweredBy,
    /// Optional features of the CPUs.
    pub features: FeatureRequest,
    /// What to do when the guest resets.
    pub on_reset: OnReset,
    /// Where to write the device tree, if anywhere.
    pub device_tree: Option<PathBuf>,
}

/// Who answers the calls of a service that both halves have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    /// Firmware in userspace: KVM forwards the calls.
    Userspace,
    /// KVM, in the kernel: nothing is forwarded.
    Kvm,
}

/// What to do when the guest resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnReset {
    /// Start the machine anew.
    Restart,
    /// End.
    End,
}

/// Which optional features the CPUs are to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeatureRequest {
    /// Performance counters.
    pub pmu: Wanted,
    /// Pointer authentication.
    pub pauth: Wanted,
    /// The Scalable Vector Extension.
    pub sve: Wanted,
}

/// Is a feature wanted?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Where the host has it.
    #[default]
    IfPresent,
    /// Yes: without it there is no machine.
    Yes,
    /// No.
    No,
}

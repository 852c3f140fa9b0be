//! What a machine is made of.

use std::path::PathBuf;

use switchboard_external::ServeSpec;
use switchboard_firmware::{kvm::Implementation, psci::PsciVersion, trng::RateLimit, watchdog::Bite};
use switchboard_policy::Plan;
use switchboard_smccc::Conduit;

pub use crate::control::protocol::Description;

/// What a machine is made of.
#[derive(Debug, Clone)]
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
    pub cpus: Cpus,
    /// How much memory, in bytes.
    pub memory: u64,
    /// The conduit that the device tree tells the guest to use for PSCI. Both work.
    pub conduit: Conduit,
    /// How the guest learns of its hardware.
    pub description: Description,
    /// Who answers the guest's PSCI calls.
    pub psci: AnsweredBy,
    /// The version of PSCI that the guest sees. Without one: the latest, of whoever answers.
    pub psci_version: Option<PsciVersion>,
    /// The other services.
    pub services: Services,
    /// What a policy has decided: see [`Config::follow`]. Without one, a guest may call everything that there is.
    pub plan: Option<Plan>,
    /// Optional features of the CPUs.
    pub features: FeatureRequest,
    /// What to do when the guest resets.
    pub on_reset: OnReset,
    /// Is the CPU time of calls measured?
    pub cpu_time: CpuTime,
    /// Where to write the device tree, if anywhere.
    pub device_tree: Option<PathBuf>,
    /// Where to listen for those who control the machine, if anywhere.
    pub control: Option<PathBuf>,
}

/// How many CPUs a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpus {
    /// How many the guest has when it boots. At least one.
    pub boot: u32,
    /// How many it can come to have. At least as many.
    pub max: u32,
}

impl Cpus {
    /// As many as that, from beginning to end.
    #[must_use]
    pub const fn fixed(count: u32) -> Self {
        Self { boot: count, max: count }
    }

    /// Can CPUs come and go?
    #[must_use]
    pub const fn can_change(self) -> bool {
        self.boot < self.max
    }
}

/// Who answers the calls of a service that both halves have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    /// Firmware in userspace: KVM forwards the calls.
    Userspace,
    /// KVM, in the kernel: nothing is forwarded.
    Kvm,
}

/// The services beside PSCI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// Who answers the guest's calls for random numbers.
    pub trng: Answerer,
    /// How many random bits it gets, where userspace answers.
    pub trng_limit: Option<RateLimit>,
    /// Who answers the calls of KVM's vendor services: identity, features, PTP, implementations.
    pub kvm: Answerer,
    /// The CPUs on which the guest may come to run, where userspace answers for KVM.
    pub implementations: Vec<Implementation>,
    /// Who answers the guest's questions for stolen time. It is KVM that counts it.
    pub pv_time: Answerer,
    /// As which hypervisor the machine presents itself. As Hyper-V, nobody answers for KVM.
    pub personality: Personality,
    /// Events that reach the guest whatever it has masked (SDEI), and with ACPI the one by which an operator reaches it.
    pub sdei: Presence,
    /// The watchdog, if there is one, and what it does when it bites.
    pub watchdog: Option<Bite>,
    /// Ranges that other processes answer.
    pub external: Vec<ServeSpec>,
}

impl Services {
    /// All that KVM has, by KVM.
    #[must_use]
    pub const fn of_kvm() -> Self {
        Self {
            trng: Answerer::Kvm,
            trng_limit: None,
            kvm: Answerer::Kvm,
            implementations: Vec::new(),
            pv_time: Answerer::Kvm,
            personality: Personality::Kvm,
            sdei: Presence::Absent,
            watchdog: None,
            external: Vec::new(),
        }
    }
}

/// Who answers the calls of a service that a guest can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answerer {
    /// Firmware in userspace: KVM forwards the calls.
    Userspace,
    /// KVM, in the kernel.
    Kvm,
    /// Nobody: they are NOT_SUPPORTED.
    Nobody,
}

/// Which hypervisor a guest takes the machine for: whose calls it makes beside those that every machine answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Personality {
    /// KVM. A guest finds out by its vendor's calls.
    #[default]
    Kvm,
    /// Hyper-V. A guest finds out by its vendor's calls, and by its ACPI tables, which name the hypervisor.
    HyperV,
}

/// Is a service there?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Presence {
    /// Yes.
    Present,
    /// No: its calls are NOT_SUPPORTED.
    #[default]
    Absent,
}

/// Is the CPU time that a vCPU's thread takes for each call measured? It costs two system calls a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CpuTime {
    /// Yes.
    Measured,
    /// No.
    #[default]
    NotMeasured,
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

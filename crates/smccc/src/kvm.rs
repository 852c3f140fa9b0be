//! Function IDs that are Linux KVM's own.

use crate::{FunctionId, uuid::Uuid};

/// The first function ID of KVM's private, pre-specification PSCI 0.1 (`KVM_PSCI_FN_BASE`).
///
/// KVM allows these by default. A monitor that serves PSCI denies them, or a guest could start and stop CPUs
/// behind its back.
pub const PSCI_0_1_FIRST: FunctionId = FunctionId(0x95c1_ba5e);
/// `CPU_OFF` of PSCI 0.1.
pub const PSCI_0_1_CPU_OFF: FunctionId = FunctionId(0x95c1_ba5f);
/// `CPU_ON` of PSCI 0.1.
pub const PSCI_0_1_CPU_ON: FunctionId = FunctionId(0x95c1_ba60);
/// The last function ID of PSCI 0.1: `MIGRATE`.
pub const PSCI_0_1_LAST: FunctionId = FunctionId(0x95c1_ba61);
/// How many there are: `CPU_SUSPEND`, `CPU_OFF`, `CPU_ON`, `MIGRATE`.
pub const PSCI_0_1_COUNT: u32 = 4;

/// KVM's vendor features (Linux, `Documentation/virt/kvm/arm/hypercalls.rst`).
pub const FEATURES: FunctionId = FunctionId(0x8600_0000);
/// Wall clock and counter (Linux, `Documentation/virt/kvm/arm/ptp_kvm.rst`).
pub const PTP: FunctionId = FunctionId(0x8600_0001);
/// Call UID of the vendor-specific hypervisor services (DEN0028, section 6.2): it says that they are KVM's.
pub const CALL_UID: FunctionId = FunctionId(0x8600_ff01);
/// What the UID is.
pub const UUID: Uuid =
    Uuid([0x28, 0xb4, 0x6f, 0xb6, 0x2e, 0xc5, 0x11, 0xe9, 0xa9, 0xca, 0x4b, 0x56, 0x4d, 0x00, 0x3a, 0x74]);
/// `DISCOVER_IMPL_VER`: how many implementations of a CPU a guest may be moved among.
pub const DISCOVER_IMPL_VER: FunctionId = FunctionId(0xc600_0040);
/// `DISCOVER_IMPL_CPUS`: one of them.
pub const DISCOVER_IMPL_CPUS: FunctionId = FunctionId(0xc600_0041);

/// The bit of [`FEATURES`] in word 0 of what that returns. Bit `n` of word `w` stands for function number `32 * w + n`.
pub const FEATURE_FEATURES: u64 = 1;
/// The bit of [`PTP`], in word 0.
pub const FEATURE_PTP: u64 = 1 << 1;
/// The bit of [`DISCOVER_IMPL_VER`], in word 2.
pub const FEATURE_DISCOVER_IMPL_VER: u64 = 1;
/// The bit of [`DISCOVER_IMPL_CPUS`], in word 2.
pub const FEATURE_DISCOVER_IMPL_CPUS: u64 = 1 << 1;

/// The argument of [`PTP`] for `CNTVCT_EL0`.
pub const PTP_VIRTUAL_COUNTER: u32 = 0;
/// The argument of [`PTP`] for `CNTPCT_EL0`.
pub const PTP_PHYSICAL_COUNTER: u32 = 1;

/// The version that [`DISCOVER_IMPL_VER`] returns: 1.0, the major number in bits `[31:16]`.
pub const DISCOVER_IMPL_VERSION_1_0: u64 = 0x1_0000;

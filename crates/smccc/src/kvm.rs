//! Function IDs that are Linux KVM's own.

use crate::FunctionId;

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
/// KVM's vendor features (Linux, `Documentation/virt/kvm/arm/hypercalls.rst`).
pub const FEATURES: FunctionId = FunctionId(0x8600_0000);
/// Wall clock and counter (Linux, `Documentation/virt/kvm/arm/ptp_kvm.rst`).
pub const PTP: FunctionId = FunctionId(0x8600_0001);
/// Call UID of the vendor-specific hypervisor services (DEN0028, section 6.2): it says that they are KVM's.
pub const CALL_UID: FunctionId = FunctionId(0x8600_ff01);
/// How many there are: `CPU_SUSPEND`, `CPU_OFF`, `CPU_ON`, `MIGRATE`.
pub const PSCI_0_1_COUNT: u32 = 4;

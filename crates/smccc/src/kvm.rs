//! Function IDs that are Linux KVM's own.

use crate::FunctionId;

/// The first function ID of KVM's private, pre-specification PSCI 0.1 (`KVM_PSCI_FN_BASE`).
///
/// KVM allows these by default. A monitor that serves PSCI denies them, or a guest could start and stop CPUs
/// behind its back.
pub const PSCI_0_1_FIRST: FunctionId = FunctionId(0x95c1_ba5e);
/// How many there are: `CPU_SUSPEND`, `CPU_OFF`, `CPU_ON`, `MIGRATE`.
pub const PSCI_0_1_COUNT: u32 = 4;

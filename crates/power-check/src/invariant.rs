//! The invariants.

/// What must hold of the power table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    /// Of racing `CPU_ON` exactly one succeeds, and each other one is told why it did not.
    OneWinner,
    /// The start that a thread takes is one caller's, whole.
    WholeStart,
    /// After a `CPU_ON` that succeeded the target runs, unless the machine stops.
    NoLostWakeUp,
    /// `AFFINITY_INFO` never says OFF of what can still execute.
    OffIsOff,
    /// `SYSTEM_SUSPEND` succeeds if, and only if, all other CPUs are off, and they stay so.
    Alone,
    /// A claim that is dropped leaves no trace.
    DroppedClaim,
    /// A CPU that is taken away is off, and cannot be started.
    Policy,
    /// Who stops the machine first is told so once, nobody runs after it, and a new life begins as the first did.
    Stop,
    /// A start that has been handed over has no hold on its CPU's later lives.
    Generations,
}

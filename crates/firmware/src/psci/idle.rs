//! The power states of `CPU_SUSPEND`.

/// What a CPU keeps in a power state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleKind {
    /// Everything: the call returns when an interrupt comes (`StateType` 0).
    Standby,
    /// Nothing: the CPU goes on at an entry point when an interrupt comes (`StateType` 1).
    PowerDown,
}

/// A power state that the guest may ask for. One list feeds `CPU_SUSPEND` and the guest's device tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleState {
    /// The name in the device tree.
    pub name: &'static str,
    /// What is kept.
    pub kind: IdleKind,
    /// The `power_state` argument, original format (DEN0022, section 5.4.2): state ID in `[15:0]`, type in bit 16,
    /// power level in `[25:24]`.
    pub power_state: u32,
    /// How long it takes to enter, in microseconds.
    pub entry_latency_us: u32,
    /// How long it takes to leave, in microseconds.
    pub exit_latency_us: u32,
    /// How long a stay must last to be worth it, in microseconds.
    pub min_residency_us: u32,
}

/// The power states of a CPU: one of each kind.
///
/// The figures are those of a virtual CPU: a standby costs two exits to userspace, and a power-down costs the
/// guest the saving and restoring of its context besides.
#[must_use]
pub const fn idle_states() -> &'static [IdleState] {
    &STATES
}

/// How many power states there are.
pub(super) const COUNT: usize = 2;
/// The index of the one that `CPU_DEFAULT_SUSPEND` enters.
pub(super) const DEFAULT: usize = 1;

const STATES: [IdleState; COUNT] = [
    IdleState {
        name: "cpu-standby",
        kind: IdleKind::Standby,
        power_state: 0x0000_0001,
        entry_latency_us: 20,
        exit_latency_us: 40,
        min_residency_us: 200,
    },
    IdleState {
        name: "cpu-power-down",
        kind: IdleKind::PowerDown,
        power_state: 0x0001_0001,
        entry_latency_us: 100,
        exit_latency_us: 400,
        min_residency_us: 5000,
    },
];

/// The index of the state with this `power_state` argument.
pub(super) fn find(power_state: u32) -> Option<usize> {
    STATES.iter().position(|state| state.power_state == power_state)
}

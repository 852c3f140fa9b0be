//! What a machine's start takes, up to its guest's first instruction.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// What it took until the guest's first instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartCosts {
    /// From [`Machine::run`](crate::Machine::run) on.
    pub time: Duration,
    /// The part of it that was KVM's alone.
    pub hardware: HardwareCosts,
    /// The process's resident memory at that moment, in bytes.
    pub resident: u64,
}

/// What KVM took to create and to INIT. It grows with the CPUs that a machine can have, for the interrupt controller with their
/// square.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HardwareCosts {
    /// The vCPUs.
    pub vcpus: Duration,
    /// The interrupt controller.
    pub interrupt_controller: Duration,
}

/// Measures the first start; later lives are not measured.
#[derive(Default)]
pub(crate) struct StartClock {
    began: OnceLock<Instant>,
    hardware: OnceLock<HardwareCosts>,
    costs: OnceLock<StartCosts>,
}

impl StartClock {
    /// The machine begins to be made.
    pub(crate) fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// KVM has made the hardware.
    pub(crate) fn made_hardware(&self, costs: HardwareCosts) {
        self.hardware.get_or_init(|| costs);
    }

    /// The guest's first instruction is next.
    pub(crate) fn first_run(&self) {
        self.costs.get_or_init(|| StartCosts {
            time: self.began.get().map_or(Duration::ZERO, Instant::elapsed),
            hardware: self.hardware.get().copied().unwrap_or_default(),
            resident: resident_memory().unwrap_or(0),
        });
    }

    pub(crate) fn costs(&self) -> Option<StartCosts> {
        self.costs.get().copied()
    }
}

/// In bytes, as `/proc` says it.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

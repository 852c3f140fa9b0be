//! A small arm64 virtual machine monitor whose guests are answered by firmware in userspace.
//!
//! A [`Machine`] is made out of a [`Config`]. It boots a Linux kernel by device tree or ACPI, and answers every forwarded
//! call with the services of `switchboard-firmware`.
//!
//! * [`boot`]: the kernel's image, where everything goes in memory, the device tree, the ACPI tables.
//! * [`devices`]: device models, pure: registers in, an interrupt level out.
//! * [`Console`]: the guest's serial port on two descriptors.
//! * [`CallStatistics`]: which functions were called, and what they took.
//! * [`Control`]: ends the machine from outside.
//! * [`control`]: the control socket, its protocol, and its client.
//!
//! The life of a call is in `vcpu.rs`: the vCPU's own thread takes it from the exit to the resumed guest.
//!
//! Deliberately missing: devices beyond a serial port and a power button, snapshots. Running a guest needs an arm64
//! host; everything else compiles and is tested anywhere.

// What only a running machine uses is tested everywhere and runs on arm64 alone.
#![cfg_attr(not(target_arch = "aarch64"), allow(dead_code))]

mod board;
pub mod boot;
#[cfg(target_arch = "aarch64")]
mod bus;
mod calls;
mod clock;
mod config;
mod console;
pub mod control;
mod crashes;
mod deadlines;
pub mod devices;
mod ending;
mod error;
mod error_status;
mod gate;
#[cfg(target_arch = "aarch64")]
mod hardware;
mod hotplug;
pub mod layout;
#[cfg(target_arch = "aarch64")]
mod lent;
#[cfg(target_arch = "aarch64")]
mod life;
mod log;
mod memory;
mod nmi;
mod offer;
mod operator;
#[cfg(target_arch = "aarch64")]
mod probe;
mod run;
mod services;
mod session;
#[cfg(target_arch = "aarch64")]
mod slot;
mod start;
#[cfg(target_arch = "aarch64")]
mod stolen_time;
mod sync;
mod uart;
#[cfg(target_arch = "aarch64")]
mod vcpu;
mod vcpu_threads;

pub use boot::{image::Reason as ImageReason, placement::PlacementError};
pub use calls::{CallRecord, CallStatistics, CallSummary, CallTable, ExitCounts, ExitKind, Verdict};
pub use config::{
    AnsweredBy, Answerer, Config, CpuTime, Cpus, Description, FeatureRequest, OnReset, Personality, Presence,
    Services, Wanted,
};
pub use console::{Console, InputKind, RawTerminal, Restorer};
pub use crashes::Crash;
pub use ending::{Control, End};
pub use error::{Error, VcpuError};
pub use log::{Log, Logged, LoggedCall};
pub use memory::Memory;
pub use offer::offered;
#[cfg(target_arch = "aarch64")]
pub use probe::{Probed, probe};
pub use run::{Machine, Surroundings};
pub use start::{HardwareCosts, StartCosts};
pub use switchboard_external::{Counts, External, ServeSpec};
pub use switchboard_firmware::{
    CpuIndex, OffKind, ResetKind, hyperv::HyperV, kvm::Implementation, psci::PsciVersion, trng::RateLimit,
    watchdog::Bite,
};
pub use switchboard_policy::{Denials, Plan};
pub use switchboard_smccc::Conduit;

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Typed glue over kvm-ioctls for arm64: probe, install a plan, decode and complete a hypercall exit.
//!
//! * [`Kvm`]: an open `/dev/kvm` that is known to be of this architecture; [`Kvm::probe`] says what it offers.
//! * [`HypercallExit`]: function ID, conduit and instruction length out of the exit.
//! * `Vm`, `Vcpu`, `Gic`, `Kicker`: a virtual machine, with calls that cannot be made in the wrong order or with
//!   the wrong register width. On arm64 only: on other architectures this crate still compiles, and
//!   [`Kvm::open`] says that the host is of another one.
//!
//! This is the only crate that depends on kvm-ioctls and kvm-bindings.
//!
//! Deliberately missing: threads, guest memory management and devices (that is `switchboard-machine`).

mod error;
mod exit;
#[cfg(target_arch = "aarch64")]
mod features;
#[cfg(target_arch = "aarch64")]
mod gic;
mod host;
#[cfg(target_arch = "aarch64")]
mod kernel_service;
#[cfg(target_arch = "aarch64")]
mod kick;
#[cfg(all(target_arch = "aarch64", feature = "raw"))]
pub mod raw;
mod report;
#[cfg(target_arch = "aarch64")]
mod time;
#[cfg(target_arch = "aarch64")]
mod vcpu;
#[cfg(target_arch = "aarch64")]
mod vm;

pub use error::{Error, OpenError};
pub use exit::{HypercallExit, InstructionLength};
#[cfg(target_arch = "aarch64")]
pub use features::VcpuFeatures;
#[cfg(target_arch = "aarch64")]
pub use gic::{Gic, GicLayout};
pub use host::Kvm;
#[cfg(target_arch = "aarch64")]
pub use kernel_service::{Exposure, KernelService};
#[cfg(target_arch = "aarch64")]
pub use kick::{Kicked, Kicker};
pub use report::{BitmapBit, BitmapRegister, GicSupport, HostReport};
#[cfg(target_arch = "aarch64")]
pub use time::{CounterOffsets, host_counter};
#[cfg(target_arch = "aarch64")]
pub use vcpu::{Exit, Vcpu};
#[cfg(target_arch = "aarch64")]
pub use vm::{Level, Spi, Vm};

/// How many ioctls a vCPU has cost since it was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IoctlCounts {
    /// `KVM_GET_ONE_REG`.
    pub register_reads: u64,
    /// `KVM_SET_ONE_REG`.
    pub register_writes: u64,
    /// `KVM_ARM_VCPU_INIT` of a vCPU that had run. Where the CPU has no FEAT_S2FWB, each unmaps the machine's whole stage 2,
    /// which is then faulted in again.
    pub resets: u64,
}

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

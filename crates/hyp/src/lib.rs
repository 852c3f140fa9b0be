//! The hypervisor half: what Linux KVM does with a guest's `HVC` and `SMC`, call by call.
//!
//! A [`Vm`] takes what a monitor says to KVM (device attributes, firmware registers, capabilities) and answers with the
//! same result or [`Errno`]. A [`Vcpu`] takes what a CPU says to a hypervisor, an exception with its syndrome, and
//! leaves the registers as KVM leaves them: [`Vcpu::trap`] returns what happens [`Next`]. It is the reference against
//! which policies and firmware are tested on any machine, and it is itself compared with KVM, program by program
//! (`cargo xtask conform`).
//!
//! * [`Vm`], [`VmConfig`], [`KvmVersion`]: a virtual machine of a certain kernel.
//! * [`Vcpu`], [`RegisterId`], [`MpState`]: a virtual CPU, its registers, its power.
//! * [`Syndrome`], [`Next`], [`Exit`]: one trap and what comes of it.
//! * [`Host`]: what only the embedder has: entropy, time, guest memory.
//!
//! Two vCPUs of one VM may be driven from two threads. A trapped call allocates nothing, and what it costs depends on
//! nothing that a guest chose. No call takes a lock but PSCI's power calls, and those of one CPU at a time; `CPU_ON` also
//! reads the map of affinities. `AFFINITY_INFO` and the calls that end the machine look at every vCPU.
//!
//! Deliberately missing: executing instructions (the embedder's CPU does), stage 2 translation, interrupt controllers
//! and timers, system registers that no call reads, protected VMs.
//!
//! To follow a new kernel: a predicate in `version.rs`, its use where behaviour forks, and a run of the tester.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod attributes;
mod errno;
mod exit;
mod features;
mod firmware_registers;
mod host;
mod mpidr_map;
mod power;
mod psci;
mod pstate;
mod pv_time;
mod register_id;
mod run;
mod smccc;
mod syndrome;
mod trap;
mod trng;
mod vcpu;
mod vendor;
mod version;
mod vm;

pub use attributes::{
    DeviceAttribute, PVTIME_CTRL, PVTIME_IPA, SMCCC_CTRL, SMCCC_FILTER, SMCCC_FILTER_HVC, SMCCC_FILTER_SMC,
};
pub use errno::Errno;
pub use exit::{Exit, Hypercall, HypercallFlags, SystemEvent};
pub use features::{Init, VcpuFeatures};
pub use host::{Counter, Host, Mitigations, NoHost, Time, Workaround, Workaround2};
pub use power::MpState;
pub use run::{Entry, Interruption};
pub use switchboard_smccc::RegisterId;
pub use syndrome::{ExceptionClass, Syndrome};
pub use trap::{Level, Next};
pub use vcpu::{Line, Vcpu};
pub use version::{KvmVersion, NoVersion};
pub use vm::{Capability, NamespaceRule, Vm, VmConfig};

/// The examples in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Why there is no machine, or none any more.

use std::{io, path::PathBuf};

use switchboard_firmware::{CpuIndex, DeclarationError, RegisterFault, psci::PsciVersion};
use thiserror::Error;

use crate::{
    boot::{efi::EfiError, fdt::FdtError, image::ImageError, placement::PlacementError},
    control::BindError,
};

/// Why there is no machine, or none any more.
#[derive(Debug, Error)]
pub enum Error {
    /// KVM's device cannot be used.
    #[error(transparent)]
    Open(#[from] switchboard_kvm::OpenError),
    /// KVM refused something.
    #[error(transparent)]
    Kvm(#[from] switchboard_kvm::Error),
    /// The kernel cannot be opened.
    #[error("the kernel {} cannot be opened", path.display())]
    OpenKernel {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel is none that can be booted.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The initial RAM disk cannot be read.
    #[error("the initial RAM disk {} cannot be read", path.display())]
    Initrd {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not all fit into the guest's memory.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// A number of CPUs that there cannot be.
    #[error("a machine cannot have {asked} CPUs here: {reason}")]
    Cpus {
        /// How many were asked for.
        asked: u32,
        /// Why not.
        reason: String,
        /// The most there can be, where that is known.
        limit: Option<u32>,
    },
    /// Memory that cannot be had.
    #[error("{} MiB of memory cannot be had", size >> 20)]
    Memory {
        /// How much was asked for, in bytes.
        size: u64,
        /// Why.
        source: io::Error,
    },
    /// More memory than guest-physical addresses reach.
    #[error("{} MiB of memory end beyond the {ipa_bits} bits that a guest's physical address has here", size >> 20)]
    Addresses {
        /// How much was asked for, in bytes.
        size: u64,
        /// How many bits there are.
        ipa_bits: u32,
    },
    /// A feature that was asked for is not there.
    #[error("this host has no {feature} for guests")]
    Feature {
        /// Its name on the command line.
        feature: &'static str,
    },
    /// No interrupt controller can be emulated.
    #[error("this host's KVM emulates no interrupt controller")]
    NoGic,
    /// KVM's own PSCI is older.
    #[error("this host's KVM has no PSCI {version}")]
    PsciVersion {
        /// The version that was asked for.
        version: PsciVersion,
    },
    /// Stolen time is not counted.
    #[error("this host's KVM does not count the time that it steals from a guest")]
    NoStolenTime,
    /// Another process's service.
    #[error(transparent)]
    External(#[from] switchboard_external::ConnectError),
    /// CPUs cannot come and go.
    #[error("CPUs cannot come and go where KVM answers PSCI: it knows of none that a guest may not have")]
    HotplugUnderKvm,
    /// SDEI needs to know which CPUs are on.
    #[error("SDEI needs Switchboard's PSCI: where KVM answers it, nobody here knows which CPUs are on")]
    SdeiUnderKvm,
    /// Services claim the same function IDs.
    #[error(transparent)]
    Firmware(#[from] DeclarationError),
    /// The device tree could not be made.
    #[error("the device tree could not be made")]
    DeviceTree(#[from] FdtError),
    /// The hardware could not be described by ACPI.
    #[error("the hardware cannot be described by ACPI")]
    Acpi(#[source] EfiError),
    /// The device tree could not be written to its file.
    #[error("the device tree cannot be written to {}", path.display())]
    DumpDeviceTree {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no control socket.
    #[error(transparent)]
    Control(#[from] BindError),
    /// The host refused something ordinary.
    #[error("{action} failed")]
    Host {
        /// What was to be done.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A thread of ours panicked.
    #[error("the thread `{thread}` panicked: this is a bug in Switchboard")]
    Panic {
        /// Its name.
        thread: &'static str,
    },
    /// A vCPU cannot go on.
    #[error("{cpu} stopped")]
    Vcpu {
        /// Which one.
        cpu: CpuIndex,
        /// Why.
        source: VcpuError,
    },
}

/// A command line that no kernel takes is the same mistake with and without ACPI.
impl From<EfiError> for Error {
    fn from(error: EfiError) -> Self {
        match error {
            EfiError::DeviceTree(error) => Self::DeviceTree(error),
            error => Self::Acpi(error),
        }
    }
}

/// Why a vCPU cannot go on.
#[derive(Debug, Error)]
pub enum VcpuError {
    /// KVM cannot run it.
    #[error(transparent)]
    Kvm(#[from] switchboard_kvm::Error),
    /// The guest accessed a device with an instruction that KVM cannot take apart.
    #[error("the guest accessed a device with an instruction that KVM does not decode")]
    UndecodedAccess,
    /// A register of a call could not be read or written.
    #[error(transparent)]
    Register(#[from] RegisterFault),
}

impl Error {
    /// What to do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Open(error) => open_hint(error),
            Self::Kvm(switchboard_kvm::Error::NoFilter) => {
                "run `switchboard host` to see what this host offers; use a kernel of Linux 6.4 or later, or leave \
                 PSCI to KVM with `--psci kvm`"
                    .into()
            }
            Self::OpenKernel { .. } | Self::Initrd { .. } => {
                "check the path, and that you may read the file".into()
            }
            Self::Image(error) => return error.hint().map(Into::into),
            Self::Placement(error) => return error.hint(),
            Self::Cpus { limit: Some(limit), .. } => format!("ask for 1 to {limit} with `--cpus`"),
            Self::Cpus { limit: None, .. } => "ask for 1 or more with `--cpus`".into(),
            Self::Memory { .. } | Self::Addresses { .. } => "ask for less with `--mem`".into(),
            Self::Feature { feature } => format!("leave it out with `--cpu-features {feature}=off`"),
            Self::DeviceTree(FdtError::BootargsTooLong { .. }) => "shorten what `--append` has".into(),
            Self::PsciVersion { .. } => "leave PSCI to Switchboard with `--psci userspace`, or ask for less".into(),
            Self::HotplugUnderKvm => {
                "leave PSCI to Switchboard with `--psci userspace`, or give the guest all CPUs with `--cpus N`".into()
            }
            Self::SdeiUnderKvm => {
                "leave PSCI to Switchboard (`--psci userspace`, or a rule that forwards `@psci`), or do without SDEI".into()
            }
            Self::Acpi(EfiError::Tables(_)) => "ask for fewer CPUs with `--cpus`, or for a device tree with `--fdt`".into(),
            Self::Control(error) => error.hint(),
            Self::NoStolenTime => "leave it to KVM with `--pv-time kvm`, or do without it with `--pv-time none`".into(),
            Self::External(error) => error.hint().into(),
            Self::NoGic => "run `switchboard host` to see what this host offers".into(),
            Self::Vcpu { source: VcpuError::UndecodedAccess, .. } => {
                "the guest did this; a device may be accessed by plain loads and stores of one register only"
                    .into()
            }
            _ => return None,
        })
    }
}

fn open_hint(error: &switchboard_kvm::OpenError) -> String {
    match error {
        switchboard_kvm::OpenError::Open { source, .. }
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            "you may not open it: join the group `kvm`, or run as root".into()
        }
        switchboard_kvm::OpenError::Open { .. } => {
            "load the kernel's KVM, or run in the lab with `cargo xtask run`, which needs none".into()
        }
        switchboard_kvm::OpenError::NotKvm { .. } | switchboard_kvm::OpenError::OtherArchitecture { .. } => {
            "an arm64 host is needed; `cargo xtask run` emulates one on any machine".into()
        }
    }
}

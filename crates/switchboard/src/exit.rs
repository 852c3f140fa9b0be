//! Exit statuses. They are an interface: scripts test them.

use std::process::{ExitCode, Termination};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// What was asked for is done; a guest has switched itself off.
    Success,
    /// KVM or the host failed, or a vCPU could not go on.
    Failure,
    /// Wrong usage.
    Usage,
    /// KVM's device is not there or may not be opened.
    NoKvm,
    /// It is not KVM, or runs guests of another architecture.
    OtherArchitecture,
    /// KVM has no SMCCC filter: the kernel is older than Linux 6.4.
    NoFilter,
    /// This host lacks something the machine needs.
    HostLacks,
    /// Another process that is to answer calls cannot be reached, or is not what it should be.
    NobodyAnswers,
    /// Two services, or a service and KVM, would answer the same function IDs.
    TwoAnswer,
    /// The kernel cannot be opened.
    KernelUnreadable,
    /// The kernel is no arm64 Image.
    NotAnImage,
    /// The kernel is one for x86.
    X86Kernel,
    /// The kernel is an arm64 one, and damaged or compressed in a way that is not supported.
    KernelDamaged,
    /// The initial RAM disk cannot be read.
    InitrdUnreadable,
    /// The initial RAM disk does not fit into memory.
    InitrdDoesNotFit,
    /// The kernel does not fit into memory.
    KernelDoesNotFit,
    /// A machine cannot have that many CPUs.
    Cpus,
    /// The memory cannot be had.
    Memory,
    /// The kernel's command line is none that a kernel takes.
    CommandLine,
    /// The control socket cannot be connected to.
    NobodyListens,
    /// The machine cannot do what was asked for.
    CannotBeDone,
    /// The guest refused.
    GuestRefused,
    /// The guest has not done it in time.
    NotInTime,
    /// The request is void: the machine has ended, or another request has taken its place.
    Abandoned,
    /// A policy has errors, or cannot be read.
    Policy,
    /// KVM does otherwise than was proven.
    KvmDiffers,
    /// There is no such function.
    NoSuchFunction,
    /// The guest has reset itself, and `--no-reboot` was given.
    GuestReset,
    /// Somebody left at the console.
    Left,
    /// The guest has switched itself off to go on later.
    Hibernated,
    /// The guest has reset itself by a warm reset, and `--no-reboot` was given.
    GuestWarmReset,
    /// Somebody stopped the machine at its control socket.
    Stopped,
    /// The watchdog ended the machine.
    Bitten,
}

impl Status {
    /// The number that the shell sees. 2 is the command line parser's as well.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NoKvm => 10,
            Self::OtherArchitecture => 11,
            Self::NoFilter => 12,
            Self::HostLacks => 13,
            Self::NobodyAnswers => 14,
            Self::TwoAnswer => 15,
            Self::KernelUnreadable => 20,
            Self::NotAnImage => 21,
            Self::X86Kernel => 22,
            Self::KernelDamaged => 23,
            Self::InitrdUnreadable => 24,
            Self::InitrdDoesNotFit => 25,
            Self::KernelDoesNotFit => 26,
            Self::Cpus => 27,
            Self::Memory => 28,
            Self::CommandLine => 29,
            Self::NobodyListens => 30,
            Self::CannotBeDone => 31,
            Self::GuestRefused => 32,
            Self::NotInTime => 33,
            Self::Abandoned => 34,
            Self::Policy => 40,
            Self::NoSuchFunction => 41,
            Self::KvmDiffers => 42,
            Self::GuestReset => 64,
            Self::Left => 65,
            Self::Hibernated => 66,
            Self::GuestWarmReset => 67,
            Self::Stopped => 68,
            Self::Bitten => 69,
        }
    }
}

impl Termination for Status {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// The table for `run --help`.
pub(crate) const HELP: &str = "\
Exit status:
   0  the guest switched itself off
   1  KVM or the host failed, or a vCPU could not go on
   2  wrong usage
  10  KVM's device is not there, or may not be opened
  11  it is not KVM, or runs guests of another architecture
  12  KVM has no SMCCC filter (the kernel is older than Linux 6.4)
  13  this host lacks something the machine needs
  14  a process that is to answer calls (--serve) cannot be reached, or is not what it should be
  15  two services, or a service and KVM, would answer the same calls
  20  the kernel cannot be opened
  21  the kernel is no arm64 Image
  22  the kernel is one for x86
  23  the kernel is damaged, or compressed in a way that is not supported
  24  the initial RAM disk cannot be read
  25  the initial RAM disk does not fit into memory
  26  the kernel does not fit into memory
  27  a machine cannot have that many CPUs here
  28  the memory cannot be had
  29  the kernel's command line is too long
  40  the policy has errors, or cannot be read
  64  the guest reset itself, and --no-reboot was given
  65  somebody left at the console with ^A x
  66  the guest switched itself off to go on later (SYSTEM_OFF2, HIBERNATE_OFF)
  67  the guest reset itself by a warm reset (SYSTEM_RESET2), and --no-reboot was given
  68  somebody stopped the machine with `switchboard ctl SOCKET stop`
  69  the watchdog ended the machine: --watchdog off, or --no-reboot was given
A signal that ends the machine ends the process in the same way.";

/// The table for `policy --help` and `explain --help`.
pub(crate) const POLICY_HELP: &str = "\
Exit status:
   0  the policy has no errors; of two that are compared, nothing changes for a guest
   1  something changes for a guest (diff)
   2  wrong usage
  40  a policy has errors, or cannot be read
  41  there is no such function (explain)
  42  this host's KVM does otherwise (check --probe)";

/// The table for `ctl --help`.
pub(crate) const CTL_HELP: &str = "\
Exit status:
   0  done; without --wait, the guest has been asked
   1  the connection failed, and what became of the request is not known
   2  wrong usage
  30  nobody listens on that socket, or you may not connect to it
  31  the machine cannot do that
  32  the guest refused
  33  the guest has not done it in time; the request stands
  34  the machine ended first, or another request took this one's place
With several CPUs, the lowest of 31 to 34 that one of them came to.";

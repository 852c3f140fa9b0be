//! The arguments of the commands about policies and names.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::services::OfferArguments;

/// Which policy a guest is held to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArguments {
    /// What the guest may call, and who answers: a file, or the name of a policy that comes with Switchboard
    /// (`switchboard policy list`).
    #[arg(
        long,
        value_name = "POLICY",
        conflicts_with_all = ["psci", "trng", "trng_rate", "kvm_services", "pv_time", "sdei"]
    )]
    pub(crate) policy: Option<String>,

    /// Deny calls in userspace, where they are counted, and not in KVM, where nobody sees them. Each costs an exit.
    #[arg(long, requires = "policy")]
    pub(crate) deny_in_userspace: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a policy, and say who answers every call.
    Check(CheckArguments),
    /// Show what KVM and the services are told: the filter, the firmware registers, what becomes of forwarded calls.
    Show(OnePolicy),
    /// Show what changes for a guest from one policy to another.
    Diff(TwoPolicies),
    /// List the policies that come with Switchboard.
    List(Output),
    /// List the groups of calls.
    Groups(Offered),
    /// List what can be found in a policy.
    Codes(Output),
    /// Print the JSON schema of policies, for editors.
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct OnePolicy {
    /// A file, or the name of a policy that comes with Switchboard.
    pub(crate) policy: String,

    /// As with `run --deny-in-userspace`.
    #[arg(long)]
    pub(crate) deny_in_userspace: bool,

    #[command(flatten)]
    pub(crate) offered: Offered,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) policy: OnePolicy,

    /// Make the calls at both ends of every range under this host's KVM as well, with a small guest.
    #[arg(long)]
    pub(crate) probe: bool,

    /// KVM's device.
    #[arg(long, value_name = "FILE", default_value = "/dev/kvm")]
    pub(crate) kvm: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct TwoPolicies {
    /// The policy before.
    pub(crate) before: String,

    /// The policy after.
    pub(crate) after: String,

    #[command(flatten)]
    pub(crate) offered: Offered,
}

#[derive(Debug, Args)]
pub(crate) struct Offered {
    #[command(flatten)]
    pub(crate) services: OfferArguments,

    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Output {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// A function ID, as `0xC4000003`, or the name of a function, as `CPU_ON`.
    pub(crate) call: String,

    /// By which policy: a file, or the name of one that comes with Switchboard.
    #[arg(long, value_name = "POLICY", default_value = "linux-guest")]
    pub(crate) policy: String,

    #[command(flatten)]
    pub(crate) offered: Offered,
}

#[derive(Debug, Args)]
pub(crate) struct NamesArguments {
    /// Only those whose name or specification contains this.
    pub(crate) text: Option<String>,

    #[command(flatten)]
    pub(crate) output: Output,
}

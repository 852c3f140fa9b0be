//! The policy file, as it is written: what TOML and the JSON schema know of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A policy: what a guest may call, and who answers. What no rule names is denied.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "Switchboard policy")]
pub(crate) struct File {
    /// The version of the format: 1.
    #[schemars(with = "i64", required, range(min = 1, max = 1))]
    pub(crate) version: Option<Spanned<i64>>,
    /// A shipped policy whose rules hold where this one has none. What it denies by a rule stays denied.
    #[schemars(with = "Option<String>")]
    pub(crate) extends: Option<Spanned<String>>,
    /// What becomes of a call that is denied.
    pub(crate) mode: Option<Mode>,
    /// What the guest sees of KVM's own services, pinned. What is not pinned follows from the rules.
    pub(crate) abi: Option<AbiText>,
    /// The rules. No two are about the same call.
    #[serde(default)]
    pub(crate) rule: Vec<RuleText>,
}

/// What becomes of a call that is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is NOT_SUPPORTED.
    Enforce,
    /// It is forwarded, answered where a service owns it, and reported. What the extended policy denies by a rule stays
    /// denied.
    Permissive,
}

/// A rule, or an exception to one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RuleText {
    /// Function names, groups (`@psci`), function IDs (`0xc4000003`) and ranges of them (`0x84000000..=0x8400001f`).
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(crate) calls: Spanned<Vec<Spanned<String>>>,
    /// What happens to these calls.
    #[schemars(with = "ActionText")]
    pub(crate) action: Spanned<ActionText>,
    /// Over this conduit alone; over both where there is none. An exception has the conduit of its rule.
    #[schemars(with = "Option<ConduitText>")]
    pub(crate) conduit: Option<Spanned<ConduitText>>,
    /// In this width alone; in both where there is none. An exception has the width of its rule.
    #[schemars(with = "Option<WidthsText>")]
    pub(crate) widths: Option<Spanned<WidthsText>>,
    /// Who answers what is forwarded: by default the service that owns the calls.
    #[schemars(with = "Option<String>")]
    pub(crate) service: Option<Spanned<String>>,
    /// What must hold of the arguments of a forwarded call; otherwise it is denied.
    #[schemars(with = "Option<Vec<ConditionText>>")]
    pub(crate) when: Option<Spanned<Vec<ConditionText>>>,
    /// How many of these calls are forwarded, e.g. `100/s`: the others are denied. Per `s`, `min` or `h`.
    #[schemars(with = "Option<String>", regex(pattern = r"^[1-9][0-9]*/(s|min|h)$"))]
    pub(crate) rate: Option<Spanned<String>>,
    /// Every call is logged. A denied call is then denied in userspace, where it can be seen.
    #[schemars(with = "Option<bool>")]
    pub(crate) log: Option<Spanned<bool>>,
    /// Calls of this rule to which something else happens. An exception has none of its own.
    #[serde(default)]
    pub(crate) except: Vec<RuleText>,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ActionText {
    /// KVM's own service answers it.
    Handle,
    /// It is NOT_SUPPORTED.
    Deny,
    /// A service in userspace answers it.
    Forward,
}

/// The instruction that carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConduitText {
    /// The hypervisor call.
    Hvc,
    /// The secure monitor call.
    Smc,
}

/// The widths of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum WidthsText {
    /// SMC32 and HVC32.
    #[serde(rename = "32")]
    Smc32,
    /// SMC64 and HVC64.
    #[serde(rename = "64")]
    Smc64,
}

/// What must hold of an argument: `register & mask == equals`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConditionText {
    /// `x1` to `x17`. Of an SMC32 call, the lower half counts.
    #[schemars(with = "String", regex(pattern = r"^x([1-9]|1[0-7])$"))]
    pub(crate) register: Spanned<String>,
    /// Which bits count, as `0x..`; all of them where there is none.
    #[schemars(with = "Option<String>", regex(pattern = r"^0x[0-9a-fA-F_]+$"))]
    pub(crate) mask: Option<Spanned<String>>,
    /// What they are, as `0x..`.
    #[schemars(with = "String", regex(pattern = r"^0x[0-9a-fA-F_]+$"))]
    pub(crate) equals: Spanned<String>,
}

/// What the guest sees of KVM's own services.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AbiText {
    /// The version of PSCI that KVM presents: `0.2`, or `1.0` to `1.3`.
    #[schemars(with = "Option<String>", regex(pattern = r"^(0\.2|1\.[0-3])$"))]
    pub(crate) psci: Option<Spanned<String>>,
    /// `KVM_REG_ARM_STD_BMAP`, bit 0: TRNG.
    #[schemars(with = "Option<bool>")]
    pub(crate) trng: Option<Spanned<bool>>,
    /// `KVM_REG_ARM_STD_HYP_BMAP`, bit 0: paravirtualized time.
    #[schemars(with = "Option<bool>")]
    pub(crate) pv_time: Option<Spanned<bool>>,
    /// `KVM_REG_ARM_VENDOR_HYP_BMAP`, bit 0: KVM's UID and features.
    #[schemars(with = "Option<bool>")]
    pub(crate) kvm_features: Option<Spanned<bool>>,
    /// `KVM_REG_ARM_VENDOR_HYP_BMAP`, bit 1: wall clock and counter.
    #[schemars(with = "Option<bool>")]
    pub(crate) ptp: Option<Spanned<bool>>,
    /// `KVM_REG_ARM_VENDOR_HYP_BMAP_2`, bits 0 and 1: the implementations of a CPU that the guest may meet.
    #[schemars(with = "Option<bool>")]
    pub(crate) kvm_implementations: Option<Spanned<bool>>,
}

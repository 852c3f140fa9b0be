//! What can be found in a policy: the codes, and what they mean.

use core::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// There is no plan for this policy.
    Error,
    /// There is a plan, and it is probably not what was meant.
    Warning,
    /// Something to know.
    Note,
}

macro_rules! codes {
    ($($(#[$($meta:tt)*])* $name:ident = $text:literal, $level:ident, $explanation:literal;)*) => {
        /// The kind of a finding. Codes are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $explanation] $name,)*
        }

        impl Code {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code, e.g. `P0101`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How bad it is.
            #[must_use]
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)* }
            }

            /// What it means, in a sentence or two.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $explanation,)* }
            }
        }
    };
}

codes! {
    Syntax = "P0001", Error, "The text is no TOML.";
    Shape = "P0002", Error, "A key or a value does not belong where it is.";
    Version = "P0003", Error, "The version of the format is missing, or is not 1.";
    UnknownGroup = "P0004", Error, "No group has this name.";
    UnknownName = "P0005", Error, "No function has this name.";
    BadRange = "P0006", Error, "This is no function ID and no range of them.";
    UnknownPolicy = "P0007", Error, "No shipped policy has this name.";
    UnknownService = "P0008", Error, "No service has this name.";
    BadRate = "P0009", Error, "This is no rate.";
    BadCondition = "P0010", Error, "This condition names no register or no value, or can never hold.";
    OnlyForwarded = "P0011", Error, "Only a call that is forwarded can be served, limited, looked into or logged.";
    NoCalls = "P0012", Error, "A rule is about no call.";
    BadVersion = "P0013", Error, "This is no version of PSCI that KVM can present.";
    NestedException = "P0014", Error, "An exception cannot have exceptions.";
    TooLarge = "P0015", Error, "The file is larger than any policy needs to be.";
    Overlap = "P0101", Error, "Two rules are about the same call.";
    OutsideRule = "P0102", Error, "An exception is about a call that its rule is not about.";
    Reserved = "P0103", Error, "KVM answers the Arm Architecture Calls itself and lets nobody filter them.";
    HandleOneConduit = "P0104", Error, "KVM has one filter for both conduits and cannot handle a call over one of them alone.";
    NotOwned = "P0105", Error, "A call is forwarded to a service that does not own it.";
    NotOverConduit = "P0106", Error, "A call is forwarded to a service that is not there over this conduit.";
    NoService = "P0107", Error, "A call is forwarded, and no service owns it.";
    Weakened = "P0108", Error, "A rule allows what the extended policy denies.";
    BehindItsBack = "P0109", Error, "KVM would act behind the back of a service.";
    AliasHole = "P0201", Warning, "The two widths of one function have different fates.";
    NotAnswered = "P0202", Warning, "A function is forwarded to a service that does not implement it.";
    Advertised = "P0203", Warning, "A FEATURES call would say that a denied function is there.";
    Discovery = "P0204", Warning, "The guest cannot discover SMCCC 1.1, and so uses no workaround and no service of KVM's.";
    Shadowed = "P0205", Warning, "A rule, or a part of it, has no effect.";
    Split = "P0206", Warning, "Calls that belong together are answered partly by KVM, partly in userspace.";
    Pin = "P0207", Warning, "A pin of `[abi]` contradicts the rules.";
    NotHandled = "P0208", Warning, "A call is left to KVM, which does not answer it.";
    AlwaysAnswered = "P0301", Note, "KVM answers the Arm Architecture Calls whatever the policy says.";
    HintBit = "P0302", Note, "With the hint bit of SMCCC 1.3, a function ID is another one, which KVM's filter does not mask.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_none_is_used_twice() {
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }
}

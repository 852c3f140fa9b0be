//! The documents that specify functions.

use core::fmt;

use super::{Function, functions, texts};

/// The document that specifies a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Document {
    /// SMC Calling Convention, DEN0028.
    Smccc,
    /// Power State Coordination Interface, DEN0022.
    Psci,
    /// True Random Number Generator Firmware Interface, DEN0098.
    Trng,
    /// Paravirtualized Time for Arm-based Systems, DEN0057.
    PvTime,
    /// Software Delegated Exception Interface, DEN0054.
    Sdei,
    /// Firmware Framework for Arm A-profile, DEN0077.
    Ffa,
    /// Management Mode Interface, DEN0060.
    Mm,
    /// Errata Management Firmware Interface, DEN0100.
    Em,
    /// Dynamic root of trust for measurement, DEN0113.
    Drtm,
    /// PCI Configuration Space Access Firmware Interface, DEN0115.
    Pci,
    /// Realm Management Monitor, DEN0137.
    Rmm,
    /// Platform Fault Detection Interface.
    Pfdi,
    /// Live Firmware Activation, DEN0147.
    Lfa,
    /// Linux, `Documentation/virt/kvm/arm/hypercalls.rst`.
    Kvm,
    /// Linux, `arch/arm64/include/asm/mshyperv.h`.
    HyperV,
    /// Linux, `drivers/watchdog/arm_smc_wdt.c`.
    SmcWatchdog,
}

/// What a file of the catalogue says about its document.
pub(super) struct Texts {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) reference: &'static str,
    pub(super) prefix: &'static str,
}

impl Document {
    /// Every document, those of Arm first.
    pub const ALL: [Self; 16] = [
        Self::Smccc,
        Self::Psci,
        Self::Trng,
        Self::PvTime,
        Self::Sdei,
        Self::Ffa,
        Self::Mm,
        Self::Em,
        Self::Drtm,
        Self::Pci,
        Self::Rmm,
        Self::Pfdi,
        Self::Lfa,
        Self::Kvm,
        Self::HyperV,
        Self::SmcWatchdog,
    ];

    /// The document with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|document| document.key() == key)
    }

    /// What it is called in a configuration: `psci`, `pv-time`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        texts(self).key
    }

    /// The full title: "Power State Coordination Interface".
    #[must_use]
    pub const fn title(self) -> &'static str {
        texts(self).title
    }

    /// Where to read it: number and issue, or a file of Linux.
    #[must_use]
    pub const fn reference(self) -> &'static str {
        texts(self).reference
    }

    /// What other sources write before the names of its functions, and an underscore: `PSCI`.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        texts(self).prefix
    }

    /// Its functions, by ID.
    pub fn functions(self) -> impl Iterator<Item = &'static Function> {
        functions().iter().filter(move |function| function.document == self)
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(texts(*self).name)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_document_prints_its_name_and_its_number() {
        assert_eq!(Document::Psci.to_string(), "PSCI (DEN0022)");
        assert_eq!(Document::Kvm.to_string(), "Linux KVM");
    }

    #[test]
    fn a_document_is_found_by_its_key() {
        assert_eq!(Document::from_key("psci"), Some(Document::Psci));
        assert_eq!(Document::from_key("pv-time"), Some(Document::PvTime));
        assert_eq!(Document::from_key("scmi"), None);
    }

    #[test]
    fn all_has_every_document_once_and_every_document_has_functions() {
        for (index, document) in Document::ALL.into_iter().enumerate() {
            assert!(!Document::ALL[index + 1..].contains(&document), "{document}");
            assert!(document.functions().count() > 0, "{document}");
        }
        let of_all: usize = Document::ALL.into_iter().map(|document| document.functions().count()).sum();
        assert_eq!(of_all, functions().len());
    }
}

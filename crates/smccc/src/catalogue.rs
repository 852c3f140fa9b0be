//! The name and the specification of every function known here.
//!
//! For people: reports, traces and error messages. Nothing on the path of a call looks in here.

use core::fmt;

use crate::{FunctionId, Width};

/// The document that specifies a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Document {
    /// SMC Calling Convention, DEN0028.
    Smccc,
    /// Power State Coordination Interface, DEN0022.
    Psci,
    /// True Random Number Generator Firmware Interface, DEN0098.
    Trng,
    /// Paravirtualized Time for Arm-based Systems, DEN0057.
    PvTime,
    /// Linux, `Documentation/virt/kvm/arm/hypercalls.rst`.
    Kvm,
    /// Linux, `drivers/watchdog/arm_smc_wdt.c`.
    SmcWatchdog,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smccc => "SMCCC (DEN0028)",
            Self::Psci => "PSCI (DEN0022)",
            Self::Trng => "TRNG (DEN0098)",
            Self::PvTime => "PV time (DEN0057)",
            Self::Kvm => "Linux KVM",
            Self::SmcWatchdog => "Linux arm_smc_wdt",
        })
    }
}

/// The widths in which a function exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Widths {
    /// SMC32 only.
    Smc32,
    /// SMC64 only.
    Smc64,
    /// Both, with the same number.
    Both,
}

/// A named function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Function {
    /// The specification's name, without a suffix for the width.
    pub name: &'static str,
    /// The function ID; where both widths exist, the SMC32 one.
    pub id: FunctionId,
    /// In which widths it exists.
    pub widths: Widths,
    /// Who specifies it.
    pub document: Document,
}

impl Function {
    /// Is `id` this function, in a width in which it exists?
    #[must_use]
    pub fn has(&self, id: FunctionId) -> bool {
        match self.widths {
            Widths::Smc32 | Widths::Smc64 => id == self.id,
            Widths::Both => id == self.id || (id.width() == Width::Smc64 && id.other_width() == self.id),
        }
    }
}

/// The function with this ID, the SVE hint ignored.
#[must_use]
pub fn find(id: FunctionId) -> Option<&'static Function> {
    let id = id.without_sve_hint();
    FUNCTIONS.iter().find(|function| function.has(id))
}

/// Every function known here, by document, then by ID.
#[must_use]
pub fn functions() -> &'static [Function] {
    FUNCTIONS
}

const fn function(document: Document, widths: Widths, id: u32, name: &'static str) -> Function {
    Function { name, id: FunctionId(id), widths, document }
}

#[rustfmt::skip]
const FUNCTIONS: &[Function] = &{
    use Document::{Kvm, Psci, PvTime, SmcWatchdog, Smccc, Trng};
    use Widths::{Both, Smc32, Smc64};
    [
        function(Smccc, Smc32, 0x8000_0000, "SMCCC_VERSION"),
        function(Smccc, Smc32, 0x8000_0001, "SMCCC_ARCH_FEATURES"),
        function(Smccc, Both,  0x8000_0002, "SMCCC_ARCH_SOC_ID"),
        function(Smccc, Smc32, 0x8000_3fff, "SMCCC_ARCH_WORKAROUND_3"),
        function(Smccc, Smc32, 0x8000_7fff, "SMCCC_ARCH_WORKAROUND_2"),
        function(Smccc, Smc32, 0x8000_8000, "SMCCC_ARCH_WORKAROUND_1"),
        function(Smccc, Smc32, 0x8200_ff00, "SIP_CALL_COUNT"),
        function(Smccc, Smc32, 0x8200_ff01, "SIP_CALL_UID"),
        function(Smccc, Smc32, 0x8200_ff03, "SIP_REVISION"),
        function(Smccc, Smc32, 0x8400_ff00, "STD_SECURE_CALL_COUNT"),
        function(Smccc, Smc32, 0x8400_ff01, "STD_SECURE_CALL_UID"),
        function(Smccc, Smc32, 0x8400_ff03, "STD_SECURE_REVISION"),
        function(Smccc, Smc32, 0x8500_ff00, "STD_HYP_CALL_COUNT"),
        function(Smccc, Smc32, 0x8500_ff01, "STD_HYP_CALL_UID"),
        function(Smccc, Smc32, 0x8500_ff03, "STD_HYP_REVISION"),
        function(Smccc, Smc32, 0x8600_ff00, "VENDOR_HYP_CALL_COUNT"),
        function(Smccc, Smc32, 0x8600_ff03, "VENDOR_HYP_REVISION"),

        function(Psci, Smc32, 0x8400_0000, "PSCI_VERSION"),
        function(Psci, Both,  0x8400_0001, "CPU_SUSPEND"),
        function(Psci, Smc32, 0x8400_0002, "CPU_OFF"),
        function(Psci, Both,  0x8400_0003, "CPU_ON"),
        function(Psci, Both,  0x8400_0004, "AFFINITY_INFO"),
        function(Psci, Both,  0x8400_0005, "MIGRATE"),
        function(Psci, Smc32, 0x8400_0006, "MIGRATE_INFO_TYPE"),
        function(Psci, Both,  0x8400_0007, "MIGRATE_INFO_UP_CPU"),
        function(Psci, Smc32, 0x8400_0008, "SYSTEM_OFF"),
        function(Psci, Smc32, 0x8400_0009, "SYSTEM_RESET"),
        function(Psci, Smc32, 0x8400_000a, "PSCI_FEATURES"),
        function(Psci, Smc32, 0x8400_000b, "CPU_FREEZE"),
        function(Psci, Both,  0x8400_000c, "CPU_DEFAULT_SUSPEND"),
        function(Psci, Both,  0x8400_000d, "NODE_HW_STATE"),
        function(Psci, Both,  0x8400_000e, "SYSTEM_SUSPEND"),
        function(Psci, Smc32, 0x8400_000f, "PSCI_SET_SUSPEND_MODE"),
        function(Psci, Both,  0x8400_0010, "PSCI_STAT_RESIDENCY"),
        function(Psci, Both,  0x8400_0011, "PSCI_STAT_COUNT"),
        function(Psci, Both,  0x8400_0012, "SYSTEM_RESET2"),
        function(Psci, Smc32, 0x8400_0013, "MEM_PROTECT"),
        function(Psci, Both,  0x8400_0014, "MEM_PROTECT_CHECK_RANGE"),
        function(Psci, Both,  0x8400_0015, "SYSTEM_OFF2"),

        function(Trng, Smc32, 0x8400_0050, "TRNG_VERSION"),
        function(Trng, Smc32, 0x8400_0051, "TRNG_FEATURES"),
        function(Trng, Smc32, 0x8400_0052, "TRNG_GET_UUID"),
        function(Trng, Both,  0x8400_0053, "TRNG_RND"),

        function(PvTime, Smc64, 0xc500_0020, "PV_TIME_FEATURES"),
        function(PvTime, Smc64, 0xc500_0021, "PV_TIME_ST"),

        function(Kvm, Smc32, 0x8600_0000, "KVM_FEATURES"),
        function(Kvm, Smc32, 0x8600_0001, "KVM_PTP"),
        function(Kvm, Smc64, 0xc600_0040, "KVM_DISCOVER_IMPL_VER"),
        function(Kvm, Smc64, 0xc600_0041, "KVM_DISCOVER_IMPL_CPUS"),
        function(Kvm, Smc32, 0x8600_ff01, "VENDOR_HYP_CALL_UID"),
        function(Kvm, Smc32, 0x95c1_ba5e, "KVM_PSCI_0_1_CPU_SUSPEND"),
        function(Kvm, Smc32, 0x95c1_ba5f, "KVM_PSCI_0_1_CPU_OFF"),
        function(Kvm, Smc32, 0x95c1_ba60, "KVM_PSCI_0_1_CPU_ON"),
        function(Kvm, Smc32, 0x95c1_ba61, "KVM_PSCI_0_1_MIGRATE"),

        function(SmcWatchdog, Smc32, 0x8200_3d06, "SMC_WATCHDOG"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_in_each_width_it_has_and_in_no_other() {
        let name = |id| find(FunctionId(id)).map(|function| function.name);
        assert_eq!(name(0x8400_0003), Some("CPU_ON"));
        assert_eq!(name(0xc400_0003), Some("CPU_ON"));
        assert_eq!(name(0xc401_0003), Some("CPU_ON"), "the SVE hint is no part of the function");
        assert_eq!(name(0x8400_0002), Some("CPU_OFF"));
        assert_eq!(name(0xc400_0002), None);
        assert_eq!(name(0x8500_0020), None);
    }

    #[test]
    fn no_two_functions_share_an_id() {
        for (index, function) in FUNCTIONS.iter().enumerate() {
            for other in &FUNCTIONS[index + 1..] {
                assert!(
                    !other.has(function.id) && !function.has(other.id),
                    "{} {}",
                    function.name,
                    other.name
                );
            }
        }
    }
}

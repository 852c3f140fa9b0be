//! The Fixed ACPI Description Table (ACPI 6.5, section 5.2.9): there is no fixed hardware, and there is PSCI. It also names
//! the hypervisor, if that is one which a guest knows by it.

use acpi_tables::fadt::{FADTBuilder, Flags};
use switchboard_smccc::{Conduit, Ipa};

use super::{OEM_ID, OEM_REVISION, OEM_TABLE_ID, bytes};
use crate::Personality;

/// `ARM_BOOT_ARCH` (table 5.12): PSCI is there.
const PSCI_COMPLIANT: u16 = 1;
/// `ARM_BOOT_ARCH`: and is called by `HVC`.
const PSCI_USE_HVC: u16 = 1 << 1;

/// "Hypervisor Vendor Identity": what an arm64 Linux with ACPI knows Hyper-V by (`hyperv_init`).
const HYPER_V: [u8; 8] = *b"MsHyperV";
/// KVM has none: it is asked for by a call.
const NO_IDENTITY: [u8; 8] = [0; 8];

pub(super) fn build(conduit: Conduit, personality: Personality, dsdt: Ipa) -> Vec<u8> {
    let mut table = FADTBuilder::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION)
        .dsdt_64(dsdt.0)
        // Linux wants no ACPI on arm64 without it (`acpi_fadt_sanity_check`).
        .flag(Flags::HwReducedAcpi)
        // No button is fixed hardware: the power button is a device of the DSDT, and there is none for sleep.
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton);
    table.arm_boot_arch = match conduit {
        Conduit::Hvc => PSCI_COMPLIANT | PSCI_USE_HVC,
        Conduit::Smc => PSCI_COMPLIANT,
    }
    .into();
    let identity = match personality {
        Personality::Kvm => NO_IDENTITY,
        Personality::HyperV => HYPER_V,
    };
    table.hypervisor_vendor_identity = u64::from_le_bytes(identity).into();
    bytes(&table.finalize())
}

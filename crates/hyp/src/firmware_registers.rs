//! The firmware's pseudo-registers: the version of PSCI, the workarounds, and which services a guest sees.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use switchboard_smccc::psci::Version;

use crate::features::VcpuFeatures;
use crate::host::Workaround;
use crate::version::KvmVersion;
use crate::{Errno, RegisterId, Vcpu, Vm};

/// They belong to the VM, though a vCPU is asked for them.
#[derive(Debug)]
pub(crate) struct FirmwareRegisters {
    /// 0: never set, and so the kernel's latest.
    psci_version: AtomicU64,
    standard: Bitmap,
    standard_hypervisor: Bitmap,
    vendor_hypervisor: Bitmap,
    vendor_hypervisor_2: Bitmap,
    system_suspend: AtomicBool,
}

/// A register of one bit a service.
#[derive(Debug)]
struct Bitmap {
    value: AtomicU64,
    /// The bits it has.
    mask: u64,
}

/// `KVM_REG_ARM_STD_BMAP`: TRNG.
const TRNG: u64 = 1;
/// `KVM_REG_ARM_STD_HYP_BMAP`: paravirtualized time.
const PV_TIME: u64 = 1;
/// `KVM_REG_ARM_VENDOR_HYP_BMAP`: UID and features.
const VENDOR_FEATURES: u64 = 1;
/// `KVM_REG_ARM_VENDOR_HYP_BMAP`: PTP.
const PTP: u64 = 1 << 1;

/// PSCI 0.1, KVM's private one.
const PSCI_0_1: Version = Version { major: 0, minor: 1 };
/// The versions that can be chosen, as the register holds them.
const PSCI_CHOICES: [u64; 5] = [0x2, 0x1_0000, 0x1_0001, 0x1_0002, 0x1_0003];
/// The bits of a workaround's register that hold its level.
const LEVEL_MASK: u64 = 0xf;
/// Of workaround 2's register: the mitigation is on.
const WORKAROUND_2_ENABLED: u64 = 1 << 4;

impl FirmwareRegisters {
    /// Everything is on by default, but for what must be asked for.
    pub(crate) const fn new() -> Self {
        Self {
            psci_version: AtomicU64::new(0),
            standard: Bitmap::new(TRNG, TRNG),
            standard_hypervisor: Bitmap::new(PV_TIME, PV_TIME),
            vendor_hypervisor: Bitmap::new(VENDOR_FEATURES | PTP, VENDOR_FEATURES | PTP),
            vendor_hypervisor_2: Bitmap::new(0b11, 0),
            system_suspend: AtomicBool::new(false),
        }
    }

    fn bitmap(&self, id: RegisterId, version: KvmVersion) -> Option<&Bitmap> {
        match id {
            RegisterId::STANDARD_BITMAP => Some(&self.standard),
            RegisterId::STANDARD_HYPERVISOR_BITMAP => Some(&self.standard_hypervisor),
            RegisterId::VENDOR_HYPERVISOR_BITMAP => Some(&self.vendor_hypervisor),
            RegisterId::VENDOR_HYPERVISOR_BITMAP_2 if version.has_vendor_bitmap_2() => {
                Some(&self.vendor_hypervisor_2)
            }
            _ => None,
        }
    }
}

impl Bitmap {
    const fn new(mask: u64, value: u64) -> Self {
        Self { value: AtomicU64::new(value), mask }
    }

    fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

impl Vm {
    pub(crate) fn firmware_register(&self, id: RegisterId, features: VcpuFeatures) -> Result<u64, Errno> {
        let mitigations = self.mitigations();
        match id {
            RegisterId::PSCI_VERSION => Ok(self.psci_version(features).to_x0()),
            RegisterId::WORKAROUND_1 => Ok(mitigations.workaround_1.level()),
            RegisterId::WORKAROUND_2 => Ok(mitigations.workaround_2.level()),
            RegisterId::WORKAROUND_3 => Ok(mitigations.workaround_3.level()),
            _ => self.firmware.bitmap(id, self.version()).map(Bitmap::get).ok_or(Errno::ENOENT),
        }
    }

    pub(crate) fn set_firmware_register(
        &self,
        id: RegisterId,
        value: u64,
        features: VcpuFeatures,
    ) -> Result<(), Errno> {
        let mitigations = self.mitigations();
        match id {
            RegisterId::PSCI_VERSION => self.set_psci_version(value, features),
            RegisterId::WORKAROUND_1 => check_workaround(value, mitigations.workaround_1),
            RegisterId::WORKAROUND_2 => check_workaround_2(value, mitigations.workaround_2.level()),
            RegisterId::WORKAROUND_3 => check_workaround(value, mitigations.workaround_3),
            _ => {
                let bitmap = self.firmware.bitmap(id, self.version()).ok_or(Errno::ENOENT)?;
                if value & !bitmap.mask != 0 {
                    return Err(Errno::EINVAL);
                }
                self.unless_it_has_run(
                    || value == bitmap.get(),
                    || bitmap.value.store(value, Ordering::Relaxed),
                )
            }
        }
    }

    /// Not frozen by the first run, and under no lock.
    fn set_psci_version(&self, value: u64, features: VcpuFeatures) -> Result<(), Errno> {
        let wants_0_2 = features.contains(VcpuFeatures::PSCI_0_2);
        let latest = self.version().latest_psci().to_x0();
        let can_be_chosen = if value == PSCI_0_1.to_x0() {
            !wants_0_2
        } else {
            wants_0_2 && PSCI_CHOICES.contains(&value) && value <= latest
        };
        if !can_be_chosen {
            return Err(Errno::EINVAL);
        }
        self.firmware.psci_version.store(value, Ordering::Relaxed);
        Ok(())
    }

    fn psci_version(&self, features: VcpuFeatures) -> Version {
        if !features.contains(VcpuFeatures::PSCI_0_2) {
            return PSCI_0_1;
        }
        match self.firmware.psci_version.load(Ordering::Relaxed) {
            0 => self.version().latest_psci(),
            chosen => Version::from_value(chosen),
        }
    }

    pub(crate) fn has_trng(&self) -> bool {
        self.firmware.standard.get() & TRNG != 0
    }

    pub(crate) fn has_pv_time(&self) -> bool {
        self.firmware.standard_hypervisor.get() & PV_TIME != 0
    }

    pub(crate) fn has_vendor_features(&self) -> bool {
        self.firmware.vendor_hypervisor.get() & VENDOR_FEATURES != 0
    }

    pub(crate) fn has_ptp(&self) -> bool {
        self.firmware.vendor_hypervisor.get() & PTP != 0
    }

    /// What `FEATURES` reports. The second word only advertises: KVM answers no discovery of the implementation.
    pub(crate) fn vendor_bitmaps(&self) -> (u64, u64) {
        (self.firmware.vendor_hypervisor.get(), self.firmware.vendor_hypervisor_2.get())
    }

    pub(crate) fn has_system_suspend(&self) -> bool {
        self.firmware.system_suspend.load(Ordering::Relaxed)
    }

    pub(crate) fn enable_system_suspend(&self) {
        self.firmware.system_suspend.store(true, Ordering::Relaxed);
    }
}

impl Vcpu<'_> {
    pub(crate) fn psci_version(&self) -> Version {
        self.vm.psci_version(self.features.unwrap_or_default())
    }
}

/// A level that the host reaches is taken, and forgotten.
fn check_workaround(value: u64, host: Workaround) -> Result<(), Errno> {
    if value & !LEVEL_MASK != 0 || value > host.level() { Err(Errno::EINVAL) } else { Ok(()) }
}

/// Levels: 0 not available, 1 unknown, 2 available, 3 not required; and whether it is enabled, which only an available
/// one can be. To KVM, the first two are one, and so are the last two.
fn check_workaround_2(value: u64, host_level: u64) -> Result<(), Errno> {
    let level = value & LEVEL_MASK;
    let enabled = value & WORKAROUND_2_ENABLED != 0;
    let known = value & !(LEVEL_MASK | WORKAROUND_2_ENABLED) == 0 && level <= 3;
    let wanted = if level >= 2 { 3 } else { 0 };
    if known && (!enabled || level == 2) && wanted <= host_level { Ok(()) } else { Err(Errno::EINVAL) }
}

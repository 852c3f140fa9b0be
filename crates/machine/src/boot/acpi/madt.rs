//! The Multiple APIC Description Table (ACPI 6.5, section 5.2.12): the interrupt controller, and every CPU there can
//! be.
//!
//! Those CPUs are enabled here that the guest has when it boots; all others are capable of being brought online, and the device
//! of each says by its `_STA` how things stand. Linux's `cpu-hotplug.rst` wants CPUs that may leave to be of the other kind, for
//! the sake of kexec, whose kernel reads this again. But Linux 7.2 starts none of those at boot: they would wait for somebody
//! in userspace. Both 6.12 and 7.2 release a CPU that is enabled here, and a kernel that takes one that is gone for enabled is
//! DENIED by `CPU_ON`, and goes on without it.

use acpi_tables::{
    Aml,
    madt::{EnabledStatus, GicVersion, Gicc, Gicd, Gicr, Trigger},
};
use switchboard_smccc::Mpidr;

use super::{Description, table};
use crate::{boot::fdt::InterruptController, layout};

/// That of ACPI 6.5, the first with CPUs that are capable of being brought online. The crate's own has 1.
const REVISION: u8 = 6;
/// Two frames of 64 KiB for each CPU.
const REDISTRIBUTOR: u32 = 0x2_0000;

pub(super) fn build(machine: &Description<'_>, cpus: u32) -> Vec<u8> {
    // No interrupt controller at a fixed address, and no flags: both are x86's.
    let mut body = vec![0; 8];
    let version = match machine.interrupt_controller {
        InterruptController::V2 => GicVersion::GICv2,
        InterruptController::V3 => GicVersion::GICv3,
    };
    Gicd::new(0, layout::GIC_DISTRIBUTOR.0, version).to_aml_bytes(&mut body);
    for (index, &mpidr) in (0..).zip(machine.cpus) {
        cpu_interface(machine, index, mpidr).to_aml_bytes(&mut body);
    }
    // One range for all, and no address at the CPUs: Linux could not reach the redistributor of a CPU that is not
    // enabled if that one named it (`gic_acpi_parse_madt_gicc`).
    if machine.interrupt_controller == InterruptController::V3 {
        Gicr::new(layout::GIC_REDISTRIBUTORS.0, cpus * REDISTRIBUTOR).to_aml_bytes(&mut body);
    }
    table(*b"APIC", REVISION, &body)
}

fn cpu_interface(machine: &Description<'_>, index: u32, mpidr: Mpidr) -> Gicc {
    let is_there = index == 0 || machine.at_boot.iter().any(|cpu| u32::try_from(cpu.0) == Ok(index));
    let status = if is_there { EnabledStatus::Enabled } else { EnabledStatus::DisabledOnlineCapable };
    let interface = Gicc::new(status)
        .cpu_interface_number(index)
        .acpi_processor_uid(index)
        .mpidr(mpidr.value())
        .performance_interrupt(if machine.pmu { layout::PMU_INTERRUPT } else { 0 }, Trigger::Level);
    match machine.interrupt_controller {
        InterruptController::V2 => interface.base_address(layout::GIC_CPU_INTERFACE.0),
        InterruptController::V3 => interface,
    }
}

//! The device tree: what a guest is told about its machine.
//!
//! The format is that of the Devicetree Specification; the nodes follow Linux's bindings
//! (`Documentation/devicetree/bindings`), named at each. The PSCI node is what makes a guest call us at all: its
//! `method` is the conduit, and it names no function IDs, because the versions it claims have fixed ones.
//!
//! Deliberately missing: a node for anything a guest can probe for itself.

mod devices;

use switchboard_firmware::psci::{IdleState, PsciVersion};
use switchboard_smccc::{Conduit, FunctionId, Ipa, Mpidr};
use thiserror::Error;
use vm_fdt::{Error as WriteError, FdtWriter};

use crate::layout;

/// The largest device tree that Linux takes (`Documentation/arch/arm64/booting.rst`), in bytes.
pub const MAX_SIZE: u64 = 0x20_0000;
/// The longest command line that an arm64 Linux takes (`COMMAND_LINE_SIZE`, less its NUL), in bytes. It cuts off
/// the rest without a word.
pub const MAX_BOOTARGS: usize = 2047;

/// The machine, as far as its device tree differs from another one's. All else is in [`layout`].
#[derive(Debug, Clone, Copy)]
pub struct Description<'a> {
    /// How much memory there is, in bytes.
    pub memory: u64,
    /// The kernel's command line.
    pub bootargs: &'a str,
    /// Where the initial RAM disk is, if there is one.
    pub initrd: Option<InitialRamDisk>,
    /// Randomness for the kernel's address space layout.
    pub kaslr_seed: Option<u64>,
    /// Randomness for the kernel's random number generator; none if empty.
    pub rng_seed: &'a [u8],
    /// The CPUs, the boot CPU first.
    pub cpus: &'a [Mpidr],
    /// What a CPU can ask for with `CPU_SUSPEND`.
    pub idle_states: &'a [IdleState],
    /// How the guest is to call PSCI.
    pub conduit: Conduit,
    /// Which version of PSCI it finds.
    pub psci_version: PsciVersion,
    /// Which interrupt controller there is.
    pub interrupt_controller: InterruptController,
    /// Whether the CPUs have performance counters.
    pub pmu: bool,
    /// The function of the watchdog, if there is one.
    pub watchdog: Option<FunctionId>,
    /// How the guest is to call SDEI, if there is one that it may call.
    pub sdei: Option<Conduit>,
}

/// Where the initial RAM disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialRamDisk {
    /// Its first byte.
    pub address: Ipa,
    /// Its size, in bytes.
    pub size: u64,
}

/// An interrupt controller that KVM emulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptController {
    /// GICv2.
    V2,
    /// GICv3.
    V3,
}

/// Why there is no device tree.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FdtError {
    /// Linux would cut it off.
    #[error(
        "the kernel's command line is {length} bytes long, and an arm64 Linux takes at most {MAX_BOOTARGS}"
    )]
    BootargsTooLong {
        /// Its length.
        length: usize,
    },
    /// A NUL byte would end it.
    #[error("the kernel's command line has a NUL byte at offset {offset}")]
    BootargsNul {
        /// Where it is.
        offset: usize,
    },
    /// Too many CPUs, most likely.
    #[error("the device tree of {cpus} CPUs is {size} bytes large, and Linux takes at most {MAX_SIZE}")]
    TooLarge {
        /// How large it is.
        size: usize,
        /// How many CPUs are in it.
        cpus: usize,
    },
    /// A name or a value is none that a device tree can hold.
    #[error("the device tree cannot be written: {0}")]
    Write(#[from] WriteError),
}

pub(super) type Written = Result<(), WriteError>;

/// How long a guest that says nothing else may let its watchdog wait, in seconds.
const WATCHDOG_TIMEOUT: u32 = 30;

const GIC_PHANDLE: u32 = 1;
const CLOCK_PHANDLE: u32 = 2;
const GPIO_PHANDLE: u32 = 3;
/// Each idle state has the next one.
const FIRST_IDLE_STATE_PHANDLE: u32 = 4;

// The three cells of an interrupt (interrupt-controller/arm,gic-v3.yaml): kind, number within the kind, trigger.
const SHARED: u32 = 0;
const PRIVATE: u32 = 1;
const LEVEL_HIGH: u32 = 4;
const LEVEL_LOW: u32 = 8;
/// The interrupt IDs of the first private and of the first shared peripheral interrupt.
const FIRST_PRIVATE: u32 = 16;
const FIRST_SHARED: u32 = 32;

/// Is this a command line that a device tree holds and an arm64 Linux takes?
///
/// # Errors
///
/// [`FdtError`] if it is not.
pub fn check_bootargs(bootargs: &str) -> Result<(), FdtError> {
    if let Some(offset) = bootargs.find('\0') {
        return Err(FdtError::BootargsNul { offset });
    }
    let length = bootargs.len();
    if length > MAX_BOOTARGS {
        return Err(FdtError::BootargsTooLong { length });
    }
    Ok(())
}

/// The device tree, flattened.
///
/// # Errors
///
/// [`FdtError`] if the command line is none, or the result is too large.
pub fn build(machine: &Description<'_>) -> Result<Vec<u8>, FdtError> {
    check_bootargs(machine.bootargs)?;
    let mut fdt = FdtWriter::new()?;
    node(&mut fdt, "", |fdt| root(fdt, machine))?;
    let bytes = fdt.finish()?;
    match u64::try_from(bytes.len()) {
        Ok(size) if size <= MAX_SIZE => Ok(bytes),
        _ => Err(FdtError::TooLarge { size: bytes.len(), cpus: machine.cpus.len() }),
    }
}

fn root(fdt: &mut FdtWriter, machine: &Description<'_>) -> Written {
    compatible(fdt, &["switchboard,machine", "linux,dummy-virt"])?;
    fdt.property_string("model", "Switchboard machine")?;
    fdt.property_u32("#address-cells", 2)?;
    fdt.property_u32("#size-cells", 2)?;
    fdt.property_u32("interrupt-parent", GIC_PHANDLE)?;
    chosen(fdt, machine)?;
    memory(fdt, machine.memory)?;
    cpus(fdt, machine)?;
    psci(fdt, machine)?;
    timer(fdt)?;
    interrupt_controller(fdt, machine)?;
    if machine.pmu {
        pmu(fdt)?;
    }
    if let Some(function) = machine.watchdog {
        watchdog(fdt, function)?;
    }
    if let Some(conduit) = machine.sdei {
        sdei(fdt, conduit)?;
    }
    devices::all(fdt)
}

/// `chosen.yaml`, which is part of dt-schema.
fn chosen(fdt: &mut FdtWriter, machine: &Description<'_>) -> Written {
    node(fdt, "chosen", |fdt| {
        fdt.property_string("bootargs", machine.bootargs)?;
        fdt.property_string("stdout-path", &format!("/{}", at("serial", layout::UART)))?;
        initrd(fdt, machine.initrd)?;
        seeds(fdt, machine.kaslr_seed, machine.rng_seed)
    })
}

/// What `/chosen` says of the initial RAM disk.
pub(super) fn initrd(fdt: &mut FdtWriter, initrd: Option<InitialRamDisk>) -> Written {
    let Some(initrd) = initrd else { return Ok(()) };
    fdt.property_u64("linux,initrd-start", initrd.address.0)?;
    fdt.property_u64("linux,initrd-end", initrd.address.0.saturating_add(initrd.size))
}

/// The randomness in `/chosen`.
pub(super) fn seeds(fdt: &mut FdtWriter, kaslr_seed: Option<u64>, rng_seed: &[u8]) -> Written {
    if let Some(seed) = kaslr_seed {
        fdt.property_u64("kaslr-seed", seed)?;
    }
    if !rng_seed.is_empty() {
        fdt.property("rng-seed", rng_seed)?;
    }
    Ok(())
}

fn memory(fdt: &mut FdtWriter, size: u64) -> Written {
    node(fdt, &at("memory", layout::MEMORY), |fdt| {
        fdt.property_string("device_type", "memory")?;
        fdt.property_array_u64("reg", &[layout::MEMORY.0, size])
    })
}

/// `arm/cpus.yaml`. Affinities take two cells: Aff3 is in the upper one.
fn cpus(fdt: &mut FdtWriter, machine: &Description<'_>) -> Written {
    let phandles: Vec<u32> =
        (FIRST_IDLE_STATE_PHANDLE..).zip(machine.idle_states).map(|(phandle, _)| phandle).collect();
    node(fdt, "cpus", |fdt| {
        fdt.property_u32("#address-cells", 2)?;
        fdt.property_u32("#size-cells", 0)?;
        for cpu in machine.cpus {
            node(fdt, &format!("cpu@{:x}", cpu.value()), |fdt| {
                fdt.property_string("device_type", "cpu")?;
                compatible(fdt, &["arm,armv8"])?;
                fdt.property_u64("reg", cpu.value())?;
                fdt.property_string("enable-method", "psci")?;
                if !phandles.is_empty() {
                    fdt.property_array_u32("cpu-idle-states", &phandles)?;
                }
                Ok(())
            })?;
        }
        if !phandles.is_empty() {
            idle_states(fdt, machine.idle_states)?;
        }
        Ok(())
    })
}

fn idle_states(fdt: &mut FdtWriter, states: &[IdleState]) -> Written {
    node(fdt, "idle-states", |fdt| {
        fdt.property_string("entry-method", "psci")?;
        for (phandle, state) in (FIRST_IDLE_STATE_PHANDLE..).zip(states) {
            node(fdt, state.name, |fdt| {
                compatible(fdt, &["arm,idle-state"])?;
                fdt.property_u32("arm,psci-suspend-param", state.power_state)?;
                fdt.property_u32("entry-latency-us", state.entry_latency_us)?;
                fdt.property_u32("exit-latency-us", state.exit_latency_us)?;
                fdt.property_u32("min-residency-us", state.min_residency_us)?;
                fdt.property_phandle(phandle)
            })?;
        }
        Ok(())
    })
}

/// `arm/psci.yaml`.
fn psci(fdt: &mut FdtWriter, machine: &Description<'_>) -> Written {
    let versions: &[&str] = match machine.psci_version {
        PsciVersion::V0_2 => &["arm,psci-0.2"],
        _ => &["arm,psci-1.0", "arm,psci-0.2"],
    };
    node(fdt, "psci", |fdt| {
        compatible(fdt, versions)?;
        fdt.property_string("method", machine.conduit.name())
    })
}

/// `timer/arm,arch_timer.yaml`: secure, non-secure, virtual and hypervisor timer. A guest has the virtual one
/// and KVM's physical one; the binding wants all four. No idle state stops them: `always-on`.
fn timer(fdt: &mut FdtWriter) -> Written {
    node(fdt, "timer", |fdt| {
        compatible(fdt, &["arm,armv8-timer"])?;
        let interrupts = [13, 14, 11, 10].map(|number| [PRIVATE, number, LEVEL_LOW]);
        fdt.property_array_u32("interrupts", interrupts.as_flattened())?;
        fdt.property_null("always-on")
    })
}

/// `interrupt-controller/arm,gic.yaml` and `arm,gic-v3.yaml`.
fn interrupt_controller(fdt: &mut FdtWriter, machine: &Description<'_>) -> Written {
    let (model, reg) = match machine.interrupt_controller {
        InterruptController::V2 => {
            ("arm,cortex-a15-gic", [layout::GIC_DISTRIBUTOR.0, 0x1000, layout::GIC_CPU_INTERFACE.0, 0x2000])
        }
        InterruptController::V3 => {
            // Two frames of 64 KiB for each CPU.
            let redistributors: u64 = machine.cpus.iter().map(|_| 0x2_0000).sum();
            (
                "arm,gic-v3",
                [layout::GIC_DISTRIBUTOR.0, 0x1_0000, layout::GIC_REDISTRIBUTORS.0, redistributors],
            )
        }
    };
    node(fdt, &at("interrupt-controller", layout::GIC_DISTRIBUTOR), |fdt| {
        compatible(fdt, &[model])?;
        fdt.property_null("interrupt-controller")?;
        fdt.property_u32("#interrupt-cells", 3)?;
        // It has no children, and is said to have none: where interrupts are mapped, this is looked at.
        fdt.property_u32("#address-cells", 0)?;
        fdt.property_array_u64("reg", &reg)?;
        fdt.property_phandle(GIC_PHANDLE)
    })
}

/// `arm/pmu.yaml`.
fn pmu(fdt: &mut FdtWriter) -> Written {
    node(fdt, "pmu", |fdt| {
        compatible(fdt, &["arm,armv8-pmuv3"])?;
        fdt.property_array_u32("interrupts", &[PRIVATE, layout::PMU_INTERRUPT - FIRST_PRIVATE, LEVEL_HIGH])
    })
}

/// `watchdog/arm-smc-wdt.yaml`. It is called over SMC whatever the conduit of PSCI is.
fn watchdog(fdt: &mut FdtWriter, function: FunctionId) -> Written {
    node(fdt, "watchdog", |fdt| {
        compatible(fdt, &["arm,smc-wdt"])?;
        fdt.property_u32("arm,smc-id", function.0)?;
        // Without it, Linux takes the longest that the watchdog allows.
        fdt.property_u32("timeout-sec", WATCHDOG_TIMEOUT)
    })
}

/// `arm/firmware/sdei.txt`. Linux looks for it in `/firmware`, and nowhere else.
fn sdei(fdt: &mut FdtWriter, conduit: Conduit) -> Written {
    node(fdt, "firmware", |fdt| {
        node(fdt, "sdei", |fdt| {
            compatible(fdt, &["arm,sdei-1.0"])?;
            fdt.property_string("method", conduit.name())
        })
    })
}

/// A node, its properties, its children, and its end.
pub(super) fn node(
    fdt: &mut FdtWriter,
    name: &str,
    content: impl FnOnce(&mut FdtWriter) -> Written,
) -> Written {
    let node = fdt.begin_node(name)?;
    content(fdt)?;
    fdt.end_node(node)
}

/// The name of the node of what is at an address.
fn at(name: &str, address: Ipa) -> String {
    format!("{name}@{:x}", address.0)
}

fn compatible(fdt: &mut FdtWriter, names: &[&str]) -> Written {
    strings(fdt, "compatible", names)
}

fn strings(fdt: &mut FdtWriter, property: &str, values: &[&str]) -> Written {
    fdt.property_string_list(property, values.iter().map(|&value| value.to_owned()).collect())
}

#[cfg(test)]
mod tests;

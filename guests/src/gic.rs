//! As much of a GICv3 (Arm IHI 0069) as wakes a CPU by its virtual timer. The interrupt is never taken: PSTATE.I
//! stays set.

use core::arch::asm;

use crate::{
    cpu::{self, read_register, write_register},
    machine::{Gic, Machine},
    mmio::{read, write},
};

/// The virtual timer's PPI (Arm BSA, table 5).
const VIRTUAL_TIMER: u32 = 27;

const GICD_CTLR: usize = 0;
/// `ARE_NS` and `EnableGrp1`, as laid out with one Security state (section 12.9.4).
const GICD_CTLR_ARE_GROUP1: u32 = 1 << 4 | 1 << 1;

const GICD_ISPENDR: usize = 0x200;
const GICD_ICFGR: usize = 0xc00;

const GICR_TYPER: usize = 0x8;
const GICR_TYPER_LAST: u64 = 1 << 4;
const GICR_TYPER_VLPIS: u64 = 1 << 1;
const GICR_WAKER: usize = 0x14;
const GICR_WAKER_PROCESSOR_SLEEP: u32 = 1 << 1;
const GICR_WAKER_CHILDREN_ASLEEP: u32 = 1 << 2;
const FRAME: usize = 0x1_0000;
const GICR_IGROUPR0: usize = FRAME + 0x80;
const GICR_ISENABLER0: usize = FRAME + 0x100;
const GICR_IPRIORITYR: usize = FRAME + 0x400;

/// Lets this CPU's virtual timer wake it.
///
/// # Errors
///
/// Why it cannot.
pub fn enable_virtual_timer(machine: &Machine) -> Result<(), &'static str> {
    enable_virtual_timer_of(machine.gic.ok_or("the FDT has no arm,gic-v3 below 1 GiB")?)
}

/// Likewise, without the machine.
///
/// # Errors
///
/// Why it cannot.
pub fn enable_virtual_timer_of(gic: Gic) -> Result<(), &'static str> {
    let redistributor = find_redistributor(gic.redistributors, gic.redistributors_size)
        .ok_or("no redistributor of this CPU")?;
    write(gic.distributor + GICD_CTLR, GICD_CTLR_ARE_GROUP1);
    let waker = redistributor + GICR_WAKER;
    write(waker, read(waker) & !GICR_WAKER_PROCESSOR_SLEEP);
    cpu::poll(1000, || (read(waker) & GICR_WAKER_CHILDREN_ASLEEP == 0).then_some(()))
        .ok_or("GICR_WAKER.ChildrenAsleep stays set")?;
    let group = redistributor + GICR_IGROUPR0;
    write(group, read(group) | 1 << VIRTUAL_TIMER);
    // The word that holds the priorities of 24 to 27.
    write(redistributor + GICR_IPRIORITYR + 24, 0x8080_8080);
    write(redistributor + GICR_ISENABLER0, 1 << VIRTUAL_TIMER);
    // By encoding: these names need a newer architecture level than the target's.
    write_register!("s3_0_c12_c12_5", read_register!("s3_0_c12_c12_5") | 1); // ICC_SRE_EL1.SRE
    write_register!("s3_0_c4_c6_0", 0xff); // ICC_PMR_EL1
    write_register!("s3_0_c12_c12_7", 1); // ICC_IGRPEN1_EL1
    Ok(())
}

/// No interrupt reaches this CPU any more, until it is enabled again: where PSTATE.I is clear, one that is on its way may
/// not come.
pub fn silence() {
    write_register!("s3_0_c12_c12_7", 0); // ICC_IGRPEN1_EL1
}

/// An SPI is by level from now on, which after reset it need not be (`GICD_ICFGR`, section 12.9.9).
pub fn set_level_sensitive(gic: Gic, intid: u64) {
    let Ok(intid) = usize::try_from(intid) else { return };
    let register = gic.distributor + GICD_ICFGR + intid / 16 * 4;
    write(register, read(register) & !(0b10 << (intid % 16 * 2)));
}

/// Is an SPI pending?
pub fn is_pending(gic: Gic, intid: u64) -> bool {
    let Ok(intid) = usize::try_from(intid) else { return false };
    read(gic.distributor + GICD_ISPENDR + intid / 32 * 4) & 1 << (intid % 32) != 0
}

fn find_redistributor(base: usize, size: usize) -> Option<usize> {
    let affinity = cpu::affinity();
    // Affinity as GICR_TYPER has it: 8 bits a level, without the gap of MPIDR.
    let wanted = (affinity & 0x00ff_ffff) | (affinity >> 32) << 24;
    let mut at = base;
    while at + 2 * FRAME <= base + size {
        let typer = read64(at + GICR_TYPER);
        if typer >> 32 == wanted {
            return Some(at);
        }
        if typer & GICR_TYPER_LAST != 0 {
            return None;
        }
        at += if typer & GICR_TYPER_VLPIS == 0 { 2 * FRAME } else { 4 * FRAME };
    }
    None
}

fn read64(address: usize) -> u64 {
    u64::from(read(address)) | u64::from(read(address + 4)) << 32
}

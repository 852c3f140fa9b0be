//! `PSTATE` of a handler: as after an exception from what was interrupted to EL1 (DEN0054, section 4.3; Arm DDI0487,
//! `AArch64.TakeException`).

/// N, Z, C and V.
const FLAGS: u64 = 0xf << 28;
/// `FEAT_MTE`: tag checks are off. Nothing where there are no tags.
const TCO: u64 = 1 << 25;
/// `FEAT_DIT`. `SPSR_EL1` has it in the same place whether the CPU was in AArch64 or AArch32.
const DIT: u64 = 1 << 24;
/// `FEAT_PAN`. Likewise.
const PAN: u64 = 1 << 22;
/// `FEAT_NMI`: all interrupts are masked, those with superpriority too.
const ALLINT: u64 = 1 << 13;
/// `FEAT_SSBS`: speculation past stores is safe.
const SSBS: u64 = 1 << 12;
/// D, A, I and F.
const DAIF: u64 = 0xf << 6;
/// AArch64, EL1, with the stack pointer of EL1.
const EL1H: u64 = 0b0101;

/// `SCTLR_EL1.SPAN`: an exception leaves PAN alone.
const SCTLR_SPAN: u64 = 1 << 23;
/// `SCTLR_EL1.DSSBS`: what SSBS is after an exception.
const SCTLR_DSSBS: u64 = 1 << 44;
/// `SCTLR_EL1.NMI`: there are interrupts with superpriority.
const SCTLR_NMI: u64 = 1 << 61;
/// `SCTLR_EL1.SPINTMASK`: an exception does not mask them.
const SCTLR_SPINTMASK: u64 = 1 << 62;

/// After an exception to EL1: what is not kept or set here is 0, among it UAO, SS, IL and BTYPE.
///
/// ALLINT masks nothing while `SCTLR_EL1.NMI` is 0, as it is on a CPU without it, and is left 0 then.
pub(super) const fn after_exception(interrupted: u64, sctlr_el1: u64) -> u64 {
    let kept = interrupted & (FLAGS | DIT | PAN);
    let pan = if sctlr_el1 & SCTLR_SPAN == 0 { PAN } else { 0 };
    let ssbs = if sctlr_el1 & SCTLR_DSSBS == 0 { 0 } else { SSBS };
    let allint = if sctlr_el1 & (SCTLR_NMI | SCTLR_SPINTMASK) == SCTLR_NMI { ALLINT } else { 0 };
    kept | pan | ssbs | allint | TCO | DAIF | EL1H
}

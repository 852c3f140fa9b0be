//! What a CPU says about itself, and its virtual timer (Arm ARM, D12).

use core::arch::asm;

/// The bits of an MPIDR that PSCI names a CPU by (Arm DEN0022, section 5.1.4).
pub const AFFINITY: u64 = 0x00ff_00ff_ffff;

macro_rules! read_register {
    ($name:literal) => {{
        let value: u64;
        // SAFETY: reads a register that EL1 may read; changes nothing.
        unsafe { asm!(concat!("mrs {}, ", $name), out(reg) value, options(nomem, nostack, preserves_flags)) };
        value
    }};
}
pub(crate) use read_register;

macro_rules! write_register {
    ($name:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: a register of the timer, of the GIC's CPU interface or for tracing: none of them touches memory.
        unsafe { asm!(concat!("msr ", $name, ", {}"), "isb", in(reg) value, options(nostack, preserves_flags)) };
    }};
}
pub(crate) use write_register;

/// This CPU's affinity.
pub fn affinity() -> u64 {
    read_register!("mpidr_el1") & AFFINITY
}

/// MIDR_EL1: which implementation it is.
pub fn implementation() -> u64 {
    read_register!("midr_el1")
}

/// CONTEXTIDR_EL1: a number that this guest chooses, and the architecture makes no use of.
pub fn set_context_id(value: u64) {
    write_register!("contextidr_el1", value);
}

/// CNTVCT_EL0, not before anything earlier in program order.
pub fn ticks() -> u64 {
    // SAFETY: a barrier changes nothing.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
    read_register!("cntvct_el0")
}

/// CNTPCT_EL0, likewise. A hypervisor may trap it.
pub fn physical_ticks() -> u64 {
    // SAFETY: a barrier changes nothing.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
    read_register!("cntpct_el0")
}

pub fn ticks_in_second() -> u64 {
    read_register!("cntfrq_el0")
}

pub fn ticks_in_ms(ms: u64) -> u64 {
    ticks_in_second() / 1000 * ms
}

/// Tries until it works, for at most `ms`.
pub fn poll<T>(ms: u64, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let start = ticks();
    let limit = ticks_in_ms(ms);
    loop {
        if let Some(result) = attempt() {
            return Some(result);
        }
        if ticks().wrapping_sub(start) > limit {
            return None;
        }
        core::hint::spin_loop();
    }
}

/// Does nothing for that long.
pub fn spin(ms: u64) {
    let _: Option<()> = poll(ms, || None);
}

/// PSTATE.I: no interrupt is taken.
pub fn mask_interrupts() {
    // SAFETY: this guest takes no interrupts; nothing depends on it.
    unsafe { asm!("msr daifset, #2", options(nostack, preserves_flags)) };
}

/// Interrupts are taken, and end the run: the caller sees to it that there are none.
pub fn unmask_interrupts() {
    // SAFETY: an exception preserves what it interrupts, or ends the run.
    unsafe { asm!("msr daifclr, #2", options(nostack, preserves_flags)) };
}

/// Waits for ever, without a call of firmware.
pub fn park() -> ! {
    loop {
        // SAFETY: waits; changes nothing.
        unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
    }
}

/// The virtual timer's `ENABLE` and `ISTATUS` (CNTV_CTL_EL0).
const CNTV_CTL_ENABLE: u64 = 1 << 0;
const CNTV_CTL_ISTATUS: u64 = 1 << 2;

/// The virtual timer's condition is met in `ms`.
pub fn start_timer(ms: u64) {
    let at = ticks() + ticks_in_ms(ms);
    write_register!("cntv_cval_el0", at);
    write_register!("cntv_ctl_el0", CNTV_CTL_ENABLE);
}

pub fn stop_timer() {
    write_register!("cntv_ctl_el0", 0);
}

/// Is the timer enabled and its condition met?
pub fn timer_has_fired() -> bool {
    let both = CNTV_CTL_ENABLE | CNTV_CTL_ISTATUS;
    read_register!("cntv_ctl_el0") & both == both
}

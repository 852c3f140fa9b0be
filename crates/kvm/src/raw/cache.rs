//! What a guest without caches sees, and what it wrote.

use std::sync::atomic::AtomicU64;

/// The smallest line of any cache, in words of 64 bits.
fn smallest_lines() -> Lines {
    let ctr: u64;
    // SAFETY: reads a register that userspace may read.
    #[allow(unsafe_code, reason = "CTR_EL0")]
    unsafe {
        core::arch::asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack, preserves_flags));
    }
    // In words of 32 bits, as a power of two (Arm ARM, D24.2.34).
    let words = |field: u64| 1 << (field & 0xf).saturating_sub(1);
    Lines { instructions: words(ctr), data: words(ctr >> 16) }
}

/// Sizes in words of 64 bits.
struct Lines {
    instructions: usize,
    data: usize,
}

/// Makes what was written visible to a guest that has its caches off, and what such a guest wrote visible here.
pub fn synchronise_data(memory: &[AtomicU64]) {
    for word in memory.iter().step_by(smallest_lines().data) {
        // SAFETY: cleans and invalidates the line of a valid address, which changes no value that a program sees.
        #[allow(unsafe_code, reason = "cache maintenance")]
        unsafe {
            core::arch::asm!("dc civac, {}", in(reg) word, options(nostack, preserves_flags));
        }
    }
    barrier();
}

/// Makes instructions that were written visible to a guest.
pub fn synchronise_instructions(memory: &[AtomicU64]) {
    synchronise_data(memory);
    for word in memory.iter().step_by(smallest_lines().instructions) {
        // SAFETY: invalidates a line of instructions, which are read again.
        #[allow(unsafe_code, reason = "cache maintenance")]
        unsafe {
            core::arch::asm!("ic ivau, {}", in(reg) word, options(nostack, preserves_flags));
        }
    }
    barrier();
}

fn barrier() {
    // SAFETY: barriers.
    #[allow(unsafe_code, reason = "barriers")]
    unsafe {
        core::arch::asm!("dsb ish", "isb", options(nostack, preserves_flags));
    }
}

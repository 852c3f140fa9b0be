//! Ways in which a run ends: `reset` by SYSTEM_RESET; `off` as every run does, by SYSTEM_OFF; `exception` by an
//! exception that nobody expects, so that a harness can prove that it notices one.
//!
//! The guest cannot tell whether it has been reset before; the monitor counts its boots.

use crate::{console::println, machine::Machine, psci, smccc::Conduit, tap::Report};

pub fn reset(_: &Machine, _: Conduit, _: &mut Report) {
    println!("ok 1 - reset");
    psci::system_reset()
}

pub fn off(_: &Machine, _: Conduit, _: &mut Report) {
    println!("ok 1 - off");
    psci::system_off()
}

pub fn exception(_: &Machine, _: Conduit, _: &mut Report) {
    // SAFETY: `brk` goes to the vectors, which do not return.
    unsafe { core::arch::asm!("brk #0") };
}

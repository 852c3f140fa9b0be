//! Ways in which a run ends: `reset` by SYSTEM_RESET; `off` as every run does, by SYSTEM_OFF; `hibernate` by SYSTEM_OFF2;
//! `exception` by an exception that nobody expects, so that a harness can prove that it notices one.
//!
//! And `reset_memory`: whether a word in memory outlives a reset. Without such a word the guest cannot tell whether it
//! has been reset before; the monitor counts its boots.

use core::arch::asm;

use crate::{
    console::println,
    machine::Machine,
    psci,
    smccc::{Conduit, NOT_SUPPORTED},
    tap::Report,
};

/// What no memory holds by chance.
const MAGIC: u64 = 0x5e7b_0a2d_c396_41f8;

pub fn reset(_: &Machine, _: Conduit, _: &mut Report) {
    println!("ok 1 - reset");
    psci::system_reset()
}

pub fn off(_: &Machine, _: Conduit, _: &mut Report) {
    println!("ok 1 - off");
    psci::system_off()
}

pub fn hibernate(_: &Machine, _: Conduit, _: &mut Report) {
    println!("ok 1 - hibernate");
    psci::hibernate()
}

/// Says what the word in the middle of memory is, writes another one, and resets as `reset=` says: `warm`, `cold`, or
/// `protected`, which is warm with MEM_PROTECT. The run ends once the word is found, which it must not be after the
/// latter two.
pub fn reset_memory(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let kind = machine.args.value("reset").unwrap_or("warm");
    let Some(word) = machine.middle_of_memory().map(core::ptr::with_exposed_provenance_mut::<u64>) else {
        return report.skip("the FDT has no memory");
    };
    // SAFETY: memory in which nothing is: the guest and its FDT are at its ends.
    let found = unsafe { word.read_volatile() };
    println!("# the word is {found:#x}");
    if found == MAGIC {
        report.check(kind == "warm", format_args!("the word has outlived a reset: {kind}"));
        return;
    }
    report.equal(format_args!("the word"), found, 0);
    // SAFETY: as above.
    unsafe {
        word.write_volatile(MAGIC);
        // A reset may lose what is only in a cache.
        asm!("dc civac, {}", "dsb sy", in(reg) word, options(nostack, preserves_flags));
    }
    match kind {
        "warm" => psci::warm_reset(),
        "cold" => psci::system_reset(),
        "protected" => {
            let before = conduit.call3(psci::MEM_PROTECT, [1, 0, 0]);
            if report.check(before != NOT_SUPPORTED, format_args!("MEM_PROTECT is NOT_SUPPORTED")) {
                psci::warm_reset()
            }
        }
        _ => {
            report.check(false, format_args!("there is no reset={kind}"));
        }
    }
}

pub fn exception(_: &Machine, _: Conduit, _: &mut Report) {
    // SAFETY: `brk` goes to the vectors, which do not return.
    unsafe { core::arch::asm!("brk #0") };
}

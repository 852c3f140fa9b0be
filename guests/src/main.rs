//! A bare-metal arm64 guest that tests the firmware it runs under.
//!
//! `entry.s` brings every CPU from its entry point to Rust; [`machine`] reads the FDT; [`tests`] are what the
//! command line asks for; their results go out as TAP ([`tap`]). Then the guest turns its machine off.
//!
//! Written from the specifications alone, without a line of Switchboard's own crates: a mistake in those must not
//! hide itself here. The one exception is `switchboard-cases`, the reader of `conformance/`, which knows no service.

#![no_std]
#![no_main]

mod args;
mod console;
mod cpu;
mod fdt;
mod gic;
mod machine;
mod mmio;
mod psci;
mod random;
mod resume;
mod sdei;
mod secondary;
mod services;
mod smccc;
mod tap;
mod tests;

use core::panic::PanicInfo;

use crate::{console::println, machine::Machine, smccc::Conduit};

core::arch::global_asm!(include_str!("entry.s"));

/// Where `entry.s` goes on, MMU on.
#[unsafe(no_mangle)]
extern "C" fn boot_main(fdt: usize) -> ! {
    // SAFETY: x0 at entry is the address of the FDT (Linux, Documentation/arch/arm64/booting.rst).
    let Some(machine) = (unsafe { Machine::discover(fdt) }) else { cpu::park() };
    // Whatever the command line names for the tests: the run must end.
    let named = machine.args.value("conduit").and_then(Conduit::from_name);
    if let Some(conduit) = machine.conduit.or(named) {
        conduit.set_default();
    }
    tests::run(&machine);
    psci::system_off()
}

#[unsafe(no_mangle)]
extern "C" fn unexpected_exception(vector: u64, esr_el1: u64, elr_el1: u64, far_el1: u64) -> ! {
    let cpu = cpu::affinity();
    println!(
        "BUG: exception: vector {vector}, ESR {esr_el1:#x}, ELR {elr_el1:#x}, FAR {far_el1:#x}, CPU {cpu:#x}"
    );
    psci::system_off()
}

#[panic_handler]
fn panic(panic: &PanicInfo<'_>) -> ! {
    println!("BUG: {panic}");
    psci::system_off()
}

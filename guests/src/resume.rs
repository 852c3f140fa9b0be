//! CPU_SUSPEND to a power-down state, as a function that returns either way.

use core::cell::UnsafeCell;

use crate::{
    machine::MAX_CPUS,
    smccc::{CallRoutine, Conduit, Registers},
};

/// What `entry.s` keeps of a CPU over a power-down, 256 bytes: how it came back (context ID, SCTLR_EL1, PSTATE), then
/// its stack pointer and the registers that a function must preserve.
#[repr(C, align(256))]
struct Buffer {
    resumed: [u64; 3],
    saved: [u64; 29],
}

#[repr(transparent)]
struct Buffers(UnsafeCell<[Buffer; MAX_CPUS]>);

// SAFETY: a CPU uses the buffer of its own index only.
unsafe impl Sync for Buffers {}

#[unsafe(no_mangle)]
static RESUME_BUFFERS: Buffers =
    Buffers(UnsafeCell::new([const { Buffer { resumed: [0; 3], saved: [0; 29] } }; MAX_CPUS]));

unsafe extern "C" {
    fn power_down(buffer: *mut Buffer, registers: *mut Registers, call: CallRoutine) -> u64;
}

/// How a CPU came back.
pub enum PowerDown {
    /// The call returned this.
    Returned(Registers),
    /// At the entry point, in this state.
    Resumed { context: u64, sctlr_el1: u64, pstate: u64 },
}

/// Makes a CPU_SUSPEND call whose entry point is [`secondary::resume`](crate::secondary::resume), and whose context
/// ID is [`secondary::context`](crate::secondary::context) of `index`, the index of this CPU.
pub fn suspend(conduit: Conduit, index: usize, mut registers: Registers) -> PowerDown {
    let buffers: *mut Buffer = RESUME_BUFFERS.0.get().cast();
    assert!(index < MAX_CPUS);
    // SAFETY: in bounds.
    let buffer = unsafe { buffers.add(index) };
    // SAFETY: the buffer is this CPU's; `power_down` preserves what a function must, both ways.
    if unsafe { power_down(buffer, &raw mut registers, conduit.routine()) } == 0 {
        return PowerDown::Returned(registers);
    }
    // SAFETY: as above; `resume_entry` wrote it, on this CPU.
    let [context, sctlr_el1, pstate] = unsafe { (&raw const (*buffer).resumed).read_volatile() };
    PowerDown::Resumed { context, sctlr_el1, pstate }
}

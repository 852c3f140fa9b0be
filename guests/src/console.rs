//! The console: a PL011 (Arm DDI 0183), polled.

use core::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::mmio;

/// 0 until it is known; then output is lost.
static BASE: AtomicUsize = AtomicUsize::new(0);

const UARTDR: usize = 0x000;
const UARTFR: usize = 0x018;
const UARTFR_TXFF: u32 = 1 << 5;

pub struct Console;

/// From now on there is a PL011 at this address.
pub fn set(base: usize) {
    BASE.store(base, Ordering::Relaxed);
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let base = BASE.load(Ordering::Relaxed);
        if base == 0 {
            return Err(fmt::Error);
        }
        text.bytes().for_each(|byte| send(base, byte));
        Ok(())
    }
}

fn send(base: usize, byte: u8) {
    while mmio::read(base + UARTFR) & UARTFR_TXFF != 0 {}
    mmio::write(base + UARTDR, u32::from(byte));
}

/// Prints a line.
macro_rules! println {
    ($($argument:tt)*) => {{
        use core::fmt::Write as _;
        // Nowhere to complain to.
        let _ = writeln!($crate::console::Console, $($argument)*);
    }};
}
pub(crate) use println;

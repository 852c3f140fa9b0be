//! The console, polled: a PL011 (Arm DDI 0183), or what is compatible with a 16550.

use core::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::mmio;

/// Where a serial port is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Uart {
    Pl011(usize),
    Uart16550(usize),
}

/// One of the two is not 0 once the console is known; until then output is lost.
static PL011: AtomicUsize = AtomicUsize::new(0);
static UART16550: AtomicUsize = AtomicUsize::new(0);

const UARTDR: usize = 0x000;
const UARTFR: usize = 0x018;
const UARTFR_TXFF: u32 = 1 << 5;

const THR: usize = 0;
const LSR: usize = 5;
const LSR_THRE: u8 = 1 << 5;

pub struct Console;

/// From now on this is the console.
pub fn set(uart: Uart) {
    let (pl011, uart16550) = match uart {
        Uart::Pl011(base) => (base, 0),
        Uart::Uart16550(base) => (0, base),
    };
    PL011.store(pl011, Ordering::Relaxed);
    UART16550.store(uart16550, Ordering::Relaxed);
}

/// Where the PL011 is, if the console is one.
pub fn pl011() -> Option<usize> {
    Some(PL011.load(Ordering::Relaxed)).filter(|&base| base != 0)
}

impl Uart {
    /// What a node of the FDT describes, if it is a serial port; its address is still missing.
    pub fn of_kind(compatible_with: impl Fn(&str) -> bool) -> Option<fn(usize) -> Self> {
        if compatible_with("arm,pl011") {
            return Some(Self::Pl011);
        }
        let is_16550 = ["ns16550a", "ns16550", "ns8250"].iter().any(|name| compatible_with(name));
        is_16550.then_some(Self::Uart16550)
    }

    /// `pl011@0x9000000`, `uart16550@0x1000000`.
    pub fn from_argument(text: &str) -> Option<Self> {
        let (kind, address) = text.split_once('@')?;
        let base = usize::from_str_radix(address.strip_prefix("0x").unwrap_or(address), 16).ok()?;
        match kind {
            "pl011" => Some(Self::Pl011(base)),
            "uart16550" => Some(Self::Uart16550(base)),
            _ => None,
        }
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let send: fn(usize, u8) = if PL011.load(Ordering::Relaxed) == 0 { send_16550 } else { send_pl011 };
        let base = PL011.load(Ordering::Relaxed) | UART16550.load(Ordering::Relaxed);
        if base == 0 {
            return Err(fmt::Error);
        }
        text.bytes().for_each(|byte| send(base, byte));
        Ok(())
    }
}

fn send_pl011(base: usize, byte: u8) {
    while mmio::read(base + UARTFR) & UARTFR_TXFF != 0 {}
    mmio::write(base + UARTDR, u32::from(byte));
}

fn send_16550(base: usize, byte: u8) {
    while mmio::read8(base + LSR) & LSR_THRE == 0 {}
    mmio::write8(base + THR, byte);
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

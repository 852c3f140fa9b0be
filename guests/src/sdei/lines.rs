//! Two devices whose interrupts the guest raises and lowers itself: a PL011 (Arm DDI 0183) that has nothing to
//! transmit, and a PL061 (Arm DDI 0190) whose lines are low. Both interrupt by level.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::Priority;
use crate::{
    console::{self, println},
    machine::Machine,
    mmio,
};

const UARTIMSC: usize = 0x038;
const UARTRIS: usize = 0x03c;
const TRANSMIT: u32 = 1 << 5;

const GPIODIR: usize = 0x400;
const GPIOIS: usize = 0x404;
const GPIOIBE: usize = 0x408;
const GPIOIEV: usize = 0x40c;
const GPIOIE: usize = 0x410;
/// The line that is used: nothing is connected to it.
const LINE: u32 = 1 << 0;
const GPIOPERIPHID0: usize = 0xfe0;
const GPIOPERIPHID2: usize = 0xfe8;

static UART: AtomicUsize = AtomicUsize::new(0);
static GPIO: AtomicUsize = AtomicUsize::new(0);

/// One of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Uart,
    Gpio,
}

impl Line {
    /// Its SPI, where Switchboard's machine has it.
    pub const fn intid(self) -> u64 {
        match self {
            Self::Uart => 33,
            Self::Gpio => 34,
        }
    }

    /// Of the event it is bound to: that is the platform's choice (section 4.4), and Switchboard's.
    pub const fn priority(self) -> Priority {
        match self {
            Self::Uart => Priority::Normal,
            Self::Gpio => Priority::Critical,
        }
    }

    /// The level becomes high.
    pub fn raise(self) {
        match self {
            Self::Uart => mmio::write(UART.load(Ordering::Relaxed) + UARTIMSC, TRANSMIT),
            Self::Gpio => mmio::write(GPIO.load(Ordering::Relaxed) + GPIOIE, LINE),
        }
    }

    /// The level becomes low.
    pub fn lower(self) {
        match self {
            Self::Uart => mmio::write(UART.load(Ordering::Relaxed) + UARTIMSC, 0),
            Self::Gpio => mmio::write(GPIO.load(Ordering::Relaxed) + GPIOIE, 0),
        }
    }
}

/// What the PL061 says of itself, in two reads: [`IDENTIFICATION`].
pub fn identification() -> u64 {
    let gpio = GPIO.load(Ordering::Relaxed);
    u64::from(mmio::read(gpio + GPIOPERIPHID0)) << 32 | u64::from(mmio::read(gpio + GPIOPERIPHID2))
}

/// GPIOPeriphID0 and GPIOPeriphID2.
pub const IDENTIFICATION: u64 = 0x61 << 32 | 0x04;

/// Finds the devices, and leaves both levels low.
///
/// # Errors
///
/// What is missing.
pub fn prepare(machine: &Machine) -> Result<(), &'static str> {
    let uart = console::pl011().ok_or("the console is no PL011")?;
    let gpio = machine.gpio.ok_or("the FDT has no arm,pl061")?;
    UART.store(uart, Ordering::Relaxed);
    GPIO.store(gpio, Ordering::Relaxed);
    Line::Uart.lower();
    Line::Gpio.lower();
    mmio::write(gpio + GPIODIR, 0);
    mmio::write(gpio + GPIOIBE, 0);
    mmio::write(gpio + GPIOIS, LINE);
    mmio::write(gpio + GPIOIEV, 0);
    // The interrupt is there once a byte was transmitted, and stays.
    if mmio::read(uart + UARTRIS) & TRANSMIT == 0 {
        println!("# sdei prepares the console's interrupt");
    }
    Ok(())
}

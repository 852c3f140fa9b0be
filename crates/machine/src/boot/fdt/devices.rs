//! The nodes of the devices that we emulate: PrimeCells, and what is connected to them.

use vm_fdt::FdtWriter;

use super::{
    CLOCK_PHANDLE, FIRST_SHARED, GPIO_PHANDLE, LEVEL_HIGH, SHARED, Written, at, compatible, node, strings,
};
use crate::layout;

/// The clock of the PrimeCells, in Hz. Nothing depends on it, no bit rate either; Linux insists on one.
const CLOCK: u32 = 24_000_000;

/// `linux/input-event-codes.h`: what a power button sends.
const KEY_POWER: u32 = 116;
/// `dt-bindings/gpio/gpio.h`: the line is high while the button is pressed.
const ACTIVE_HIGH: u32 = 0;

/// All of them.
pub(super) fn all(fdt: &mut FdtWriter) -> Written {
    clock(fdt)?;
    uart(fdt)?;
    gpio(fdt)?;
    power_button(fdt)
}

/// `clock/fixed-clock.yaml`.
fn clock(fdt: &mut FdtWriter) -> Written {
    node(fdt, "apb-pclk", |fdt| {
        compatible(fdt, &["fixed-clock"])?;
        fdt.property_u32("#clock-cells", 0)?;
        fdt.property_u32("clock-frequency", CLOCK)?;
        fdt.property_string("clock-output-names", "clk24mhz")?;
        fdt.property_phandle(CLOCK_PHANDLE)
    })
}

/// `serial/pl011.yaml`.
fn uart(fdt: &mut FdtWriter) -> Written {
    node(fdt, &at("serial", layout::UART), |fdt| {
        compatible(fdt, &["arm,pl011", "arm,primecell"])?;
        fdt.property_array_u64("reg", &[layout::UART.0, layout::UART_SIZE])?;
        fdt.property_array_u32("interrupts", &interrupt(layout::UART_INTERRUPT))?;
        fdt.property_array_u32("clocks", &[CLOCK_PHANDLE, CLOCK_PHANDLE])?;
        strings(fdt, "clock-names", &["uartclk", "apb_pclk"])
    })
}

/// `gpio/pl061-gpio.yaml`.
fn gpio(fdt: &mut FdtWriter) -> Written {
    node(fdt, &at("gpio", layout::GPIO), |fdt| {
        compatible(fdt, &["arm,pl061", "arm,primecell"])?;
        fdt.property_array_u64("reg", &[layout::GPIO.0, layout::GPIO_SIZE])?;
        fdt.property_array_u32("interrupts", &interrupt(layout::GPIO_INTERRUPT))?;
        fdt.property_null("interrupt-controller")?;
        fdt.property_u32("#interrupt-cells", 2)?;
        fdt.property_null("gpio-controller")?;
        fdt.property_u32("#gpio-cells", 2)?;
        fdt.property_u32("clocks", CLOCK_PHANDLE)?;
        fdt.property_string("clock-names", "apb_pclk")?;
        fdt.property_phandle(GPIO_PHANDLE)
    })
}

/// `input/gpio-keys.yaml`.
fn power_button(fdt: &mut FdtWriter) -> Written {
    node(fdt, "gpio-keys", |fdt| {
        compatible(fdt, &["gpio-keys"])?;
        node(fdt, "power-button", |fdt| {
            fdt.property_string("label", "Power Button")?;
            fdt.property_u32("linux,code", KEY_POWER)?;
            fdt.property_array_u32("gpios", &[GPIO_PHANDLE, layout::POWER_BUTTON_LINE, ACTIVE_HIGH])
        })
    })
}

/// The cells of a shared peripheral interrupt with this ID, by level.
const fn interrupt(id: u32) -> [u32; 3] {
    [SHARED, id - FIRST_SHARED, LEVEL_HIGH]
}
